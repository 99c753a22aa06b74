import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { releaseQuantizerMemory } from '../../native-kernels/index.ts';
import { CONFIG_FILE, RUNTIME_WEIGHTS_FILE, WEIGHTS_FILE } from '../checkpoint/index.ts';
import type { CheckpointReader } from '../checkpoint/index.ts';
import type {
  ArtifactTotals,
  HashKind,
  Origin,
  OutputLayerCopy,
  TensorStatistics,
} from '../contract/checkpoint.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { Progress } from '../contract/progress.ts';
import { weightsFingerprint } from '../digest/index.ts';
import { acquireLock, requireSpace, writeFully, writeWithReservedSpace } from '../disk/index.ts';
import type { OnDiskFull, RoomOptions } from '../disk/index.ts';
import { ProgressMeter } from '../progress/index.ts';
import { artifactConfigText } from './artifact-config.ts';
import { copyAuxiliaryFiles, listAuxiliaryFiles } from './auxiliary-files.ts';
import { Journal, JOURNAL_FILE } from './journal.ts';
import { linkWeights } from './link-weights.ts';
import { FORMAT_VERSION, MANIFEST_FILE, manifestFingerprint, WEIGHTS_HASH } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { readManifest } from './read-manifest.ts';
import { formatOf } from '../formats/index.ts';
import type { QuantizationPlan } from './plan.ts';
import { artifactTotals } from './totals.ts';
import { writeHead } from './runtime-head.ts';
import type { PlannedHead } from './runtime-head.ts';
import { writeWeights } from './write-weights.ts';

export interface QuantizeOptions {
  readonly checkpoint: CheckpointReader;
  readonly origin: Origin;
  /** Whether the checkpoint lies in a folder of Nibble's own, so that its files may be linked. @default false */
  readonly isOwned?: boolean | undefined;
  readonly plan: QuantizationPlan;
  /** Where the artifact will be; made beside it under the name `<directory>.partial`. */
  readonly directory: string;
  /** @default the number of cores */
  readonly threads?: number | undefined;
  /** Numbers of the CUDA devices that quantize. @default none: the processor */
  readonly devices?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** @default 'pause' */
  readonly onDiskFull?: OnDiskFull | undefined;
  /** How much room there must be, and how a full disk is watched. For tests on small disks. */
  readonly room?:
    (Pick<RoomOptions, 'pollMs' | 'resumeBytes'> & { readonly marginBytes?: number }) | undefined;
  readonly toolVersion: string;
  /** Adds files to the artifact (a graph) before anyone can see it. */
  readonly finish?: ((partialDirectory: string) => Promise<void>) | undefined;
}

/** The hash of a file, and how it was made. */
export interface FileHash {
  readonly sha256: string;
  readonly hashKind: HashKind;
}

/** A finished artifact. */
export interface QuantizedArtifact {
  readonly manifest: Manifest;
  readonly tensors: readonly TensorStatistics[];
  readonly totals: ArtifactTotals;
  /** Null where there is none. */
  readonly outputLayerCopy: OutputLayerCopy | null;
  readonly weightsBytes: number;
  readonly weightsSha256: string;
  /** Hashes of the weights file(s) and of the other files that quantizing wrote, by name. */
  readonly fileHashes: ReadonlyMap<string, FileHash>;
  readonly elapsedMs: number;
}

/** Where an artifact is while it is made. */
export function partialDirectoryOf(directory: string): string {
  return `${directory}.partial`;
}

