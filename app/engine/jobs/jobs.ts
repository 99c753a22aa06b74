import type { EngineApi } from '../../contract/engine-api.ts';
import { AppError } from '../../contract/error.ts';
import type { Handlers } from '../../contract/rpc.ts';
import { JobQueue } from '../../jobs/index.ts';
import type { EngineContext } from '../context.ts';
import { admit, doJob, type JobCalls } from './job-work.ts';
import { whileDiskFull } from './while-disk-full.ts';
import { discardPlaces } from './unfinished.ts';

/** The jobs of one engine. */
export interface EngineJobs {
  readonly queue: JobQueue;
  /** Folders that the running job has begun to fill. */
  busyDirectories(): ReadonlySet<string>;
  /** @throws AppError 'busy' when the running job reads or makes the checkpoint or artifact with this id */
  requireUnused(id: string): void;
  /** Stops what runs in an orderly way and leaves it `interrupted`. */
  close(): Promise<void>;
}

/**
 * Opens the queue of an engine. Jobs that a dead engine left queued or running become `interrupted`; those of a living
 * one stay its own.
 */
export async function openJobs(context: EngineContext, calls: JobCalls): Promise<EngineJobs> {
  const store = context.catalog.jobs;
  const { lease } = context;
  const freeOrphans = (): Promise<void> =>
    lease.reclaim(store.owners(), (owner) => {
      store.interruptJobsOf(owner);
    });
  await freeOrphans();
  const queue = new JobQueue({
    store,
    work: (job, call) =>
      whileDiskFull(
        context,
        call,
        (watched) => doJob(context, calls, job, watched),
        // Resumed: an earlier run got somewhere.
        job.steps.length > 0 || job.artifactIds.length > 0,
      ),
    discard: async (places) => {
      await context.reserve.use(() => discardPlaces(context, places));
    },
    owner: () => lease.acquire(),
    freeOrphans,
  });
  return {
    queue,
    busyDirectories: () =>
      new Set(
        queue.running === null
          ? []
          : store.places(queue.running.id).map(({ directory }) => directory),
      ),
    requireUnused: (id) => {
      const job = queue.running;
      if (job === null) return;
      const { request } = job;
      const used =
        request.kind === 'make'
          ? [job.checkpointId, ...job.artifactIds]
          : [request.id, request.kind === 'evaluate' ? request.referenceId : null];
      if (used.includes(id))
        throw new AppError('busy', `${id} is being worked on (${job.subject}).`, {
          remedy: 'Wait until that job is done, or cancel it.',
        });
    },
    close: () => queue.close(),
  };
}

type JobHandlers = Pick<
  Handlers<EngineApi>,
  'startJob' | 'jobs' | 'watchJobs' | 'pauseJob' | 'resumeJob' | 'cancelJob' | 'forgetJob'
>;

/** The calls around background jobs. */
export function jobCalls(context: EngineContext, { queue }: EngineJobs): JobHandlers {
  return {
    startJob: async (params) => {
      const { request, subject } = await admit(context, params.request);
      return queue.start(request, subject);
    },
    jobs: () => queue.jobs(),
    watchJobs: async (_, { signal, emit }) => {
      await queue.watch(signal, emit);
      return {};
    },
    pauseJob: ({ jobId }) => queue.pause(jobId),
    resumeJob: ({ jobId }) => queue.resume(jobId),
    cancelJob: ({ jobId, discard }) => context.reserve.use(() => queue.cancel(jobId, discard)),
    forgetJob: async ({ jobId }) => {
      await context.reserve.use(() => queue.forget(jobId));
      return {};
    },
  };
}
