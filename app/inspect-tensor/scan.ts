import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../contract/error.ts';
import { HistogramMeter } from './histogram.ts';
import { CHUNK_ELEMENTS, type WeightReader } from './weight-reader.ts';

/** A tensor cut into segments that each lie within a row: its blocks, or its rows where it has none. */
export interface Segments {
  readonly reader: WeightReader;
  readonly columns: number;
  readonly segmentLength: number;
  readonly signal: AbortSignal | undefined;
}

/** How far the weights reach. */
export interface Extents {
  readonly least: number;
  readonly most: number;
  /** Largest magnitude of each segment and of each column. */
  readonly segmentAbsmax: Float32Array;
  readonly columnAbsmax: Float32Array;
}

/** Calls `use` for chunks of whole segments, in order, letting others have a turn between them. */
async function forEachChunk(
  { reader, segmentLength, signal }: Segments,
  use: (values: Float32Array, start: number) => void,
): Promise<void> {
  const { numel, step } = reader;
  // A segment may be longer than a step (rows of 4-bit blocks) or shorter (blocks in rows): one divides the other.
  const unit = Math.max(step, segmentLength);
  const length = Math.max(1, Math.floor(CHUNK_ELEMENTS / unit)) * unit;
  for (let start = 0; start < numel; start += length) {
    if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
    use(await reader.read(start, Math.min(numel, start + length), signal), start);
    await nextTurn();
  }
}

/** Smallest and largest value seen, and a sum that is NaN or infinite if any value was. */
type Reach = Float64Array<ArrayBuffer>;

/**
 * Widens `reach` by one segment and raises the columns' magnitudes. A function of its own with nothing captured: inside a
 * closure every number would be allocated anew.
 *
 * @returns the segment's absmax
 */
function scanSegment(
  values: Float32Array,
  start: number,
  length: number,
  columnAbsmax: Float32Array,
  firstColumn: number,
  reach: Reach,
): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < length; i++) {
    const value = values[start + i] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
    const magnitude = Math.abs(value);
    if (magnitude > (columnAbsmax[firstColumn + i] ?? 0)) columnAbsmax[firstColumn + i] = magnitude;
    sum += value;
  }
  if (low < (reach[0] ?? 0)) reach[0] = low;
  if (high > (reach[1] ?? 0)) reach[1] = high;
  reach[2] = (reach[2] ?? 0) + sum;
  return Math.max(-low, high);
}

/** First pass: ranges and magnitudes. @throws AppError `invalid-weights` for NaN and infinities, `aborted` */
export async function scanExtents(segments: Segments, name: string): Promise<Extents> {
  const { reader, columns, segmentLength } = segments;
  const segmentAbsmax = new Float32Array(Math.ceil(reader.numel / segmentLength));
  const columnAbsmax = new Float32Array(columns);
  const reach: Reach = Float64Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0);
  await forEachChunk(segments, (values, offset) => {
    for (let start = 0; start < values.length; start += segmentLength)
      segmentAbsmax[(offset + start) / segmentLength] = scanSegment(
        values,
        start,
        segmentLength,
        columnAbsmax,
        (offset + start) % columns,
        reach,
      );
  });
  const [least = 0, most = 0, sum = 0] = reader.numel === 0 ? [] : reach;
  if (!Number.isFinite(sum))
    throw new AppError('invalid-weights', `${name} has weights that are NaN or infinite.`, {
      remedy: 'The checkpoint is damaged or was saved so: verify it, or download it again.',
    });
  return { least, most, segmentAbsmax, columnAbsmax };
}

/** Second pass: the weights counted, and divided by the absmax of their segment where that is wanted. */
export async function countWeights(
  segments: Segments,
  { least, most, segmentAbsmax }: Extents,
  bins: number,
  normalizes: boolean,
): Promise<{ weights: HistogramMeter; normalized: HistogramMeter | null }> {
  const { segmentLength } = segments;
  const weights = new HistogramMeter(least, most, bins);
  const normalized = normalizes ? new HistogramMeter(-1, 1, bins) : null;
  await forEachChunk(segments, (values, offset) => {
    weights.add(values, 0, values.length, 1);
    if (normalized === null) return;
    for (let start = 0; start < values.length; start += segmentLength) {
      const absmax = segmentAbsmax[(offset + start) / segmentLength] ?? 0;
      // A block of zeros stays zero.
      normalized.add(values, start, start + segmentLength, absmax === 0 ? 1 : absmax);
    }
  });
  return { weights, normalized };
}
