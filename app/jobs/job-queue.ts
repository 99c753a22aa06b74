import { AppError, describeError, toAppError, type ErrorCode } from '../contract/error.ts';
import { isEnded, type Job, type JobRequest } from '../contract/job.ts';
import { LiveJob, type Stop } from './live-job.ts';
import { atRest, whenDone } from './steps.ts';
import type { JobQueueOptions } from './work.ts';

/** How often an end that could not be written down is tried again. */
const SAVE_AGAIN_MS = 2_000;

/**
 * What work may end with while it is being stopped although nothing is wrong with what it works on: a process that was ended
 * or that died, a connection, a disk. When it goes on, it meets the same again or it does not.
 */
const RESULTS_OF_STOPPING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'aborted',
  'busy',
  'disk-full',
  'engine-restarted',
  'network',
  'rate-limited',
  'runner-crashed',
]);

type Watcher = (job: Job) => void;

function now(): string {
  return new Date().toISOString();
}

/**
 * Background jobs, one working at a time, the others waiting in the order in which they came.
 *
 * It does no work and no I/O of its own: the engine gives it both. What it adds is order, and the record of it.
 */
export class JobQueue {
  readonly #options: JobQueueOptions;
  /** Queued and running jobs, and ended ones whose end is not written down yet. */
  readonly #live = new Map<number, LiveJob>();
  readonly #unsaved = new Set<number>();
  #waiting: LiveJob[] = [];
  #running: LiveJob | null = null;
  readonly #watchers = new Set<Watcher>();
  readonly #closed = new AbortController();
  #saveTimer: NodeJS.Timeout | null = null;

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  /**
   * Queues a job.
   *
   * @throws AppError 'engine-restarted' when the engine is closing, and whatever the store throws
   */
  async start(request: JobRequest, subject: string): Promise<Job> {
    const owner = await this.#options.owner();
    this.#requireOpen();
    const job = this.#options.store.add({ request, subject, owner, createdAt: now() });
    return this.#enqueue(job, owner);
  }

  /** Newest first. */
  async jobs(): Promise<Job[]> {
    await this.#options.freeOrphans();
    return this.#options.store.jobs().map((job) => this.#view(job));
  }

  /** The job that is working now, or null. */
  get running(): Job | null {
    return this.#running?.job ?? null;
  }

  /** Tells every job that is not ended, oldest first, then every change, until `signal` fires or the queue is closed. */
  async watch(signal: AbortSignal, emit: Watcher): Promise<void> {
    const jobs = await this.jobs();
    if (signal.aborted || this.#closed.signal.aborted) return;
    for (const job of jobs.reverse()) if (!isEnded(job.state)) emit(job);
    this.#watchers.add(emit);
    await new Promise<void>((resolve) => {
      AbortSignal.any([signal, this.#closed.signal]).addEventListener('abort', () => {
        resolve();
      });
    });
    this.#watchers.delete(emit);
  }

  /**
   * Stops a job so that it can go on later. Resolves when its work has stopped.
   *
   * @throws AppError 'not-found', 'busy' when another engine has it, 'invalid-input' when it has ended
   */
  async pause(id: number): Promise<Job> {
    const { job, live } = await this.#find(id);
    if (live !== null) return this.#stop(live, 'pause');
    if (job.state === 'paused' || job.state === 'interrupted') return job;
    throw new AppError('invalid-input', `Job ${id} (${job.subject}) is not running.`, {
      remedy: 'Only a job that is queued or running can be paused.',
    });
  }

  /**
   * Queues a job again that is paused, interrupted, failed or cancelled.
   *
   * @throws AppError 'not-found', 'busy' when another engine has it, 'invalid-input' when it is done
   */
  async resume(id: number): Promise<Job> {
    const { job, live } = await this.#find(id);
    if (live !== null) return live.job;
    if (job.state === 'done')
      throw new AppError('invalid-input', `Job ${id} (${job.subject}) is done.`, {
        remedy: 'Start a new one.',
      });
    const owner = await this.#options.owner();
    this.#requireOpen();
    if (!this.#options.store.claim(id, owner)) throw this.#taken(job);
    return this.#enqueue({ ...this.#require(id), error: null }, owner);
  }

  /**
   * Ends a job; with `discard` also deletes what it had not finished. Resolves when its work has stopped.
   *
   * @throws AppError 'not-found', 'busy' when another engine has it or its files, 'invalid-input' when it is done
   */
  async cancel(id: number, discard: boolean): Promise<Job> {
    const { job, live } = await this.#find(id);
    if (live !== null) {
      live.discards ||= discard;
      const stopped = await this.#stop(live, 'cancel');
      if (live.discardError !== null) throw toAppError(live.discardError);
      return stopped;
    }
    if (job.state === 'done')
      throw new AppError('invalid-input', `Job ${id} (${job.subject}) is done.`, {
        remedy: 'Remove what it made from the library instead.',
      });
    if (discard) await this.#options.discard(this.#options.store.places(id));
    if (job.state === 'cancelled') return job;
    const cancelled: Job = { ...job, state: 'cancelled', endedAt: job.endedAt ?? now() };
    this.#options.store.save(cancelled, null);
    this.#tell(cancelled);
    return cancelled;
  }

  /**
   * Takes an ended job off the list.
   *
   * @throws AppError 'not-found', 'invalid-input' when it has not ended
   */
  async forget(id: number): Promise<void> {
    const { job } = await this.#find(id);
    if (!isEnded(job.state))
      throw new AppError('invalid-input', `Job ${id} (${job.subject}) has not ended.`, {
        remedy: 'Cancel it first.',
      });
    this.#unsaved.delete(id);
    this.#live.delete(id);
    this.#options.store.remove(id);
  }

  /** Stops everything in an orderly way: what was queued or running can be resumed by the next engine. */
  async close(): Promise<void> {
    this.#closed.abort();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const live of waiting) this.#end(live, { state: 'interrupted' });
    const running = this.#running;
    running?.stop('interrupt');
    await running?.ended;
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.#saveUnsaved();
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
  }

  #requireOpen(): void {
    if (this.#closed.signal.aborted)
      throw new AppError('engine-restarted', 'Nibble is closing.', { remedy: 'Start it again.' });
  }

  #require(id: number): Job {
    const job = this.#options.store.job(id);
    if (job !== null) return job;
    throw new AppError('not-found', `There is no job ${id}.`, {
      remedy: 'It was taken off the list; start a new one.',
    });
  }

  /** A job as it is now: what this engine has in its hands is newer than what is written down. */
  #view(stored: Job): Job {
    const live = this.#live.get(stored.id);
    if (live !== undefined) return live.job;
    return stored.state === 'running' ? stored : { ...stored, steps: atRest(stored.steps) };
  }

