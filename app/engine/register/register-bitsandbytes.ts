import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { slugFor, type StoredFile } from '../../catalog/index.ts';
import { CONFIG_FILE, openCheckpoint, type CheckpointReader } from '../../checkpoint/index.ts';
import { describeArchitecture } from '../../models/index.ts';
import { dtypeBytes, type Artifact } from '../../contract/checkpoint.ts';
import { AppError, because } from '../../contract/error.ts';
import type { Progress } from '../../contract/progress.ts';
import type { SchemeName } from '../../contract/scheme.ts';
import { hashFile, hashTensorsFile, weightsFingerprint } from '../../digest/index.ts';
import { fileState, isSameState, replaceFile } from '../../disk/index.ts';
import { ProgressMeter } from '../../progress/index.ts';
import { artifactTotals } from '../../quantize/index.ts';
import { ARTIFACT_FILE, ensureGraph } from '../../run/index.ts';
import { bitsandbytesTensors, type StoredWeight } from './bitsandbytes-tensors.ts';
import type { EngineContext } from '../context.ts';
import { deleteRecords } from '../home/records.ts';

export interface AddOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears how far the hashing is. */
  readonly emit?: ((progress: Progress) => void) | undefined;
}

/** Files beside the weights that take part in answers: configuration, tokenizer, chat template, generation settings. */
const AUXILIARY = /\.(?:json|jinja|txt|model)$/;

/** What is recorded of a file that nobody wrote to while it was hashed. */
type HashedFile = StoredFile & { readonly sha256: string };

interface Hashed {
  readonly files: readonly HashedFile[];
  /** Tree hashes of the tensors. */
  readonly tensors: ReadonlyMap<string, string>;
}

async function hashAll(
  { directory, files }: CheckpointReader,
  { signal, emit }: AddOptions,
): Promise<Hashed> {
  const isWeights = new Set(files.map(({ name }) => name));
  const auxiliary = (await readdir(directory)).filter(
    (name) => AUXILIARY.test(name) && !isWeights.has(name),
  );
  const meter = new ProgressMeter({
    step: path.basename(directory),
    phase: 'verify',
    unit: 'bytes',
    total: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    onProgress: emit ?? (() => undefined),
  });
  const tensors = new Map<string, string>();
  const hashed: HashedFile[] = [];
  for (const name of [...isWeights, ...auxiliary]) {
    const file = path.join(directory, name);
    const state = await fileState(file);
    const hashKind = isWeights.has(name) ? ('sha256-tensors-1' as const) : ('sha256' as const);
    const sha256 = isWeights.has(name)
      ? await hashTensorsFile(file, {
          signal,
          onBytes: (bytes) => {
            meter.advance(bytes);
          },
          onTensor: (tensor, hash) => tensors.set(tensor, hash),
        })
      : await hashFile(file, 'sha256', { signal });
    const after = await fileState(file);
    if (state === null || after === null || !isSameState(state, after))
      throw new AppError('busy', `${name} in ${directory} changed while it was read.`, {
        remedy: 'Something else is writing to that folder: let it finish, then add it again.',
      });
    hashed.push({ name, sizeBytes: state.sizeBytes, sha256, hashKind, state });
  }
  return { files: hashed, tensors };
}

/** Whether a folder still holds what was recorded of it. */
async function isAsRecorded(directory: string, files: readonly StoredFile[]): Promise<boolean> {
  for (const { name, sizeBytes, sha256, hashKind = 'sha256', state = null } of files) {
    const file = path.join(directory, name);
    const now = await fileState(file);
    if (now?.sizeBytes !== sizeBytes) return false;
    if (state !== null && isSameState(now, state)) continue;
    if ((await hashFile(file, hashKind).catch(() => null)) !== sha256) return false;
  }
  return true;
}

