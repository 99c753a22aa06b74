import type { Job } from '../../../app/contract/job.ts';

/**
 * The job to show for a source: the one that this window follows, else one that is under way or needs the person. A job
 * that was cancelled, or was done before, is over: the person may want something else of the same model.
 *
 * @param jobs Newest first.
 */
export function jobFor(
  jobs: readonly Job[],
  source: string,
  followedId: number | null,
): Job | null {
  const followed = jobs.find(({ id }) => id === followedId);
  if (followed !== undefined && followed.state !== 'cancelled') return followed;
  const open = jobs.find(
    ({ request, state }) =>
      request.kind === 'make' &&
      request.source === source &&
      state !== 'cancelled' &&
      state !== 'done',
  );
  return open ?? null;
}
