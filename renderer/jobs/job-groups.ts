import type { Job, JobState } from '../../app/contract/job.ts';

export type JobGroupName = 'running' | 'queued' | 'paused' | 'held' | 'ended';

const groupOf: Readonly<Record<JobState, JobGroupName>> = {
  running: 'running',
  queued: 'queued',
  // The person's own doing: it needs nothing.
  paused: 'paused',
  interrupted: 'held',
  failed: 'held',
  cancelled: 'ended',
  done: 'ended',
};

/** The jobs by what they need: running ones first, those in a queue oldest first, the others newest first. */
export function groupJobs(jobs: readonly Job[]): Readonly<Record<JobGroupName, readonly Job[]>> {
  const groups: Record<JobGroupName, Job[]> = {
    running: [],
    queued: [],
    paused: [],
    held: [],
    ended: [],
  };
  for (const job of jobs) groups[groupOf[job.state]].push(job);
  groups.queued.reverse();
  return groups;
}

export function canPause(job: Job): boolean {
  return job.state === 'running' || job.state === 'queued';
}
export function canResume(job: Job): boolean {
  return (
    job.state === 'paused' ||
    job.state === 'interrupted' ||
    job.state === 'failed' ||
    job.state === 'cancelled'
  );
}
export function canCancel(job: Job): boolean {
  return job.state !== 'done' && job.state !== 'cancelled';
}
/** As the engine has it: what may still go on by itself is cancelled first. */
export function canForget(job: Job): boolean {
  return job.state === 'done' || job.state === 'cancelled' || job.state === 'failed';
}

/** Whether a check found files that are not what they were: it is done, but that is no good news. */
export function foundDamage({ state, files }: Pick<Job, 'state' | 'files'>): boolean {
  return (
    state === 'done' &&
    files?.some((file) => file.state === 'changed' || file.state === 'missing') === true
  );
}

/** The row that gets the focus when the one at `index` goes away: the next, else the one before; null when none is left. */
export function neighbour<T>(rows: readonly T[], index: number): T | null {
  return rows[index + 1] ?? rows[index - 1] ?? null;
}
