import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { slugFor, type StoredFile } from '../../catalog/index.ts';
import { openCheckpoint, RUNTIME_WEIGHTS_FILES } from '../../checkpoint/index.ts';
import { describeArchitecture } from '../../models/index.ts';
import { dtypeBytes, type Artifact } from '../../contract/checkpoint.ts';
import { isSafePath } from '../../hub/index.ts';
import {
  malformedManifest,
  MANIFEST_FILE,
  manifestFingerprint,
  readManifest,
  type Manifest,
} from '../../quantize/index.ts';
import { toolVersion, type EngineContext } from '../context.ts';
import { filesBelow } from '../home/home.ts';

type CatalogContext = Pick<EngineContext, 'catalog'>;

/** The files of the folder with the hashes that the manifest gives. @throws AppError when one is missing or cut off */
async function checkedFiles(directory: string, manifest: Manifest): Promise<StoredFile[]> {
  const listed = new Map(manifest.files.map((file) => [file.name, file]));
  if (listed.size !== manifest.files.length)
    throw malformedManifest(directory, 'lists a file twice');
  const sha256 = /^[0-9a-f]{64}$/;
  if (
    ![manifest.weightsSha256, ...manifest.files.map((file) => file.sha256)].every((text) =>
      sha256.test(text),
    )
  )
    throw malformedManifest(directory, 'holds something else where a sha256 should be');
  const copy = manifest.outputLayerCopy;
  const copyName =
    RUNTIME_WEIGHTS_FILES.find((name) => listed.has(name)) ?? RUNTIME_WEIGHTS_FILES[0];
  const copyFile = listed.get(copyName);
  if (
    copy !== undefined &&
    (copyFile?.sha256 !== copy.sha256 || copyFile.sizeBytes !== copy.sizeBytes)
  )
    throw malformedManifest(directory, `says two things of ${copyName}`);
  const present = await filesBelow(directory);
  const sizes = new Map(present.map(({ name, sizeBytes }) => [name, sizeBytes]));
  for (const { name, sizeBytes } of manifest.files)
    if (!isSafePath(name) || sizes.get(name) !== sizeBytes)
      throw malformedManifest(directory, `lists ${name}, which is missing or has another size`);
  return present.map((file) => {
    const { sha256 = null, hashKind = 'sha256' } = listed.get(file.name) ?? {};
    return { ...file, sha256, hashKind };
  });
}

/** The name of a checkpoint in that of what was made from it: without `-nf4`, `-nf4-b128-no-copy` and the like. */
function withoutScheme(slug: string, scheme: string): string {
  const bare = slug.replace(/(?:-b\d+)?(?:-no-copy)?$/, '');
  return bare.endsWith(`-${scheme}`) ? bare.slice(0, -scheme.length - 1) : slug;
}

/**
 * The checkpoint that it was made from: the one in the catalog where there is one, else a name that no checkpoint can
 * get later, so that another model never passes for its source.
 */
function checkpointIdOf(context: CatalogContext, directory: string, manifest: Manifest): string {
  const { endpoint, repository, commit } = manifest.source;
  if (endpoint !== null && repository !== null && commit !== null) {
    const known = context.catalog.models.checkpointByOrigin(endpoint, repository, commit);
    if (known !== null) return known.id;
  }
  const name = repository?.split('/').at(-1) ?? path.basename(directory);
  const slug = withoutScheme(slugFor(name), manifest.scheme);
  if (commit === null) return `${slug}@local`;
  // The hub belongs to it: a mirror may have other files under the same commit.
  const hub = createHash('sha256')
    .update(`${endpoint ?? ''} ${repository ?? ''}`)
    .digest('hex');
  return `${slug}@${commit}-${hub.slice(0, 8)}`;
}

/**
 * The catalog's row for an artifact that lies in a folder already, added where there is none. The manifest may come from
 * anyone: sizes, names and hashes are checked, the weights' header is read, and `verify` hashes the bytes against it.
 *
 * @param recordsDirectory Where running keeps what it writes, for a folder that Nibble must not write to.
 * @throws AppError 'malformed-file', 'not-found', 'unsupported-model' where a newer Nibble made it
 */
export async function registerArtifact(
  context: CatalogContext,
  directory: string,
  recordsDirectory?: string,
): Promise<Artifact> {
  const { models } = context.catalog;
  const known = models.artifactByDirectory(directory);
  if (known !== null) return known;
  const manifest = await readManifest(directory, toolVersion());
  const files = await checkedFiles(directory, manifest);
  const opened = await openCheckpoint(directory);
  try {
    const name = path.basename(directory);
    const artifact: Artifact = {
      id: models.freeId(name),
      checkpointId: checkpointIdOf(context, directory, manifest),
      name,
      scheme: manifest.scheme,
      blockSize: manifest.blockSize,
      directory,
      ...(recordsDirectory === undefined ? {} : { recordsDirectory }),
      architecture: describeArchitecture(opened.config).modelType,
      sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
      weightsBytes: manifest.weightsBytes,
      outputLayerCopy: manifest.outputLayerCopy ?? null,
      sourceBytes: manifest.tensors.reduce(
        (sum, tensor) => sum + tensor.numel * dtypeBytes[tensor.dtype],
        0,
      ),
      weightsSha256: manifestFingerprint(manifest),
      totals: manifest.totals,
      quantizeMs: manifest.elapsedMs,
      createdAt: (await stat(path.join(directory, MANIFEST_FILE))).mtime.toISOString(),
    };
    return models.addArtifact(artifact, files, manifest.tensors);
  } finally {
    await opened.close();
  }
}
