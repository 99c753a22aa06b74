import path from 'node:path';
import { openCheckpoint, type CheckpointReader } from '../../checkpoint/index.ts';
import { describeArchitecture } from '../../models/index.ts';
import type { Artifact, Checkpoint } from '../../contract/checkpoint.ts';
import { slugFor } from '../../catalog/index.ts';
import { AppError, because } from '../../contract/error.ts';
import type { SchemeName } from '../../contract/scheme.ts';
import { hashFile } from '../../digest/index.ts';
import { readRemoteCheckpoint } from '../../hub/index.ts';
import {
  MANIFEST_FILE,
  partialDirectoryOf,
  planQuantization,
  quantizeCheckpoint,
  type QuantizationPlan,
} from '../../quantize/index.ts';
import { ensureGraph, requireRunnable, supportsArchitecture } from '../../run/index.ts';
import { fileState, isSameFile } from '../../disk/index.ts';
import { checkpointChanged, isUnchanged } from '../register/checkpoint-version.ts';
import { toolVersion, type EngineContext, type WorkCall } from '../context.ts';
import { devicesFor, requireDevices } from '../devices.ts';
import { isFolder, placeFor, requireReachable } from '../register/folders.ts';
import { filesBelow } from '../home/home.ts';
import { pullRepository, pullSample } from './pull.ts';
import { currentSettings } from '../home/settings.ts';
import { registerFolder, resolveSource } from '../sources.ts';
import { formatOf, keepsWeights } from '../../formats/index.ts';

export interface QuantizeRequest {
  readonly source: string;
  readonly schemes: readonly SchemeName[];
  readonly blockSize?: number | undefined;
  readonly device: 'auto' | 'cpu' | 'cuda';
  readonly name?: string | undefined;
  readonly threads?: number | undefined;
  /** @default true */
  readonly outputLayerCopy?: boolean | undefined;
}

/** An artifact, and whether it was made just now. */
export type MadeArtifact = Artifact & { readonly isNew: boolean };

/**
 * Refuses by its headers what cannot be quantized or run: before hours of downloading, and before it is listed.
 *
 * @throws AppError 'unsupported-model', 'malformed-file'
 */
function requireQuantizable(source: Parameters<typeof requireRunnable>[0]): void {
  const { obstacle, runnable } = describeArchitecture(source.config, source.tensors);
  if (obstacle !== null) throw obstacle;
  if (runnable) requireRunnable(source);
}

/**
 * The checkpoint that `text` names: downloaded where it is a repository, listed where it is a folder.
 *
 * @param reservedName What the artifact is to be called: a checkpoint that is new leaves that id free.
 * @throws AppError as downloading does, 'not-found'
 */
export async function checkpointFor(
  context: EngineContext,
  text: string,
  call: WorkCall,
  reservedName?: string,
): Promise<Checkpoint> {
  const source = await resolveSource(context, text);
  switch (source.kind) {
    case 'checkpoint':
      if (!(await isUnchanged(context, source.checkpoint)))
        throw checkpointChanged(source.checkpoint);
      return source.checkpoint;
    case 'sample':
      return pullSample(context, call);
    case 'folder':
      return registerFolder(context, source.directory, {
        reservedName,
        check: requireQuantizable,
      });
    case 'repository':
      return pullRepository(context, source.name, source.revision, call, {
        check: async (repository) => {
          requireQuantizable(
            await readRemoteCheckpoint(context.hub, repository, { signal: call.signal }),
          );
        },
      });
  }
}

/** The name of an artifact: the checkpoint's id, the scheme, and whatever is not as usual about it. */
function artifactName(
  checkpoint: Checkpoint,
  scheme: SchemeName,
  plan: QuantizationPlan,
  request: QuantizeRequest,
): string {
  const usual = formatOf(scheme).blockSizes[0] ?? null;
  const suffix =
    plan.blockSize === null || plan.blockSize === usual || plan.blockSize === 0
      ? ''
      : `-b${plan.blockSize}`;
  const hasCopy = request.outputLayerCopy !== false || keepsWeights(scheme);
  return `${checkpoint.id}-${scheme}${suffix}${hasCopy ? '' : '-no-copy'}`;
}

