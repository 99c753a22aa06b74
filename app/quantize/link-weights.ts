import { constants } from 'node:fs';
import { copyFile, link, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { treeHashFile } from '../../native-kernels/index.ts';
import type { CheckpointReader } from '../checkpoint/index.ts';
import type { TensorStatistics } from '../contract/checkpoint.ts';
import { hashTensorsFile, joinHashes } from '../digest/index.ts';
import { writeWithReservedSpace } from '../disk/index.ts';
import type { RoomOptions } from '../disk/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import type { PlannedTensor, QuantizationPlan } from './plan.ts';
import { tensorStatistics } from './statistics.ts';

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
  readonly checkpoint: CheckpointReader;
  readonly plan: QuantizationPlan;
  readonly directory: string;
  /** Whether the checkpoint's folder is Nibble's own: only there nobody else writes. */
  readonly isOwned: boolean;
  readonly threads: number | undefined;
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

/**
 * Gives a file of Nibble's own a second name. Any other file, and where there are no links, gets a copy, which shares its
 * blocks with the first where the disk can: what a person writes to it later must not change the artifact.
 */
async function linkOrCopy(
  source: string,
  target: string,
  { room, isOwned, directory }: Pick<LinkJob, 'room' | 'isOwned'> & { readonly directory: string },
): Promise<void> {
  // The link must be to the file itself: one to a symbolic link would dangle in the new folder.
  const real = await realpath(source);
  await rm(target, { force: true });
  // A link in a folder of ours may lead to a file of anybody's.
  const isOurs = isOwned && path.dirname(real) === (await realpath(directory));
  try {
    if (!isOurs) {
      await writeWithReservedSpace(() => copyFile(real, target, constants.COPYFILE_FICLONE), room);
      return;
    }
    await link(real, target);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && unlinkable.has(error.code))) throw error;
    await writeWithReservedSpace(() => copyFile(real, target, constants.COPYFILE_FICLONE), room);
  }
}

/**
 * Makes an artifact of the checkpoint's own files: no second copy of the weights, every byte hashed.
 *
 * @throws AppError `disk-full`, `aborted`, `malformed-file`
 */
export async function linkWeights(job: LinkJob): Promise<LinkedWeights> {
  const { checkpoint, plan, directory, room, isOwned } = job;
  const linking = { room, isOwned, directory: checkpoint.directory };
  const hashes = new Map<string, string>();
  const statistics = new Map<string, TensorStatistics>();
  for (const { name } of checkpoint.files) {
    await linkOrCopy(path.join(checkpoint.directory, name), path.join(directory, name), linking);
    const tensors = plan.tensors.filter(({ source }) => source.file === name);
    hashes.set(name, await hashFileAndTensors(job, name, tensors, statistics));
  }
  if (checkpoint.indexFile !== null)
    await linkOrCopy(
      path.join(checkpoint.directory, checkpoint.indexFile),
      path.join(directory, checkpoint.indexFile),
      linking,
    );
  return {
    hashes,
    tensors: plan.tensors.flatMap(({ source }) => statistics.get(source.name) ?? []),
  };
}

/** One pass over a file for its hash and its tensors'. */
async function hashFileAndTensors(
  job: LinkJob,
  name: string,
  tensors: readonly PlannedTensor[],
  statistics: Map<string, TensorStatistics>,
): Promise<string> {
  const { directory, signal, meter, threads } = job;
  const file = path.join(directory, name);
  const known = new Map<string, string>();
  for (const tensor of tensors) {
    const { source } = tensor;
    const { byteOffset, byteLength } = source;
    const hash = await treeHashFile(
      { path: file, byteOffset, byteLength },
      {
        ...(signal === undefined ? {} : { signal }),
        ...(threads === undefined ? {} : { threads }),
      },
    );
    known.set(source.name, hash);
    statistics.set(source.name, tensorStatistics(tensor, null, joinHashes([hash]), null));
    meter.advance(byteLength, source.name);
  }
  return await hashTensorsFile(file, { signal, threads, known });
}