/** Identifies a job: the same source, plan and format lead to the same bytes, so partial work can be continued. */
function fingerprintOf({ checkpoint, origin, plan }: QuantizeOptions): string {
  const identity = {
    format: FORMAT_VERSION,
    files: checkpoint.files.map(({ name, sizeBytes, modifiedMs }) => ({
      name,
      sizeBytes,
      modifiedMs,
    })),
    config: checkpoint.configText,
    commit: origin.commit,
    scheme: plan.scheme,
    blockSize: plan.blockSize,
    layout: plan.layout,
    head: plan.head,
  };
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

function toResult(manifest: Manifest): QuantizedArtifact {
  const { tensors, totals, weightsBytes, elapsedMs } = manifest;
  const fileHashes = new Map(
    manifest.files.map(({ name, sha256, hashKind = 'sha256' }) => [name, { sha256, hashKind }]),
  );
  const outputLayerCopy = manifest.outputLayerCopy ?? null;
  return {
    manifest,
    tensors,
    totals,
    outputLayerCopy,
    weightsBytes,
    weightsSha256: manifestFingerprint(manifest),
    fileHashes,
    elapsedMs,
  };
}

/**
 * The manifest of a folder; null when there is no sound one.
 *
 * @throws AppError 'unsupported-model' where a newer Nibble made it
 */
async function manifestThere(directory: string, toolVersion: string): Promise<Manifest | null> {
  try {
    return await readManifest(directory, toolVersion);
  } catch (error) {
    const known = toAppError(error);
    if (known.reason === 'artifact-newer') throw known;
    return null;
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw toAppError(error);
  }
}

/**
 * Makes an artifact from a checkpoint.
 *
 * The work is done in `<directory>.partial`; only the complete, synced folder gets its name, in one step. Killed at any
 * moment, the same call goes on after the last finished tensor and gives the same bytes. A folder that an earlier run
 * of the same job completed is returned as it is.
 *
 * @throws AppError `busy` while another process makes the same artifact, `invalid-weights`, `disk-full`, `aborted`,
 * `permission-denied`, `invalid-input` when the folder holds something else
 */
export async function quantizeCheckpoint(options: QuantizeOptions): Promise<QuantizedArtifact> {
  const { directory } = options;
  const fingerprint = fingerprintOf(options);
  try {
    await mkdir(path.dirname(directory), { recursive: true });
    const lock = await acquireLock(`${directory}.lock`, path.basename(directory));
    try {
      if (await exists(directory)) {
        // Killed after the rename and before anyone took note of it.
        const manifest = await manifestThere(directory, options.toolVersion);
        if (manifest?.fingerprint === fingerprint) return toResult(manifest);
        throw new AppError('invalid-input', `${directory} exists already and is something else.`, {
          remedy: 'Remove it, or choose another name with --name.',
        });
      }
      return await makeArtifact(options, fingerprint);
    } finally {
      await lock.release();
    }
  } catch (error) {
    const known = toAppError(error);
    // Such weights never become an artifact: there is nothing to go on with.
    if (known.code === 'invalid-weights')
      await rm(partialDirectoryOf(directory), { recursive: true, force: true });
    throw known;
  }
}

async function makeArtifact(
  options: QuantizeOptions,
  fingerprint: string,
): Promise<QuantizedArtifact> {
  const startedMs = performance.now();
  const { checkpoint, plan, directory, signal, finish } = options;
  const partial = partialDirectoryOf(directory);
  const sourceBytes = checkpoint.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const meter = new ProgressMeter({
    step: path.basename(directory),
    phase: 'quantize',
    unit: 'bytes',
    // Linked files are hashed where they are; what is made is hashed as it is written.
    total:
      plan.layout === null ? plan.weightsBytes : sourceBytes + (plan.head?.source.byteLength ?? 0),
    onProgress: options.onProgress,
  });
  const room: RoomOptions = {
    ...options.room,
    directory: path.dirname(directory),
    onDiskFull: options.onDiskFull,
    signal,
    ...meter.waits,
  };
  const auxiliary = await listAuxiliaryFiles(checkpoint.directory);
  const auxiliaryBytes = auxiliary.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const journal = await openJournal(partial, fingerprint, room);
  let weights;
  let outputLayerCopy;
  try {
    const missing = await missingBytes(options, journal, partial);
    // Where nothing large is missing, a disk that is nearly full must not stop the job from ending.
    if (missing > 0)
      await requireSpace(
        path.dirname(directory),
        missing + auxiliaryBytes,
        options.room?.marginBytes,
      );
    [weights, outputLayerCopy] = await makeFiles(options, journal, meter, room);
    if (outputLayerCopy !== null) weights.hashes.set(RUNTIME_WEIGHTS_FILE, outputLayerCopy.sha256);
  } finally {
    await journal.close();
  }
  await copyAuxiliaryFiles(auxiliary, checkpoint.directory, partial, room);
  const configText = artifactConfigText(checkpoint.configText, plan);
  await writeWithReservedSpace(() => writeFile(path.join(partial, CONFIG_FILE), configText), room);
  const manifest: Manifest = {
    format: FORMAT_VERSION,
    toolVersion: options.toolVersion,
    source: options.origin,
    scheme: plan.scheme,
    blockSize: plan.blockSize,
    roundingRule: formatOf(plan.scheme).roundingRule,
    fingerprint,
    weightsBytes: plan.weightsBytes,
    weightsSha256: weightsFingerprint(
      [...weights.hashes].map(([name, sha256]) => ({ name, sha256 })),
    ),
    elapsedMs: performance.now() - startedMs,
    totals: artifactTotals(weights.tensors),
    ...(outputLayerCopy === null ? {} : { outputLayerCopy }),
    files: await listFiles(partial, [CONFIG_FILE, ...auxiliary.map(({ name }) => name)], weights),
    tensors: [...weights.tensors],
  };
  const manifestText = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeWithReservedSpace(
    () => writeFile(path.join(partial, MANIFEST_FILE), manifestText),
    room,
  );
  await finish?.(partial);
  if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
  await publish(partial, directory);
  meter.finish();
  return toResult(manifest);
}

/** The journal in the partial folder, which is emptied first when it holds another job. */
async function openJournal(
  partial: string,
  fingerprint: string,
  room: RoomOptions,
): Promise<Journal> {
  const openIt = async (): Promise<Journal | null> => {
    await mkdir(partial, { recursive: true });
    return Journal.open(path.join(partial, JOURNAL_FILE), fingerprint, (file, bytes, position) =>
      writeFully(file, bytes, position, room),
    );
  };
  const journal = await openIt();
  if (journal !== null) return journal;
  await rm(partial, { recursive: true, force: true });
  const fresh = await openIt();
  if (fresh === null) throw new AppError('internal', `${partial} cannot be emptied.`);
  return fresh;
}

/** Bytes that the weights still need: none for links, and for a continued job only what is not on the disk yet. */
async function missingBytes(
  options: QuantizeOptions,
  { finishedCopy }: Journal,
  partial: string,
): Promise<number> {
  const { checkpoint, plan } = options;
  if (plan.layout === null) {
    const [from, to] = await Promise.all([stat(checkpoint.directory), stat(partial)]);
    return from.dev === to.dev && options.isOwned === true ? 0 : plan.weightsBytes;
  }
  const headBytes = finishedCopy === null ? (plan.head?.layout.fileBytes ?? 0) : 0;
  try {
    // The file has holes where tensors are missing: the blocks count, not the size. 512 by POSIX.
    const { blocks } = await stat(path.join(partial, WEIGHTS_FILE));
    return Math.max(0, plan.weightsBytes - blocks * 512) + headBytes;
  } catch {
    return plan.weightsBytes + headBytes;
  }
}

/** Makes the weights and, beside them, the runner's copy of the head; what fails ends the other. */
async function makeFiles(
  options: QuantizeOptions,
  journal: Journal,
  meter: ProgressMeter,
  room: RoomOptions,
): Promise<[MadeWeights, OutputLayerCopy | null]> {
  const stop = new AbortController();
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const shared = [{ ...options, signal }, journal, meter, { ...room, signal }] as const;
  const { head } = options.plan;
  const making = [
    makeWeights(...shared),
    head === null ? Promise.resolve(null) : makeHead(head, ...shared),
  ] as const;
  try {
    return await Promise.all(making);
  } finally {
    // Nothing may be under way when the journal is closed.
    stop.abort();
    await Promise.allSettled(making);
    releaseQuantizerMemory();
  }
}

interface MadeWeights {
  readonly tensors: readonly TensorStatistics[];
  /** By file name, in the order that the fingerprint is made in. */
  readonly hashes: Map<string, string>;
}

async function makeWeights(
  options: QuantizeOptions,
  journal: Journal,
  meter: ProgressMeter,
  room: RoomOptions,
): Promise<MadeWeights> {
  const { checkpoint, plan, directory, signal, threads, devices = [] } = options;
  const partial = partialDirectoryOf(directory);
  const shared = { checkpoint, plan, directory: partial, signal, meter };
  if (plan.layout !== null) {
    const { tensors, sha256 } = await writeWeights({
      ...shared,
      layout: plan.layout,
      threads,
      devices,
      journal,
      write: (file, bytes, position) => writeFully(file, bytes, position, room),
      withReservedSpace: (work) => writeWithReservedSpace(work, room),
    });
    return { tensors, hashes: new Map([[WEIGHTS_FILE, sha256]]) };
  }
  const isOwned = options.isOwned ?? false;
  const { tensors, hashes } = await linkWeights({ ...shared, isOwned, threads, room });
  return { tensors, hashes: new Map(hashes) };
}

/** Makes the runner's copy of the head. */
async function makeHead(
  head: PlannedHead,
  { checkpoint, directory, signal, threads }: QuantizeOptions,
  journal: Journal,
  meter: ProgressMeter,
  room: RoomOptions,
): Promise<OutputLayerCopy> {
  return await writeHead({
    checkpoint,
    head,
    directory: partialDirectoryOf(directory),
    options: {
      ...(signal === undefined ? {} : { signal }),
      ...(threads === undefined ? {} : { threads }),
    },
    signal,
    journal,
    write: (file, bytes, position) => writeFully(file, bytes, position, room),
    withReservedSpace: (work) => writeWithReservedSpace(work, room),
    meter,
  });
}

async function listFiles(
  directory: string,
  names: readonly string[],
  weights: MadeWeights,
): Promise<Manifest['files']> {
  const files: Manifest['files'] = [];
  for (const [name, sha256] of weights.hashes)
    files.push({
      name,
      sizeBytes: (await stat(path.join(directory, name))).size,
      sha256,
      hashKind: WEIGHTS_HASH,
    });
  for (const name of names) {
    const bytes = await readFile(path.join(directory, name));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    files.push({ name, sizeBytes: bytes.byteLength, sha256 });
  }
  return files;
}

/** Makes every byte of a folder last, then gives it its name. */
async function publish(partial: string, directory: string): Promise<void> {
  await rm(path.join(partial, JOURNAL_FILE), { force: true });
  for (const entry of await readdir(partial, { withFileTypes: true }))
    if (entry.isFile()) await sync(path.join(partial, entry.name));
  await sync(partial);
  await rename(partial, directory);
  await sync(path.dirname(directory));
}

async function sync(file: string): Promise<void> {
  let handle;
  try {
    handle = await open(file);
    await handle.sync();
  } catch (error) {
    // Windows neither opens folders nor syncs what is open for reading; there the rename alone must do.
    if (process.platform !== 'win32') throw error;
  } finally {
    await handle?.close();
  }
}
