import { isEnded, type Job } from '../../app/contract/job.ts';
import { engine, keepWatching } from '../bridge.ts';
import { queryClient, queryKeys } from './queries.ts';
import { createStore, useStore } from './store.ts';

/** Every job the engine knows, newest first; null until the first answer. */
const jobs = createStore<readonly Job[] | null>(null);
/** The job that ended last while the app was open: the frame tells the person once. */
const ended = createStore<Job | null>(null);

function put(job: Job): void {
  const known = jobs.read() ?? [];
  const before = known.find((other) => other.id === job.id);
  const next = [job, ...known.filter((other) => other.id !== job.id)];
  jobs.write(next.sort((a, b) => b.id - a.id));
  // Artifacts appear one by one while a job goes on.
  if (
    before?.state !== job.state ||
    before.artifactIds.length !== job.artifactIds.length ||
    before.checkpointId !== job.checkpointId
  )
    void queryClient.invalidateQueries({ queryKey: queryKeys.library });
  if (before !== undefined && before.state !== job.state && isEnded(job.state)) ended.write(job);
}

/** Reads all jobs anew, e.g. after one was forgotten. */
export async function refreshJobs(): Promise<void> {
  jobs.write(await engine.jobs({}));
}

/** Follows the engine's jobs until the returned function is called. */
export function followJobs(): () => void {
  return keepWatching(async (signal) => {
    await refreshJobs();
    await engine.watchJobs({}, { signal, onEvent: put });
  });
}

export function useJobs(): readonly Job[] | null {
  return useStore(jobs);
}
export function useEndedJob(): Job | null {
  return useStore(ended);
}
