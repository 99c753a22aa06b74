import { open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { quantizeAffineFile } from '../../native-kernels/index.ts';
import type { ErrorStatistics, KernelOptions } from '../../native-kernels/index.ts';
import {
  EMBEDDINGS,
  layoutSafetensors,
  OUTPUT_LAYER,
  RUNTIME_WEIGHTS_FILE,
  RUNTIME_WEIGHTS_FILES,
  SafetensorsWriter,
} from '../checkpoint/index.ts';
import { readDecoder, textNames } from '../models/index.ts';
import type { CheckpointReader, SafetensorsLayout, WriteAt } from '../checkpoint/index.ts';
import type { OutputLayerCopy, TensorInfo } from '../contract/checkpoint.ts';
import { AppError, toAppError } from '../contract/error.ts';
import { hashTensorsFile } from '../digest/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import {
  floatTypes,
  isFloatDtype,
  SYMMETRIC_INT8,
  type FloatDtype,
  type WeightFormat,
} from '../formats/index.ts';
import type { Journal } from './journal.ts';
import { invalidWeights } from './quantize-tensor.ts';
import { joinErrors } from './statistics.ts';

/**
 * Block sizes of the copy, best first. With one scale per 64 weights its error lies about 44 dB below the weights,
 * which costs less than 0.1 % of perplexity (README.md), at 8.5 bits a weight instead of 16.
 */
const BLOCK_SIZES = [64, 32] as const;

/**
 * The output layer as the runner reads it: an 8-bit copy. bitsandbytes leaves that layer in 16 bits and so does
 * model.safetensors; but every token reads all of it, and in small models it is a third of that traffic and more.
 */
export interface PlannedHead {
  /** lm_head, or the embeddings where they are tied. */
  readonly source: TensorInfo;
  readonly dtype: FloatDtype;
  readonly blockSize: number;
  readonly layout: SafetensorsLayout;
}