/** Whether nobody has written to the weights since they were opened. A further link to them changes nothing. */
async function isAsOpened({ directory, files }: CheckpointReader): Promise<boolean> {
  for (const { name, state } of files) {
    const now = await fileState(path.join(directory, name));
    if (now === null || !isSameFile(now, state) || now.modifiedNs !== state.modifiedNs)
      return false;
  }
  return true;
}

/** The artifact that this job would make again, or null. */
function madeAlready(
  context: EngineContext,
  checkpoint: Checkpoint,
  scheme: SchemeName,
  plan: QuantizationPlan,
  name: string | undefined,
): Artifact | null {
  const same = context.catalog.models
    .artifactsOf(checkpoint.id)
    .find(
      (artifact) =>
        artifact.scheme === scheme &&
        artifact.blockSize === plan.blockSize &&
        (artifact.outputLayerCopy === null) === (plan.head === null) &&
        (name === undefined || artifact.name === name),
    );
  return same ?? null;
}

/** @throws AppError 'malformed-file' where files of an artifact are known to be damaged: it is not what was made */
async function requireWhole(
  { catalog: { models } }: EngineContext,
  artifact: Artifact,
): Promise<void> {
  await requireReachable(artifact);
  const { id, directory } = artifact;
  const damaged = new Set(
    models
      .damagedFiles()
      .get(id)
      ?.map(({ name }) => name),
  );
  const now = new Map((await filesBelow(directory)).map((file) => [file.name, file.sizeBytes]));
  for (const { name, sizeBytes } of models.files('artifact', id))
    if (now.get(name) !== sizeBytes || damaged.has(name))
      throw new AppError(
        'malformed-file',
        `${id} was made before, but ${name} in ${directory} is missing or damaged.`,
        because(
          'artifact-damaged',
          { id, file: name, folder: directory },
          { remedy: 'Remove it, then make it again.' },
        ),
      );
}

/** @throws AppError 'malformed-file' where a check found files changed: versions would be made of other weights */
function requireSound({ catalog: { models } }: EngineContext, checkpoint: Checkpoint): void {
  // A folder of the person's own is compared when it is named.
  if (!checkpoint.owned) return;
  const { id, directory } = checkpoint;
  const [damaged] = models.damagedFiles().get(id) ?? [];
  if (damaged === undefined) return;
  throw new AppError(
    'malformed-file',
    `${damaged.name} of ${id} in ${directory} is ${damaged.state}.`,
    because(
      'checkpoint-damaged',
      { id, file: damaged.name, folder: directory },
      { remedy: 'Remove it and get it again, or restore the file and verify it.' },
    ),
  );
}

/** @throws AppError 'invalid-input' where a chosen name is an artifact's already: whoever uses it would mean two */
function requireFreeName({ catalog: { models } }: EngineContext, name: string | undefined): void {
  if (name === undefined) return;
  const slug = slugFor(name);
  const other = models
    .artifacts()
    .find((artifact) => artifact.id === slug || artifact.id === name || artifact.name === name);
  if (other === undefined) return;
  throw new AppError(
    'invalid-input',
    `The name ${name} belongs to another artifact (${other.id}).`,
    because('name-taken', { name, id: other.id }, { remedy: 'Choose another with --name.' }),
  );
}

/**
 * Id and folder of a new artifact. A folder that is no artifact stays as it is: it holds files that were kept when a model
 * of that name was removed, because they were not what Nibble had written.
 */
async function freePlace(
  context: EngineContext,
  name: string,
): Promise<{ readonly id: string; readonly directory: string }> {
  for (let number = 1; ; number++) {
    const id = context.catalog.models.freeId(number === 1 ? name : `${name}-${number}`);
    const directory = await placeFor(context, ['artifacts', id], partialDirectoryOf(''));
    if (
      !(await isFolder(directory)) ||
      (await fileState(path.join(directory, MANIFEST_FILE))) !== null
    )
      return { id, directory };
  }
}

/**
 * Makes the artifact of one scheme, or finds the one that was made before.
 *
 * @throws AppError as quantizing does, 'not-found' when the checkpoint's disk is not connected
 */
