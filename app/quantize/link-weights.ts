import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, open, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OpenCheckpoint } from '../checkpoint/index.ts';
import { SHARD_INDEX_FILE } from '../checkpoint/index.ts';
import type { TensorStatistics } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';
import { writeWithRoom } from '../disk/index.ts';
import type { RoomOptions } from '../disk/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import { hashBytes } from './hash-bytes.ts';
import type { PlannedTensor, QuantizationPlan } from './plan.ts';
import { tensorStatistics } from './statistics.ts';

/** Tensors up to this size are hashed on another thread at once, larger ones in pieces on this one. */
const WHOLE_TENSOR_BYTES = 64 * 1024 * 1024;

/** One step of hashing blocks the thread for a few milliseconds at most. */
const CHUNK_BYTES = 1 << 20;

/** Reasons for which a link is not to be had where a copy is: another disk, a file system or a rule without links. */
const unlinkable: ReadonlySet<unknown> = new Set([
  'EXDEV',
  'EPERM',
  'EACCES',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

export interface LinkJob {
  readonly checkpoint: OpenCheckpoint;
  readonly plan: QuantizationPlan;
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
  readonly room: RoomOptions;
  /** Counts bytes as they are hashed. */
  readonly meter: ProgressMeter;
}

export interface LinkedWeights {
  readonly tensors: readonly TensorStatistics[];
  /** By file name. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** Gives a file a second name, or where that cannot be a second copy (shared with the first where the disk can). */
async function linkOrCopy(source: string, target: string, room: RoomOptions): Promise<void> {
  // The link must be to the file itself: one to a symbolic link would dangle in the new folder.
  const real = await realpath(source);
  await rm(target, { force: true });
  try {
    await link(real, target);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && unlinkable.has(error.code))) throw error;
    await writeWithRoom(() => copyFile(real, target, constants.COPYFILE_FICLONE), room);
  }
}

/**
 * Makes an artifact of the checkpoint's own files: no second copy of the weights, every byte hashed.
 *
 * @throws AppError `disk-full`, `aborted`, `malformed-file`
 */
export async function linkWeights(job: LinkJob): Promise<LinkedWeights> {
  const { checkpoint, plan, directory, room } = job;
  const hashes = new Map<string, string>();
  const statistics = new Map<string, TensorStatistics>();
  for (const { name } of checkpoint.files) {
    await linkOrCopy(path.join(checkpoint.directory, name), path.join(directory, name), room);
    const tensors = plan.tensors.filter(({ source }) => source.file === name);
    hashes.set(name, await hashFileAndTensors(job, name, tensors, statistics));
  }
  if (checkpoint.files.length > 1)
    await linkOrCopy(
      path.join(checkpoint.directory, SHARD_INDEX_FILE),
      path.join(directory, SHARD_INDEX_FILE),
      room,
    );
  return {
    hashes,
    tensors: plan.tensors.flatMap(({ source }) => statistics.get(source.name) ?? []),
  };
}

/** One pass over a file for both kinds of hashes: tensors lie in it one after another, without holes. */
async function hashFileAndTensors(
  job: LinkJob,
  name: string,
  tensors: readonly PlannedTensor[],
  statistics: Map<string, TensorStatistics>,
): Promise<string> {
  const fileHash = createHash('sha256');
  const { checkpoint, signal, meter } = job;
  const addToFile = async (bytes: Uint8Array): Promise<void> => {
    for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
      if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
      const chunk = bytes.subarray(start, start + CHUNK_BYTES);
      fileHash.update(chunk);
      meter.advance(chunk.byteLength);
      await nextTurn();
    }
  };
  await addToFile(await readStart(path.join(job.directory, name), tensors));
  for (const tensor of tensors) {
    const { source } = tensor;
    const pieces = Math.max(1, Math.ceil(source.byteLength / WHOLE_TENSOR_BYTES));
    const tensorHash = createHash('sha256');
    let whole: Promise<string> | null = null;
    for (let piece = 0; piece < pieces; piece++) {
      const start = piece * WHOLE_TENSOR_BYTES;
      const end = Math.min(start + WHOLE_TENSOR_BYTES, source.byteLength);
      const bytes = await checkpoint.readRange(source, start, end, { signal });
      if (pieces === 1) whole = hashBytes([bytes]);
      else tensorHash.update(bytes);
      await addToFile(bytes);
    }
    const sha256 = whole === null ? tensorHash.digest('hex') : await whole;
    statistics.set(source.name, tensorStatistics(tensor, null, sha256, null));
  }
  return fileHash.digest('hex');
}

/** The bytes of a file before its first tensor. */
async function readStart(file: string, tensors: readonly PlannedTensor[]): Promise<Uint8Array> {
  const handle = await open(file);
  try {
    const end = tensors[0]?.source.byteOffset ?? (await handle.stat()).size;
    const bytes = new Uint8Array(end);
    let done = 0;
    while (done < end) {
      const { bytesRead } = await handle.read(bytes, done, end - done, done);
      if (bytesRead === 0) throw new AppError('malformed-file', `${file} became shorter.`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
