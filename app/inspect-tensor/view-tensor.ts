import { openCheckpoint, type CheckpointReader } from '../checkpoint/index.ts';
import type { Artifact, TensorStatistics } from '../contract/checkpoint.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { TensorView } from '../contract/tensor-view.ts';
import { HistogramMeter } from './histogram.ts';
import { describeChannels, medianOf } from './magnitudes.ts';
import { formatOf, type QuantizedReader } from '../formats/index.ts';
import { countWeights, scanExtents, type Extents } from './scan.ts';
import { plainReader, type WeightReader } from './weight-reader.ts';

export interface ViewTensorOptions {
  readonly artifact: Artifact;
  /** As the catalog lists it for this artifact. */
  readonly tensor: TensorStatistics;
  /** Null where the checkpoint is not known any more; a folder that is gone is as good as null. */
  readonly checkpointDirectory: string | null;
  readonly bins: number;
  readonly signal?: AbortSignal | undefined;
}

/** The folder's tensors; null when it is not there. */
async function openIfThere(directory: string): Promise<CheckpointReader | null> {
  try {
    return await openCheckpoint(directory);
  } catch (error) {
    if (toAppError(error).code === 'not-found') return null;
    throw error;
  }
}

/** The weights as they were before quantizing; null where the checkpoint does not have them any more. */
function originalReader(
  checkpoint: CheckpointReader | null,
  { name, shape }: TensorStatistics,
): WeightReader | null {
  const found = checkpoint?.tensors.find((tensor) => tensor.name === name);
  if (checkpoint === null || found === undefined) return null;
  const isSame =
    found.shape.length === shape.length && found.shape.every((size, i) => size === shape[i]);
  return isSame ? plainReader(checkpoint, found) : null;
}

async function readSome(
  reader: WeightReader,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const from = Math.floor(start / reader.step) * reader.step;
  const to = Math.min(reader.numel, Math.ceil(end / reader.step) * reader.step);
  const values = await reader.read(from, to, signal);
  return [...values.subarray(start - from, end - from)];
}

type BlockParts = Pick<TensorView, 'normalized' | 'levels' | 'absmax' | 'block'>;

const noBlocks: BlockParts = { normalized: null, levels: [], absmax: null, block: null };

async function describeBlocks(
  quantized: QuantizedReader,
  weights: WeightReader,
  { segmentAbsmax }: Extents,
  blockSize: number,
  bins: number,
  signal: AbortSignal | undefined,
): Promise<Omit<BlockParts, 'normalized'>> {
  const median = medianOf(segmentAbsmax);
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const absmax of segmentAbsmax) {
    if (absmax < least) least = absmax;
    if (absmax > most) most = absmax;
  }
  const counted = new HistogramMeter(least, most, bins);
  counted.add(segmentAbsmax, 0, segmentAbsmax.length, 1);
  const start = median.index * blockSize;
  return {
    levels: await quantized.levels(median.index, median.value),
    absmax: { histogram: counted.toHistogram(), least, median: median.value, most },
    block: {
      index: median.index,
      absmax: median.value,
      weights: await readSome(weights, start, start + blockSize, signal),
      restored: await readSome(quantized, start, start + blockSize, signal),
    },
  };
}

async function describe(
  { artifact, tensor, bins, signal }: ViewTensorOptions,
  checkpoint: CheckpointReader | null,
  stored: CheckpointReader,
): Promise<TensorView> {
  const { name, shape } = tensor;
  // Vectors have one row, a scalar one column; kernels of convolutions are shown by their last dimension.
  const columns = shape.at(-1) ?? 1;
  const numel = shape.reduce((product, size) => product * size, 1);
  const { quantizer } = formatOf(artifact.scheme);
  const blockSize =
    tensor.blockSize === null || tensor.blockSize === 0 ? columns : tensor.blockSize;
  const quantized =
    tensor.treatment === 'kept' || quantizer === null || numel === 0
      ? null
      : await quantizer.reader(stored, { name, rows: numel / columns, columns, blockSize });
  const original = originalReader(checkpoint, tensor);
  const reader = original ?? quantized ?? originalReader(stored, tensor);
  if (reader === null)
    throw new AppError('not-found', `Neither ${artifact.id} nor its checkpoint holds ${name}.`, {
      remedy: `Run \`nibble verify ${artifact.id}\`, or make it again.`,
    });
  const segmentLength = Math.max(1, quantized === null ? columns : blockSize);
  const segments = { reader, columns, segmentLength, signal };
  const extents = await scanExtents(segments, name);
  const { weights, normalized } = await countWeights(segments, extents, bins, quantized !== null);
  const blocks =
    quantized === null
      ? noBlocks
      : await describeBlocks(quantized, reader, extents, blockSize, bins, signal);
  return {
    name,
    shape: [...shape],
    source: original === null ? 'artifact' : 'checkpoint',
    weights: weights.toHistogram(),
    ...blocks,
    normalized: normalized?.toHistogram() ?? null,
    channels: describeChannels(extents.columnAbsmax),
  };
}

/**
 * One tensor up close: how its weights lie, how they lie between the levels of the scheme once divided by their block's
 * absmax, how the blocks' absmax spread, one block as an example, and the columns that stand out.
 *
 * Only this tensor's bytes are read, in chunks, twice; others get their turn between chunks. Levels are in the order of
 * the codes: the addon's codebook for 4-bit floats, code / 127 for int8 absmax and LLM.int8, and with a zero point, where
 * they differ from block to block, those of the example block: (code − zero point) · scale / absmax. The example is the
 * first block that has the lower median of all absmax.
 *
 * @throws AppError `not-found` when the artifact's folder is gone, `malformed-file`, `invalid-weights`, `invalid-input` for
 * a tensor that holds no weights, `aborted`
 */
export async function viewTensor(options: ViewTensorOptions): Promise<TensorView> {
  const { artifact, checkpointDirectory } = options;
  const stored = await openIfThere(artifact.directory);
  if (stored === null)
    throw new AppError(
      'not-found',
      `The folder of ${artifact.id} is gone: ${artifact.directory}.`,
      {
        remedy: 'Connect the disk that it is on, or make the artifact again.',
      },
    );
  try {
    const checkpoint = checkpointDirectory === null ? null : await openIfThere(checkpointDirectory);
    try {
      return await describe(options, checkpoint, stored);
    } finally {
      await checkpoint?.close();
    }
  } finally {
    await stored.close();
  }
}