  /** A job, and the hold that this engine has on it. @throws AppError 'busy' when another one has it */
  async #find(id: number): Promise<{ job: Job; live: LiveJob | null }> {
    const live = this.#live.get(id);
    if (live !== undefined && !this.#unsaved.has(id)) return { job: live.job, live };
    this.#saveUnsaved();
    await this.#options.freeOrphans();
    const job = this.#view(this.#require(id));
    if (this.#options.store.owner(id) !== null && !this.#live.has(id)) throw this.#taken(job);
    return { job, live: null };
  }

  #taken(job: Job): AppError {
    return new AppError(
      'busy',
      `Job ${job.id} (${job.subject}) belongs to another Nibble that is running.`,
      { remedy: 'Use the window or the terminal that started it, or close that one first.' },
    );
  }

  #enqueue(job: Job, owner: string): Job {
    const live = new LiveJob(job, {
      store: this.#options.store,
      owner,
      onChange: (changed) => {
        this.#tell(changed);
      },
    });
    this.#live.set(job.id, live);
    this.#waiting.push(live);
    this.#tell(live.job);
    this.#next();
    return live.job;
  }

  #tell(job: Job): void {
    for (const watcher of [...this.#watchers]) watcher(job);
  }

  #next(): void {
    if (this.#running !== null || this.#closed.signal.aborted) return;
    const live = this.#waiting.shift();
    if (live === undefined) return;
    this.#running = live;
    void this.#run(live);
  }

  async #run(live: LiveJob): Promise<void> {
    live.change({ state: 'running', error: null, endedAt: null });
    let end: Partial<Job>;
    try {
      await this.#options.work(live.job, {
        signal: live.signal,
        emit: (progress) => {
          live.progress(progress);
        },
        note: (changes) => {
          live.change(changes);
        },
        claim: (place) => {
          live.claim(place);
        },
      });
      end = { state: 'done', steps: whenDone(live.job.steps), endedAt: now() };
    } catch (error) {
      end = this.#ending(live.stopReason, error);
    }
    if (end.state === 'cancelled' && live.discards)
      try {
        await this.#options.discard(this.#options.store.places(live.job.id));
      } catch (error) {
        live.discardError = error;
      }
    this.#end(live, end);
    this.#running = null;
    this.#next();
  }

  /** What becomes of a job whose work has thrown. */
  #ending(stop: Stop | null, error: unknown): Partial<Job> {
    if (stop === 'cancel') return { state: 'cancelled', endedAt: now() };
    const known = toAppError(error);
    // What breaks while it is being stopped may be no more than a result of that, and says nothing of the work.
    if (stop !== null && RESULTS_OF_STOPPING.has(known.code))
      return { state: stop === 'pause' ? 'paused' : 'interrupted' };
    return { state: 'failed', error: describeError(known), endedAt: now() };
  }

  /** Stops a job that is queued or running. */
  async #stop(live: LiveJob, reason: Stop): Promise<Job> {
    const place = this.#waiting.indexOf(live);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      if (reason === 'cancel' && live.discards)
        try {
          await this.#options.discard(this.#options.store.places(live.job.id));
        } catch (error) {
          live.discardError = error;
        }
      this.#end(
        live,
        reason === 'cancel' ? { state: 'cancelled', endedAt: now() } : { state: 'paused' },
      );
    } else {
      live.stop(reason);
      await live.ended;
    }
    return live.job;
  }

  #end(live: LiveJob, changes: Partial<Job>): void {
    const { id } = live.job;
    if (live.end({ steps: atRest(live.job.steps), ...changes })) this.#live.delete(id);
    else {
      this.#unsaved.add(id);
      this.#saveLater();
    }
    live.settle();
  }

  #saveLater(): void {
    this.#saveTimer ??= setTimeout(() => {
      this.#saveUnsaved();
    }, SAVE_AGAIN_MS);
  }

  #saveUnsaved(): void {
    this.#saveTimer = null;
    for (const id of this.#unsaved) {
      const job = this.#live.get(id)?.job;
      try {
        if (job !== undefined) this.#options.store.save(job, null);
      } catch {
        this.#saveLater();
        return;
      }
      this.#unsaved.delete(id);
      this.#live.delete(id);
    }
  }
}
