import type { TensorView } from '../contract/tensor-view.ts';

/** Columns that a chart can show; more are drawn together. */
const MOST_SPANS = 1024;

/** Above this many times the median column a column is an outlier, as the contract says. */
const OUTLIER_RATIO = 6;
const MOST_OUTLIERS = 32;

/** Patterns of the upper half of a float32. */
const UPPER_PATTERNS = 65_536;

/**
 * The lower median of magnitudes and the first place where it stands. Non-negative floats are ordered like their bit
 * patterns, so the upper halves are counted and only the values that share the median's are sorted: ten million block
 * scales take a few hundredths of a second.
 */
export function medianOf(magnitudes: Float32Array): {
  readonly index: number;
  readonly value: number;
} {
  const patterns = new Uint32Array(magnitudes.buffer, magnitudes.byteOffset, magnitudes.length);
  const counts = new Uint32Array(UPPER_PATTERNS);
  for (const pattern of patterns) {
    const upper = pattern >>> 16;
    counts[upper] = (counts[upper] ?? 0) + 1;
  }
  let rank = Math.floor((magnitudes.length - 1) / 2);
  let upper = 0;
  while (upper < UPPER_PATTERNS - 1 && rank >= (counts[upper] ?? 0)) rank -= counts[upper++] ?? 0;
  const candidates = patterns.filter((pattern) => pattern >>> 16 === upper).sort();
  const pattern = candidates[rank] ?? 0;
  const index = patterns.indexOf(pattern);
  return { index: Math.max(0, index), value: magnitudes[index] ?? 0 };
}

/** The largest magnitude of each column, drawn together where there are many, and the columns far above the others. */
export function describeChannels(columnAbsmax: Float32Array): TensorView['channels'] {
  const count = columnAbsmax.length;
  const span = Math.max(1, Math.ceil(count / MOST_SPANS));
  const absmax: number[] = [];
  for (let start = 0; start < count; start += span)
    absmax.push(columnAbsmax.subarray(start, start + span).reduce((a, b) => Math.max(a, b), 0));
  const limit = OUTLIER_RATIO * medianOf(columnAbsmax).value;
  const outliers = Array.from(columnAbsmax, (value, column) => ({ column, absmax: value }))
    .filter((entry) => entry.absmax > limit)
    .sort((a, b) => b.absmax - a.absmax || a.column - b.column)
    .slice(0, MOST_OUTLIERS);
  return { count, span, absmax, outliers };
}
