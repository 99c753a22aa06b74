import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../contract/error.ts';
import { AppError } from '../contract/error.ts';

/** How often and how patiently a failed request is tried again. */
export interface RetryPolicy {
  /** Attempts after the first one, without progress between them. */
  readonly retries: number;
  /** Wait before the first retry; doubles with each. */
  readonly baseMs: number;
  /** Longest wait that we choose ourselves. */
  readonly maxMs: number;
}

/** 0.5 + 1 + 2 + 4 + 8 + 16 s: long enough for a router to come back, short enough to hear about it. */
export const DEFAULT_RETRY: RetryPolicy = { retries: 6, baseMs: 500, maxMs: 30_000 };

/** Somebody looks at a screen and waits: one more attempt, at once. */
export const PERSON_RETRY: RetryPolicy = { retries: 1, baseMs: 300, maxMs: 300 };

/** The Hub counts requests in windows of five minutes; a server that asks for more is not worth waiting for. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** Half of each wait is random, so that many clients of a server that comes back do not all come at once. */
const JITTER = 0.5;

/** A failure that another attempt may cure. */
export class TransientError extends AppError {
  /** How long the server asked to wait; null where it did not say. */
  readonly retryAfterMs: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    options: ConstructorParameters<typeof AppError>[2] & {
      readonly retryAfterMs?: number | null;
    } = {},
  ) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/**
 * Reads a Retry-After header, seconds or a date, in milliseconds.
 *
 * @returns null when there is none, or none that makes sense
 */
export function parseRetryAfter(header: string | null, nowMs: number = Date.now()): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** Milliseconds to wait before retry number `retry` (from 0); null when the server asks for more than is bearable. */
export function backoffMs(
  retry: number,
  policy: RetryPolicy,
  retryAfterMs: number | null,
  random: () => number = Math.random,
): number | null {
  if (retryAfterMs !== null && retryAfterMs > MAX_RETRY_AFTER_MS) return null;
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** retry);
  const own = full * (1 - JITTER + JITTER * random());
  return Math.max(own, retryAfterMs ?? 0);
}

export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait. */
  readonly onWait?: ((error: AppError, waitMs: number) => void) | undefined;
}

/**
 * Does `attempt` until it succeeds, fails for good or has failed too often. `attempt` calls `progressed` when it brought
 * enough to be worth starting the count again.
 *
 * @throws the last error; AppError `aborted` when the signal ends a wait.
 */
export async function withRetries<T>(
  attempt: (progressed: () => void) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  let retry = 0;
  for (;;) {
    try {
      return await attempt(() => {
        retry = 0;
      });
    } catch (error) {
      if (!(error instanceof TransientError) || retry >= options.policy.retries) throw error;
      const waitMs = backoffMs(retry, options.policy, error.retryAfterMs);
      if (waitMs === null) throw error;
      retry++;
      options.onWait?.(error, waitMs);
      await pause(waitMs, options.signal);
    }
  }
}

async function pause(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal });
  } catch (error) {
    throw new AppError('aborted', 'Cancelled.', { cause: error });
  }
}