export async function makeArtifact(
  context: EngineContext,
  checkpoint: Checkpoint,
  scheme: SchemeName,
  request: QuantizeRequest,
  { signal, emit, claim }: WorkCall,
): Promise<MadeArtifact> {
  const { catalog } = context;
  await requireReachable(checkpoint);
  const opened = await openCheckpoint(checkpoint.directory);
  try {
    const plan = planQuantization({
      tensors: opened.tensors,
      config: opened.config,
      scheme,
      blockSize: request.blockSize,
      outputLayerCopy: request.outputLayerCopy,
    });
    const existing = madeAlready(context, checkpoint, scheme, plan, request.name);
    if (existing !== null) {
      await requireWhole(context, existing);
      return { ...existing, isNew: false };
    }
    requireSound(context, checkpoint);
    // Before anything is written: a family that runs here must not be refused when all the work is done.
    if (describeArchitecture(opened.config).runnable) requireRunnable(opened);

    const name = request.name ?? artifactName(checkpoint, scheme, plan, request);
    requireFreeName(context, request.name);
    const { id, directory } = await freePlace(context, name);
    claim?.({ kind: 'artifact', directory: partialDirectoryOf(directory) });
    await context.reserve.filled;
    const made = await quantizeCheckpoint({
      checkpoint: opened,
      origin: checkpoint.origin,
      isOwned: checkpoint.owned,
      plan,
      directory,
      threads: request.threads ?? currentSettings(catalog).threads ?? undefined,
      devices: await devicesFor(context, request.device),
      signal,
      onProgress: (progress) => {
        emit({ ...progress, artifact: id, format: scheme });
      },
      onDiskFull: context.onDiskFull,
      toolVersion: toolVersion(),
      finish: async (partial) => {
        // What was written to meanwhile is neither the old checkpoint nor the new one.
        if (!(await isAsOpened(opened)) || !(await isUnchanged(context, checkpoint)))
          throw checkpointChanged(checkpoint);
        if (await supportsArchitecture(opened.config)) await ensureGraph(partial);
      },
    });
    const files = await filesBelow(directory);
    const stored = [];
    for (const file of files) {
      const hash = made.fileHashes.get(file.name) ?? {
        sha256: await hashFile(path.join(directory, file.name), 'sha256', { signal }),
        hashKind: 'sha256' as const,
      };
      stored.push({ ...file, ...hash });
    }
    const artifact: Artifact = {
      id,
      checkpointId: checkpoint.id,
      name,
      scheme,
      blockSize: plan.blockSize,
      directory,
      architecture: checkpoint.architecture,
      sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
      weightsBytes: made.weightsBytes,
      outputLayerCopy: made.outputLayerCopy,
      sourceBytes: opened.tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0),
      weightsSha256: made.weightsSha256,
      totals: made.totals,
      quantizeMs: made.elapsedMs,
      createdAt: new Date().toISOString(),
    };
    return { ...catalog.models.addArtifact(artifact, stored, made.tensors), isNew: true };
  } finally {
    await opened.close();
  }
}

/** @throws AppError 'invalid-input' for a request that no checkpoint could satisfy, 'runtime-unavailable' without a GPU */
export async function requireMakeable(
  request: Pick<QuantizeRequest, 'device' | 'name' | 'schemes'>,
): Promise<void> {
  for (const scheme of request.schemes) formatOf(scheme);
  if (request.device === 'cuda') await requireDevices();
  if (request.name !== undefined && request.schemes.length > 1)
    throw new AppError('invalid-input', 'One name cannot be given to several schemes.', {
      remedy: 'Name one scheme, or leave out --name.',
    });
}

/**
 * Makes one artifact per scheme, in the order given; what is there already is not made again.
 *
 * @throws AppError as downloading and quantizing do; artifacts finished before stay in the catalog
 */
export async function quantize(
  context: EngineContext,
  request: QuantizeRequest,
  call: WorkCall,
): Promise<MadeArtifact[]> {
  await requireMakeable(request);
  const checkpoint = await checkpointFor(context, request.source, call, request.name);
  const artifacts: MadeArtifact[] = [];
  for (const scheme of request.schemes)
    artifacts.push(await makeArtifact(context, checkpoint, scheme, request, call));
  return artifacts;
}
