import { open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { quantizeAffine } from '../../native-kernels/index.ts';
import type { ErrorStatistics, KernelOptions } from '../../native-kernels/index.ts';
import {
  layoutSafetensors,
  OUTPUT_LAYER,
  readModelConfig,
  RUNTIME_WEIGHTS_FILE,
  SafetensorsWriter,
} from '../checkpoint/index.ts';
import type { OpenCheckpoint, SafetensorsLayout, WriteAt } from '../checkpoint/index.ts';
import type { OutputLayerCopy, TensorInfo } from '../contract/checkpoint.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { SchemeDescription } from '../contract/scheme.ts';
import { hashTensorsFile } from '../digest/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import { isFloatDtype } from './output-tensors.ts';
import type { FloatDtype } from './output-tensors.ts';
import { inLanes } from './in-lanes.ts';
import type { Journal } from './journal.ts';
import { bytesOf, floatTypes, invalidWeights } from './quantize-tensor.ts';
import { joinErrors } from './statistics.ts';

const EMBEDDING = 'model.embed_tokens.weight';

/**
 * Block sizes of the copy, best first. With one scale per 64 weights its error lies about 44 dB below the weights,
 * which costs less than 0.1 % of perplexity (README.md), at 8.5 bits a weight instead of 16.
 */
const BLOCK_SIZES = [64, 32] as const;

/** The head passes through memory in pieces of about this size: large ones cost fresh pages, small ones calls. */
const CHUNK_BYTES = 2 * 1024 * 1024;

/** While one piece is read or written, another is quantized. */
const CHUNKS_AT_ONCE = 3;

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
    return readModelConfig(config).tiedEmbeddings;
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
  scheme: SchemeDescription,
): PlannedHead | null {
  if (scheme.storage.kind === 'kept') return null;
  const named = (wanted: string): TensorInfo | undefined =>
    tensors.find(({ name }) => name === wanted);
  // As transformers has it: tied embeddings win over a head that is in the file nevertheless.
  const tied = isTied(config);
  if (tied === null) return null;
  const source = tied ? named(EMBEDDING) : named(OUTPUT_LAYER);
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
  readonly checkpoint: OpenCheckpoint;
  readonly head: PlannedHead;
  /** The folder that the artifact is made in. */
  readonly directory: string;
  readonly options: KernelOptions;
  readonly signal: AbortSignal | undefined;
  readonly journal: Journal;
  readonly write: WriteAt;
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
  if (noted?.sizeBytes !== head.layout.fileBytes) return null;
  const file = path.join(directory, RUNTIME_WEIGHTS_FILE);
  const size = await stat(file).then(
    (found) => found.size,
    () => null,
  );
  return size === noted.sizeBytes && (await hashOf(file, options)) === noted.sha256 ? noted : null;
}

/**
 * Writes runtime.safetensors beside the weights, or finds the one that an earlier run finished.
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
  let pieces;
  try {
    const writer = new SafetensorsWriter(file, head.layout, job.write);
    await writer.writePrefix(new Map());
    pieces = await copyRows(job, writer);
    await file.sync();
  } finally {
    await file.close();
  }
  // It gets its name only when it is complete and on the disk.
  await rename(temporary, target);
  const { rmsError, relativeError, maxError, sqnrDb } = joinErrors(pieces);
  const copy: OutputLayerCopy = {
    tensor: head.source.name,
    scheme: 'int8-absmax',
    blockSize: head.blockSize,
    sizeBytes: head.layout.fileBytes,
    sha256: await hashTensorsFile(target, job.options),
    rmsError,
    relativeError,
    maxError,
    sqnrDb,
  };
  await journal.addCopy(copy);
  return copy;
}

/** @returns the errors of every piece, in their order */
async function copyRows(job: HeadJob, writer: SafetensorsWriter): Promise<ErrorStatistics[]> {
  const { source } = job.head;
  const [rows = 0] = source.shape;
  const rowsAtOnce = Math.max(1, Math.floor((CHUNK_BYTES * rows) / source.byteLength));
  const starts = Array.from({ length: Math.ceil(rows / rowsAtOnce) }, (_, i) => i * rowsAtOnce);
  const pieces: ErrorStatistics[] = [];
  const stop = new AbortController();
  const signal =
    job.signal === undefined ? stop.signal : AbortSignal.any([job.signal, stop.signal]);
  await inLanes(
    starts.entries(),
    CHUNKS_AT_ONCE,
    async ([index, row]) => {
      const count = Math.min(rowsAtOnce, rows - row);
      pieces[index] = await copySomeRows({ ...job, signal }, writer, row, count);
    },
    () => stop.abort(),
  );
  return pieces;
}

async function copySomeRows(
  { checkpoint, head, signal, meter, options }: HeadJob,
  writer: SafetensorsWriter,
  row: number,
  count: number,
): Promise<ErrorStatistics> {
  if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
  const { source, blockSize, dtype } = head;
  const [rows = 0, columns = 0] = source.shape;
  const rowBytes = source.byteLength / rows;
  const bytes = await checkpoint.readRange(source, row * rowBytes, (row + count) * rowBytes, {
    signal,
  });
  const { codes, scales, statistics } = await quantizeAffine(
    { bytes, type: floatTypes[dtype] },
    { rows: count, columns },
    { mode: 'absmax', bits: 8, granularity: { kind: 'block', blockSize } },
    { ...options, ...(signal === undefined ? {} : { signal }) },
  ).catch((error: unknown) => {
    const known = toAppError(error);
    throw known.code === 'invalid-weights'
      ? invalidWeights(source.name, 'NaN or infinite', error)
      : known;
  });
  await writer.writePart(OUTPUT_LAYER, bytesOf(codes), row * columns);
  const scaleBytes = (columns / blockSize) * Float32Array.BYTES_PER_ELEMENT;
  await writer.writePart(`${OUTPUT_LAYER}.scales`, bytesOf(scales), row * scaleBytes);
  meter.advance(bytes.byteLength, source.name);
  return statistics;
}
