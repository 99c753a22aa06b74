import { createHash } from 'node:crypto';
import { mkdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { openCheckpoint } from '../../checkpoint/index.ts';
import { describeArchitecture } from '../../models/index.ts';
import type { Checkpoint } from '../../contract/checkpoint.ts';
import { AppError } from '../../contract/error.ts';
import { downloadRepository, Hub, readJournal, type Repository } from '../../hub/index.ts';
import { sampleModel } from '../../sample/index.ts';
import type { EngineContext, WorkCall } from '../context.ts';
import { isFolder, placeFor, requireReachable } from '../register/folders.ts';
import { startSampleHub } from '../sample-hub.ts';
import { countParameters, resolveSource } from '../sources.ts';

/** Digits of a hub's address that tell it from others: a person uses a handful. */
const HUB_DIGITS = 8;

/** What a download is: the same name and commit from another hub is something else. */
interface DownloadIdentity {
  readonly endpoint: string;
  readonly repository: string;
  readonly commit: string;
}

/** Whether the catalog has something else in that folder. */
function isTaken({ catalog: { models } }: EngineContext, directory: string): boolean {
  return models.checkpointByDirectory(directory) !== null;
}

/**
 * The folder of a download in the library: it has the full commit and the hub in its name. One that an earlier version
 * began under a shorter name goes on there, if its journal says that it is the same.
 *
 * @param hubName Names the hub. @default its address
 */
async function folderFor(
  context: EngineContext,
  { endpoint, repository, commit }: DownloadIdentity,
  hubName = endpoint,
): Promise<string> {
  const above = ['checkpoints', repository.replace('/', '--')];
  const earlier = await placeFor(context, [...above, commit.slice(0, 12)]);
  const begun = await readJournal(earlier);
  if (
    begun?.endpoint === endpoint &&
    begun.repository === repository &&
    begun.commit === commit &&
    !isTaken(context, earlier)
  )
    return earlier;
  const hub = createHash('sha256').update(hubName).digest('hex').slice(0, HUB_DIGITS);
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : `-${number}`;
    const directory = await placeFor(context, [...above, `${commit}-${hub}${suffix}`]);
    // Whatever the catalog has there is not this download: that would have been found before.
    if (!isTaken(context, directory)) return directory;
  }
}

/** A hub on this computer: what serves the sample model has another port each time. */
function isOnThisComputer(endpoint: string | null): boolean {
  return endpoint !== null && /^http:\/\/127\.0\.0\.1:/.test(endpoint);
}

/** The checkpoint that this download would be; the sample model is the same from every hub on this computer. */
function knownDownload(
  { catalog: { models } }: EngineContext,
  { endpoint, repository, commit }: DownloadIdentity,
): Checkpoint | null {
  const exact = models.checkpointByOrigin(endpoint, repository, commit);
  if (exact !== null || repository !== sampleModel.repository || !isOnThisComputer(endpoint))
    return exact;
  const isSame = ({ origin }: Checkpoint): boolean =>
    origin.repository === repository &&
    origin.commit === commit &&
    isOnThisComputer(origin.endpoint);
  return models.checkpoints().find(isSame) ?? null;
}

interface PullOptions {
  /** Names the hub in the folder of the download. @default its address */
  readonly hubName?: string;
  /** Refuses what is not to be downloaded, before the first byte of it is. */
  readonly check?: (repository: Repository) => Promise<void>;
}

/** Takes away what a download left that was refused before its first file: nothing of it could be resumed. */
async function removeEmpty(directory: string): Promise<void> {
  for (const folder of [directory, path.dirname(directory)])
    try {
      await rmdir(folder);
    } catch {
      // Something is in it.
      return;
    }
}

/**
 * Downloads a repository, or finds that this commit is here already.
 *
 * @throws AppError as the hub does, 'disk-full', 'malformed-file' when what came is no checkpoint
 */
export async function pullRepository(
  context: EngineContext,
  name: string,
  revision: string,
  { signal, emit, claim }: WorkCall,
  { hubName, check }: PullOptions = {},
): Promise<Checkpoint> {
  const { hub, catalog } = context;
  const repository = await hub.repository(name, revision, { signal });
  await check?.(repository);
  const identity = {
    endpoint: hub.endpoint,
    repository: repository.name,
    commit: repository.commit,
  };
  const known = knownDownload(context, identity);
  if (known !== null) {
    await requireReachable(known);
    return known;
  }

  const directory = await folderFor(context, identity, hubName);
  claim?.({ kind: 'download', directory });
  await context.reserve.filled;
  await mkdir(directory, { recursive: true });
  const { files } = await downloadRepository({
    hub,
    repository,
    directory,
    signal,
    onProgress: emit,
    onDiskFull: context.onDiskFull,
  }).catch(async (error: unknown) => {
    await removeEmpty(directory);
    throw error;
  });
  // The headers are read before the row is written: the catalog never lists what cannot be opened.
  const opened = await openCheckpoint(directory);
  try {
    // Another process may have finished the same download meanwhile.
    const already = knownDownload(context, identity);
    if (already !== null) return already;
    const shortName = repository.name.split('/').at(-1) ?? repository.name;
    const checkpoint: Checkpoint = {
      id: catalog.models.freeId(shortName),
      name: repository.name,
      directory,
      origin: {
        repository: repository.name,
        revision,
        commit: repository.commit,
        endpoint: hub.endpoint,
      },
      architecture: describeArchitecture(opened.config).modelType,
      parameters: countParameters(opened.tensors),
      sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
      license: repository.license,
      owned: true,
      createdAt: new Date().toISOString(),
    };
    return catalog.models.addCheckpoint(
      checkpoint,
      files.map((file) => ({ name: file.path, sizeBytes: file.sizeBytes, sha256: file.sha256 })),
    );
  } finally {
    await opened.close();
  }
}

/**
 * Copies the sample model into the library, in the way of a download, or finds that it is there already.
 *
 * @throws AppError 'disk-full', 'permission-denied'
 */
export async function pullSample(context: EngineContext, call: WorkCall): Promise<Checkpoint> {
  const { repository } = sampleModel;
  for (const checkpoint of context.catalog.models.checkpoints()) {
    const { origin, directory } = checkpoint;
    const isSample = origin.repository === repository && isOnThisComputer(origin.endpoint);
    if (isSample && (await isFolder(directory))) return checkpoint;
  }
  const hub = await startSampleHub();
  try {
    const ours = { ...context, hub: new Hub({ endpoint: hub.endpoint, token: '' }) };
    return await pullRepository(ours, repository, 'main', call, { hubName: 'sample' });
  } finally {
    await hub.close();
  }
}

/** The engine's `pull`: repositories only; everything else is here already. */
export async function pull(
  context: EngineContext,
  text: string,
  call: WorkCall,
): Promise<Checkpoint> {
  const source = await resolveSource(context, text);
  switch (source.kind) {
    case 'repository':
      return pullRepository(context, source.name, source.revision, call);
    case 'checkpoint':
      return source.checkpoint;
    case 'sample':
      return pullSample(context, call);
    case 'folder':
      throw new AppError(
        'invalid-input',
        `${text} is a folder on this computer: there is nothing to download.`,
        {
          remedy: `Use it directly: nibble quantize ${text} --scheme nf4-dq`,
        },
      );
  }
}