/** How most of the quantized weights are stored. @throws AppError where none is, unlike what config.json says */
function mainScheme(weights: readonly StoredWeight[]): {
  scheme: SchemeName;
  blockSize: number | null;
} {
  const counts = new Map<string, { scheme: SchemeName; blockSize: number | null; numel: number }>();
  for (const { scheme, statistics } of weights) {
    if (scheme === null) continue;
    const { blockSize, numel } = statistics;
    const key = `${scheme} ${blockSize}`;
    counts.set(key, { scheme, blockSize, numel: (counts.get(key)?.numel ?? 0) + numel });
  }
  const [most] = [...counts.values()].sort((a, b) => b.numel - a.numel);
  if (most !== undefined) return most;
  throw new AppError(
    'malformed-file',
    `${CONFIG_FILE} says that the weights are quantized by bitsandbytes, but none of them is.`,
    because(
      'bad-config-value',
      { field: 'quantization_config', value: 'bitsandbytes' },
      { remedy: 'Save the model again, or take quantization_config out of config.json.' },
    ),
  );
}

/**
 * The catalog's row for a folder that transformers saved with bitsandbytes, which is only ever read: NF4 and FP4, double
 * quantized or not, and LLM.int8, in one file or shards. Its files are hashed, for `verify` and the check of the weights;
 * what quantizing cost is unknown.
 *
 * @param recordsDirectory Where running keeps the graph and hashes.
 * @throws AppError what building its graph throws: what cannot run is not listed
 */
export async function registerBitsandbytes(
  context: EngineContext,
  directory: string,
  recordsDirectory: string,
  options: AddOptions,
): Promise<Artifact> {
  const { models } = context.catalog;
  const known = models.artifactByDirectory(directory);
  if (known !== null && (await isAsRecorded(directory, models.files('artifact', known.id))))
    return known;
  const opened = await openCheckpoint(directory);
  try {
    // First, because it takes milliseconds and refuses what cannot run.
    await ensureGraph(directory, 'fast', undefined, undefined, recordsDirectory);
    const { files, tensors } = await hashAll(opened, options);
    const weights = await bitsandbytesTensors(opened, tensors);
    const { scheme, blockSize } = mainScheme(weights);
    const statistics = weights.map((weight) => weight.statistics);
    const weightsSha256 = weightsFingerprint(files.slice(0, opened.files.length));
    const name = path.basename(directory);
    const artifact: Artifact = {
      // Before the row of what was there leaves: conversations with that are not to be taken for ones with this.
      id: models.freeId(name),
      // No checkpoint gets this name: nobody knows what it was made from.
      checkpointId: `${slugFor(name)}@unknown-${weightsSha256.slice(0, 8)}`,
      name,
      scheme,
      blockSize,
      directory,
      recordsDirectory,
      architecture: describeArchitecture(opened.config).modelType,
      sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      weightsBytes: opened.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      outputLayerCopy: null,
      sourceBytes: statistics.reduce((sum, { numel, dtype }) => sum + numel * dtypeBytes[dtype], 0),
      weightsSha256,
      totals: artifactTotals(statistics),
      quantizeMs: null,
      createdAt: new Date().toISOString(),
    };
    await mkdir(recordsDirectory, { recursive: true });
    await replaceFile(
      path.join(recordsDirectory, ARTIFACT_FILE),
      `${JSON.stringify({ files: files.map(({ name, sizeBytes, sha256, hashKind }) => ({ name, sizeBytes, sha256, hashKind })) }, null, 1)}\n`,
    );
    if (known !== null) models.removeArtifact(known.id);
    giveUpCheckpoint(context, directory);
    return models.addArtifact(artifact, files, statistics);
  } catch (error) {
    if (known === null) await deleteRecords(context, { recordsDirectory });
    throw error;
  } finally {
    await opened.close();
  }
}

/** Earlier versions listed such a folder as a checkpoint, which could neither be quantized nor run. */
function giveUpCheckpoint({ catalog: { models } }: EngineContext, directory: string): void {
  const listed = models.checkpointByDirectory(directory);
  if (listed !== null && !listed.owned) models.giveUpFolder(listed);
}
