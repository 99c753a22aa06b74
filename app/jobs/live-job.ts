import type { Job } from '../contract/job.ts';
import type { Progress } from '../contract/progress.ts';
import { withProgress } from './steps.ts';
import type { JobPlace, JobStore } from './work.ts';

/** Nobody reads figures faster than ten times a second, and each of these objects crosses a process boundary. */
const EMIT_INTERVAL_MS = 100;

/** What a crash may cost of the shown progress; the work itself keeps its own, finer record. */
const SAVE_INTERVAL_MS = 1_000;

/** Why a job is being stopped. */
export type Stop = 'pause' | 'cancel' | 'interrupt';

export interface LiveJobOptions {
  readonly store: JobStore;
  /** The engine that has it. */
  readonly owner: string;
  readonly onChange: (job: Job) => void;
}

/** A job that this engine has queued or running: tells every change, and writes it down. */
export class LiveJob {
  readonly #options: LiveJobOptions;
  readonly #controller = new AbortController();
  readonly #ended = Promise.withResolvers<undefined>();
  #job: Job;
  #stop: Stop | null = null;
  #lastEmitMs = Number.NEGATIVE_INFINITY;
  #emitTimer: NodeJS.Timeout | null = null;
  #saveTimer: NodeJS.Timeout | null = null;
  #isOver = false;
  /** What cancelling deletes beside it, and what became of that. */
  discards = false;
  discardError: unknown = null;

  constructor(job: Job, options: LiveJobOptions) {
    this.#job = job;
    this.#options = options;
  }

  get job(): Job {
    return this.#job;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it was asked to stop; null while it was not. */
  get stopReason(): Stop | null {
    return this.#stop;
  }

  /** Resolves when the engine is done with it, whatever became of it. */
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }

  /** Asks the work to stop. A later, stronger reason replaces an earlier one. */
  stop(reason: Stop): void {
    if (this.#stop !== 'cancel') this.#stop = reason;
    this.#controller.abort();
  }

  /** Takes the work's word on how far it is. */
  progress(progress: Progress): void {
    // A late word of work that has stopped would bring the job back to life.
    if (this.#isOver) return;
    const waitsForDisk = progress.isPaused;
    const isStateChange = waitsForDisk !== this.#job.waitsForDisk;
    this.#job = { ...this.#job, waitsForDisk, steps: withProgress(this.#job.steps, progress) };
    if (isStateChange) {
      this.#emit();
      this.#save();
      return;
    }
    const sinceMs = performance.now() - this.#lastEmitMs;
    if (sinceMs >= EMIT_INTERVAL_MS) this.#emit();
    else
      this.#emitTimer ??= setTimeout(() => {
        this.#emit();
      }, EMIT_INTERVAL_MS - sinceMs);
    this.#saveLater();
  }

  /** Remembers a folder that the work is about to use, before anything is in it. */
  claim(place: JobPlace): void {
    this.#options.store.addPlace(this.#job.id, place);
  }

  /** Changes what is more than progress: told and written down at once. */
  change(changes: Partial<Job>): void {
    if (this.#isOver) return;
    this.#job = { ...this.#job, ...changes };
    this.#emit();
    this.#save();
  }

  /** The last change: nobody has the job any more. @returns whether it could be written down */
  end(changes: Partial<Job>): boolean {
    this.#isOver = true;
    this.#job = { ...this.#job, ...changes, waitsForDisk: false };
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.#saveTimer = null;
    let isSaved = true;
    try {
      this.#options.store.save(this.#job, null);
    } catch {
      // A full disk may keep the catalog from being written; the queue goes on trying.
      isSaved = false;
    }
    this.#emit();
    return isSaved;
  }

  /** Wakes those who wait for the end. */
  settle(): void {
    this.#ended.resolve(undefined);
  }

  #emit(): void {
    if (this.#emitTimer !== null) clearTimeout(this.#emitTimer);
    this.#emitTimer = null;
    this.#lastEmitMs = performance.now();
    this.#options.onChange(this.#job);
  }

  #saveLater(): void {
    this.#saveTimer ??= setTimeout(() => {
      this.#save();
    }, SAVE_INTERVAL_MS);
  }

  #save(): void {
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.#saveTimer = null;
    try {
      this.#options.store.save(this.#job, this.#options.owner);
    } catch {
      // The disk may be full just now, which must not end a job that waits for room: the next word is written again.
      this.#saveLater();
    }
  }
}
