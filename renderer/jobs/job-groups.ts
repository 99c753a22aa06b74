import type { ErrorCode } from '../../app/contract/error.ts';
import type { Job, JobRequest, JobState } from '../../app/contract/job.ts';

export type JobGroupName = 'running' | 'queued' | 'held' | 'ended';

const groupOf: Readonly<Record<JobState, JobGroupName>> = {
  running: 'running',
  queued: 'queued',
  paused: 'held',
  interrupted: 'held',
  failed: 'held',
  cancelled: 'ended',
  done: 'ended',
};

/** The jobs by what they need: running ones first, those in a queue oldest first, the others newest first. */
export function groupJobs(jobs: readonly Job[]): Readonly<Record<JobGroupName, readonly Job[]>> {
  const groups: Record<JobGroupName, Job[]> = { running: [], queued: [], held: [], ended: [] };
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

/** What a person would do about a job that failed, most useful first. */
export type Remedy = 'resume' | 'token' | 'page' | 'library' | 'folders' | 'again';

/** Where trying the same again is not all that can be done. */
const special: Readonly<Partial<Record<ErrorCode, readonly Remedy[]>>> = {
  gated: ['page', 'token', 'resume'],
  unauthorized: ['token', 'resume'],
  'disk-full': ['library', 'folders', 'resume'],
  'permission-denied': ['folders', 'resume'],
  // The same again would fail again.
  'changed-on-hub': ['again'],
  'unsupported-model': ['again'],
  'invalid-weights': ['again'],
  'malformed-file': ['again'],
  'missing-tokenizer': ['again'],
};

/** The next steps after the failure of a job. */
export function remediesFor(job: Job): readonly Remedy[] {
  return job.error === null ? [] : (special[job.error.code] ?? ['resume']);
}

/** The repository that a request is about, for a link to its page; null for folders and the like. */
export function repositoryOf(request: JobRequest): string | null {
  if (request.kind !== 'make') return null;
  return /^([\w.-]+\/[\w.-]+)(@.*)?$/.exec(request.source)?.[1] ?? null;
}

/** The row that gets the focus when the one at `index` goes away: the next, else the one before; null when none is left. */
export function neighbour<T>(rows: readonly T[], index: number): T | null {
  return rows[index + 1] ?? rows[index - 1] ?? null;
}
