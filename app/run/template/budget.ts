import { TemplateFailure, type TemplateLimit } from './failure.ts';

/** What one rendering may use. */
export interface TemplateLimits {
  /** Nodes evaluated, items passed and sixteenths of characters handled. */
  readonly steps: number;
  /** Bytes of everything that is made, whether or not it is still reachable. */
  readonly bytes: number;
  /** UTF-16 units written. */
  readonly output: number;
  /** Calls within calls. */
  readonly depth: number;
  readonly milliseconds: number;
}

/**
 * A conversation of a million characters takes well below a million steps and 20 MB with published templates. 10 million steps take about a second; the clock is only for computers that are much slower than that.
 */
export const defaultLimits: TemplateLimits = {
  steps: 10_000_000,
  bytes: 64 * 1024 * 1024,
  // A context of a million tokens has about as many characters.
  output: 4 * 1024 * 1024,
  depth: 120,
  milliseconds: 5_000,
};

/** Steps between two looks at the clock. */
const CLOCK_INTERVAL = 1 << 16;

/** Counts what a rendering uses and ends it where a limit is passed. */
export class Budget {
  readonly limits: TemplateLimits;
  private steps = 0;
  private bytes = 0;
  private output = 0;
  private depth = 0;
  private nextLook = CLOCK_INTERVAL;
  private readonly clock: () => number;
  private readonly endMs: number;

  /** @param clock milliseconds, from anywhere */
  constructor(limits: TemplateLimits, clock: () => number) {
    this.limits = limits;
    this.clock = clock;
    this.endMs = clock() + limits.milliseconds;
  }

  private exceeded(limit: TemplateLimit): TemplateFailure {
    return new TemplateFailure('limit', `it passed the limit of ${limit}`, { limit });
  }

  spend(steps: number): void {
    this.steps += steps;
    if (this.steps > this.limits.steps) throw this.exceeded('steps');
    if (this.steps < this.nextLook) return;
    this.nextLook = this.steps + CLOCK_INTERVAL;
    if (this.clock() > this.endMs) throw this.exceeded('time');
  }

  /** Asked before something of that size is made. */
  allocate(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.limits.bytes) throw this.exceeded('memory');
    this.spend(bytes / 32);
  }

  /** Asked before a text of that many UTF-16 units is made, or looked through. */
  text(units: number): void {
    this.allocate(units * 2);
  }

  /** Asked before a text is searched for another: the longer that is, the worse it may get. */
  search(units: number, part: number): void {
    this.spend(1 + (units / 16) * (1 + Math.min(part, 256) / 16));
  }

  /** Asked before a list of that many items is made. */
  items(count: number): void {
    // A pointer, and a small value behind it.
    this.allocate(count * 24);
  }

  write(units: number): void {
    this.output += units;
    if (this.output > this.limits.output) throw this.exceeded('output');
  }

  /** Counts a call within calls while `task` runs. */
  nested<T>(task: () => T): T {
    if (++this.depth > this.limits.depth) throw this.exceeded('depth');
    try {
      return task();
    } finally {
      this.depth--;
    }
  }
}
