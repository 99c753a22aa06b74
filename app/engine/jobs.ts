import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { EngineApi } from '../contract/engine-api.ts';
import { AppError } from '../contract/error.ts';
import type { Handlers } from '../contract/rpc.ts';
import { JobQueue } from '../jobs/index.ts';
import { acquireLock, type Lock } from '../quantize/index.ts';
import type { EngineContext } from './context.ts';
import { admit, doJob, type JobCalls } from './job-work.ts';
import { discardPlaces } from './unfinished.ts';

/** A mark as this engine makes them; what else a catalog may hold is never made into a path. */
const OWNER = /^[0-9a-f-]{36}$/;

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
 * This engine's mark on its jobs: a lock that it holds as long as it lives, taken when its first job is queued. Whoever
 * can take the lock of another engine knows that one to be dead, even by kill -9.
 */
class OwnerMark {
  readonly #folder: string;
  readonly #id = randomUUID();
  #lock: Promise<Lock> | null = null;

  constructor(home: string) {
    this.#folder = path.join(home, 'engines');
  }

  #acquire(owner: string): Promise<Lock> {
    return acquireLock(path.join(this.#folder, `${owner}.lock`), 'The list of jobs');
  }

  /** @throws AppError when the home cannot be written to */
  async take(): Promise<string> {
    this.#lock ??= mkdir(this.#folder, { recursive: true }).then(() => this.#acquire(this.#id));
    try {
      await this.#lock;
    } catch (error) {
      this.#lock = null;
      throw error;
    }
    return this.#id;
  }

  /** Calls `onDead` for each of the other owners that is gone, while nobody else can do the same. */
  async bury(owners: readonly string[], onDead: (owner: string) => void): Promise<void> {
    for (const owner of owners) {
      if (owner === this.#id) continue;
      if (!OWNER.test(owner)) {
        onDead(owner);
        continue;
      }
      await mkdir(this.#folder, { recursive: true });
      let lock: Lock;
      try {
        lock = await this.#acquire(owner);
      } catch (error) {
        if (error instanceof AppError && error.code === 'busy') continue;
        throw error;
      }
      try {
        onDead(owner);
      } finally {
        await lock.release();
      }
    }
  }

  async release(): Promise<void> {
    await (await this.#lock)?.release();
  }
}

/**
 * Opens the queue of an engine. Jobs that a dead engine left queued or running become `interrupted`; those of a living
 * one stay its own.
 */
export async function openJobs(context: EngineContext, calls: JobCalls): Promise<EngineJobs> {
  const store = context.catalog.jobs;
  const mark = new OwnerMark(context.home.directory);
  const freeOrphans = (): Promise<void> =>
    mark.bury(store.owners(), (owner) => {
      store.interruptJobsOf(owner);
    });
  await freeOrphans();
  const queue = new JobQueue({
    store,
    work: (job, call) => doJob(context, calls, job, call),
    discard: async (places) => {
      await discardPlaces(context, places);
    },
    owner: () => mark.take(),
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
    close: async () => {
      await queue.close();
      await mark.release();
    },
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
    cancelJob: ({ jobId, discard }) => queue.cancel(jobId, discard),
    forgetJob: async ({ jobId }) => {
      await queue.forget(jobId);
      return {};
    },
  };
}
