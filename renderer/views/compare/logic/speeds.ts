import type { GeneratedToken } from '../../../../app/contract/sampling.ts';

export interface LiveSpeed {
  /** From the question to the first token, ms; null before it came. */
  readonly firstTokenMs: number | null;
  /** Tokens per second since the first; null before the second came. */
  readonly rate: number | null;
}

/** Speeds of an answer that is still growing, by the runner's own clock. */
export function liveSpeed(tokens: readonly GeneratedToken[]): LiveSpeed {
  const first = tokens[0];
  const last = tokens.at(-1);
  if (first === undefined || last === undefined) return { firstTokenMs: null, rate: null };
  const spanMs = last.elapsedMs - first.elapsedMs;
  return {
    firstTokenMs: first.elapsedMs,
    rate: spanMs > 0 ? ((tokens.length - 1) / spanMs) * 1000 : null,
  };
}
