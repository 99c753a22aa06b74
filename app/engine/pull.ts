import { mkdir } from 'node:fs/promises';
import { describeArchitecture, openCheckpoint } from '../checkpoint/index.ts';
import type { Checkpoint } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';
import { downloadRepository, Hub } from '../hub/index.ts';
import { sampleModel } from '../sample/index.ts';
import type { EngineContext, WorkCall } from './context.ts';
import { isFolder, placeFor, requireReachable } from './folders.ts';
import { startSampleHub } from './sample-hub.ts';
import { countParameters, resolveSource } from './sources.ts';

/** The folder of a repository at a commit, in the library. Both parts come from the hub and are checked there. */
function folderFor(context: EngineContext, repository: string, commit: string): Promise<string> {
  return placeFor(context, ['checkpoints', repository.replace('/', '--'), commit.slice(0, 12)]);
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
): Promise<Checkpoint> {
  const { hub, catalog } = context;
  const repository = await hub.repository(name, revision, { signal });
  const known = catalog.models.checkpointByOrigin(hub.endpoint, repository.name, repository.commit);
  if (known !== null) {
    await requireReachable(known);
    return known;
  }

  const directory = await folderFor(context, repository.name, repository.commit);
  claim?.({ kind: 'download', directory });
  await mkdir(directory, { recursive: true });
  const { files } = await downloadRepository({
    hub,
    repository,
    directory,
    signal,
    onProgress: emit,
    onDiskFull: context.onDiskFull,
  });
  // The headers are read before the row is written: the catalog never lists what cannot be opened.
  const opened = await openCheckpoint(directory);
  try {
    const already = catalog.models.checkpointByDirectory(directory);
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
    // The address of its hub is another one each time; that it was on this computer stays.
    const isLocal = origin.endpoint !== null && /^http:\/\/127\.0\.0\.1:/.test(origin.endpoint);
    if (origin.repository === repository && isLocal && (await isFolder(directory)))
      return checkpoint;
  }
  const hub = await startSampleHub();
  try {
    const ours = { ...context, hub: new Hub({ endpoint: hub.endpoint, token: '' }) };
    return await pullRepository(ours, repository, 'main', call);
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