/** Whether the head is the embedding's; null for a model that cannot be run here, which needs no copy. */
function isTied(config: unknown): boolean | null {
  try {
    return readDecoder(config).tiedEmbeddings;
  } catch (error) {
    // What quantizing has to say of a bad config.json is said where the layers are planned.
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** Plans the copy; null where there is nothing to win: a scheme that keeps all weights, or a head of another shape. */
export function planHead(
  tensors: readonly TensorInfo[],
  config: unknown,
  scheme: WeightFormat,
): PlannedHead | null {
  if (scheme.quantizer === null) return null;
  const names = textNames(tensors);
  const named = (wanted: string): TensorInfo | undefined =>
    tensors.find(({ name }) => names.plain(name) === wanted);
  const tied = isTied(config);
  const embeddings = named(EMBEDDINGS);
  // Of tied weights a file may hold the head alone: it is the embeddings too, and no copy stands for those.
  if (tied === null || (tied && embeddings === undefined)) return null;
  // A head in the file is used even where the embeddings should be tied, as in transformers 5.
  const source = named(OUTPUT_LAYER) ?? (tied ? embeddings : undefined);
  if (source?.shape.length !== 2 || !isFloatDtype(source.dtype)) return null;
  const [rows = 0, columns = 0] = source.shape;
  const blockSize = BLOCK_SIZES.find((size) => columns % size === 0);
  if (blockSize === undefined || rows === 0 || columns === 0) return null;
  const layout = layoutSafetensors(
    [
      { name: OUTPUT_LAYER, dtype: 'I8', shape: [rows, columns] },
      { name: `${OUTPUT_LAYER}.scales`, dtype: 'F32', shape: [rows, columns / blockSize] },
    ],
    {},
  );
  return { source, dtype: source.dtype, blockSize, layout };
}

export interface HeadJob {
  readonly checkpoint: CheckpointReader;
  readonly head: PlannedHead;
  /** The folder that the artifact is made in. */
  readonly directory: string;
  readonly options: KernelOptions;
  readonly signal: AbortSignal | undefined;
  readonly journal: Journal;
  readonly write: WriteAt;
  /** Does work that writes again when the disk was full and there is room. */
  readonly withReservedSpace: <T>(work: () => Promise<T>) => Promise<T>;
  /** Counts bytes of the checkpoint. */
  readonly meter: ProgressMeter;
}

/** @returns the hash of a file that this room wrote; null for one that is damaged */
async function hashOf(file: string, options: KernelOptions): Promise<string | null> {
  try {
    return await hashTensorsFile(file, options);
  } catch (error) {
    if (error instanceof AppError && error.code === 'malformed-file') return null;
    throw error;
  }
}

/** What an earlier run finished and noted, if its file is still what it was. */
async function finishedCopy({
  journal,
  head,
  directory,
  options,
}: HeadJob): Promise<OutputLayerCopy | null> {
  const { finishedCopy: noted } = journal;
  const file = path.join(directory, RUNTIME_WEIGHTS_FILE);
  // Nothing is published under the names that earlier versions gave it.
  for (const name of RUNTIME_WEIGHTS_FILES)
    if (name !== RUNTIME_WEIGHTS_FILE)
      await rename(path.join(directory, name), file).catch(() => undefined);
  if (noted?.sizeBytes !== head.layout.fileBytes) return null;
  const size = await stat(file).then(
    (found) => found.size,
    () => null,
  );
  return size === noted.sizeBytes && (await hashOf(file, options)) === noted.sha256 ? noted : null;
}

/**
 * Writes the runner's own file beside the weights, or finds the one that an earlier run finished.
 *
 * @returns what it holds, its hash, and what rounding cost
 * @throws AppError `invalid-weights`, `disk-full`, `aborted`, `malformed-file`
 */
export async function writeHead(job: HeadJob): Promise<OutputLayerCopy> {
  const { head, directory, journal, meter } = job;
  const finished = await finishedCopy(job);
  if (finished !== null) {
    meter.advance(head.source.byteLength, head.source.name);
    return finished;
  }
  const target = path.join(directory, RUNTIME_WEIGHTS_FILE);
  const temporary = `${target}.unfinished`;
  const file = await open(temporary, 'w');
  let made;
  try {
    const writer = new SafetensorsWriter(file, head.layout, job.write);
    await writer.writePrefix(new Map());
    made = await copyLayer(job, temporary, writer);
    await file.sync();
  } finally {
    await file.close();
  }
  // It gets its name only when it is complete and on the disk.
  await rename(temporary, target);
  const { rmsError, relativeError, maxError, sqnrDb } = joinErrors([made.statistics]);
  const copy: OutputLayerCopy = {
    tensor: head.source.name,
    scheme: SYMMETRIC_INT8,
    blockSize: head.blockSize,
    sizeBytes: head.layout.fileBytes,
    sha256: await hashTensorsFile(target, { ...job.options, known: made.hashes }),
    rmsError,
    relativeError,
    maxError,
    sqnrDb,
  };
  await journal.addCopy(copy);
  return copy;
}

/**
 * Quantizes the layer from file to file.
 *
 * @returns what rounding cost, and the tree hashes of both tensors, by name
 */
async function copyLayer(
  { checkpoint, head, signal, meter, options, withReservedSpace }: HeadJob,
  file: string,
  writer: SafetensorsWriter,
): Promise<{ statistics: ErrorStatistics; hashes: Map<string, string> }> {
  const { source, blockSize, dtype } = head;
  const [rows = 0, columns = 0] = source.shape;
  const from = await checkpoint.place(source);
  const scalesName = `${OUTPUT_LAYER}.scales`;
  const target = {
    path: file,
    codes: writer.place(OUTPUT_LAYER).byteOffset,
    scales: writer.place(scalesName).byteOffset,
    zeroPoints: null,
  };
  let counted = 0;
  const countTo = (bytes: number): void => {
    if (bytes > counted) meter.advance(bytes - counted, source.name);
    counted = Math.max(counted, bytes);
  };
  const made = await withReservedSpace(() =>
    quantizeAffineFile(
      { path: from.path, byteOffset: from.byteOffset, type: floatTypes[dtype] },
      { rows, columns },
      target,
      { bits: 8, granularity: { kind: 'block', blockSize } },
      {
        ...options,
        ...(signal === undefined ? {} : { signal }),
        onProgress: (fraction) => countTo(Math.floor(fraction * source.byteLength)),
      },
    ),
  ).catch((error: unknown) => {
    const known = toAppError(error);
    throw known.code === 'invalid-weights'
      ? invalidWeights(source.name, 'NaN or infinite', error)
      : known;
  });
  countTo(source.byteLength);
  const hashes = new Map([
    [OUTPUT_LAYER, made.codes],
    [scalesName, made.scales],
  ]);
  return { statistics: made.statistics, hashes };
}
