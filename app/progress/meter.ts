import type { Progress } from '../contract/progress.ts';

/** People cannot read faster than this, and every object may cross a process boundary: at most 10 a second. */
const MIN_INTERVAL_MS = 100;

/** The rate is the mean over this window: long enough to be calm, short enough to follow a change of network. */
const RATE_WINDOW_MS = 5_000;

/** Before this much time has passed a rate would be noise. */
const MIN_RATE_SPAN_MS = 500;

export interface ProgressMeterOptions {
  /** Tells the steps of one operation apart. */
  readonly step: string;
  readonly phase: Progress['phase'];
  /** What a person calls that which is worked on. @default the step */
  readonly subject?: string;
  /** @default null */
  readonly artifact?: string | null;
  /** @default null */
  readonly format?: string | null;
  readonly unit: Progress['unit'];
  /** In `unit`; null until it is known. */
  readonly total: number | null;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Milliseconds of a clock that never jumps. @default performance.now */
  readonly now?: () => number;
}

interface Sample {
  readonly atMs: number;
  readonly worked: number;
}

/**
 * Turns small steps of work into Progress objects: throttled, with a smoothed rate, and never going backwards.
 *
 * Work that has to be done again (`retract`) holds the shown figure where it was until it is caught up with; work that
 * was found done (`skip`) counts as done but not towards the rate, so that a resumed download does not promise to end
 * in a second.
 */
export class ProgressMeter {
  readonly #options: ProgressMeterOptions;
  readonly #now: () => number;
  #total: number | null;
  #done = 0;
  /** The largest `done` that was ever shown. */
  #shown = 0;
  /** What was done here and now, the base of the rate. */
  #worked = 0;
  #detail: string | null = null;
  #artifact: string | null;
  #paused = false;
  #samples: Sample[] = [];
  #lastEmitMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProgressMeterOptions) {
    this.#options = options;
    this.#now = options.now ?? ((): number => performance.now());
    this.#total = options.total;
    this.#artifact = options.artifact ?? null;
    this.#samples.push({ atMs: this.#now(), worked: 0 });
  }

  /** Units done so far, as shown. */
  get done(): number {
    return this.#shown;
  }

  /** Counts `delta` more units of work; `detail` names what is being worked on, `artifact` of which artifact. */
  advance(delta: number, detail?: string, artifact?: string): void {
    this.#artifact = artifact ?? this.#artifact;
    this.#done += delta;
    this.#worked += delta;
    this.#update(detail);
  }

  /** Counts `delta` units that were already done before this run. */
  skip(delta: number, detail?: string): void {
    this.#done += delta;
    this.#update(detail);
  }

  /** Takes back `delta` units that must be done again. What is shown stays where it is. */
  retract(delta: number): void {
    this.#done = Math.max(0, this.#done - delta);
  }

  /** Sets the units done, for work that counts by itself. */
  set(done: number, detail?: string): void {
    this.advance(done - this.#done, detail);
  }

  /** Sets the total once it is known. */
  setTotal(total: number): void {
    this.#total = total;
    this.#update();
  }

  /** Says at once what is being worked on, however recent the last word was. */
  announce(detail: string, artifact?: string): void {
    this.#artifact = artifact ?? this.#artifact;
    this.#detail = detail;
    this.#emit();
  }

  /** Says at once that the work waits for something, in `detail`'s words; the next step of work ends the pause. */
  pause(detail: string): void {
    this.#paused = true;
    this.#detail = detail;
    this.#emit();
  }

  /** Ends a pause: the time spent in it does not count towards the rate. */
  resume(detail?: string): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#detail = detail ?? null;
    this.#samples = [{ atMs: this.#now(), worked: this.#worked }];
    this.#emit();
  }

  /** Both, for work that may have to wait for something: it calls them when a wait begins and when it is over. */
  get waits(): {
    readonly onPause: (detail: string) => void;
    readonly onResume: () => void;
  } {
    return {
      onPause: (detail) => {
        this.pause(detail);
      },
      onResume: () => {
        this.resume();
      },
    };
  }

  /** Emits the end of the step: `done` equals `total` where one is known. */
  finish(detail?: string): void {
    this.#paused = false;
    if (detail !== undefined) this.#detail = detail;
    if (this.#total !== null) this.#done = this.#total;
    this.#total ??= this.#done;
    this.#shown = Math.max(this.#shown, this.#done);
    this.#emit();
  }

  #update(detail?: string): void {
    if (this.#paused) this.resume(detail);
    if (detail !== undefined) this.#detail = detail;
    this.#shown = Math.max(this.#shown, this.#done);
    if (this.#now() - this.#lastEmitMs >= MIN_INTERVAL_MS) this.#emit();
  }

  #rate(): number | null {
    const atMs = this.#now();
    const last = this.#samples.at(-1);
    if (last === undefined || atMs - last.atMs >= MIN_INTERVAL_MS)
      this.#samples.push({ atMs, worked: this.#worked });
    while (this.#samples.length > 2 && atMs - (this.#samples[1]?.atMs ?? atMs) >= RATE_WINDOW_MS)
      this.#samples.shift();
    const first = this.#samples[0];
    if (first === undefined || atMs - first.atMs < MIN_RATE_SPAN_MS) return null;
    return Math.max(0, ((this.#worked - first.worked) / (atMs - first.atMs)) * 1000);
  }

  #emit(): void {
    const { onProgress, step, phase, unit, subject = step, format = null } = this.#options;
    if (onProgress === undefined) return;
    this.#lastEmitMs = this.#now();
    const rate = this.#paused ? null : this.#rate();
    const left = this.#total === null ? null : Math.max(0, this.#total - this.#shown);
    const secondsLeft = left === 0 ? 0 : left === null || !rate ? null : left / rate;
    onProgress({
      step,
      phase,
      isPaused: this.#paused,
      subject,
      artifact: this.#artifact,
      format,
      detail: this.#detail,
      unit,
      done: this.#total === null ? this.#shown : Math.min(this.#shown, this.#total),
      total: this.#total,
      rate,
      secondsLeft,
    });
  }
}
