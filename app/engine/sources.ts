import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ggufOnly, openCheckpoint, type CheckpointReader } from '../checkpoint/index.ts';
import { describeArchitecture } from '../models/index.ts';
import type { Checkpoint } from '../contract/checkpoint.ts';
import { AppError, because } from '../contract/error.ts';
import { SAMPLE_SOURCE } from '../contract/inspection.ts';
import { isRepositoryName, otherHubOf, parseRepositoryName } from '../hub/index.ts';
import type { EngineContext } from './context.ts';
import { fileState } from '../disk/index.ts';
import { isUnchanged } from './register/checkpoint-version.ts';
import { isFolder } from './register/folders.ts';
import { filesBelow } from './home/home.ts';

/** What a person may name: a checkpoint of the catalog, a folder, a repository of the hub, or the sample model. */
export type Source =
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'folder'; readonly directory: string }
  | { readonly kind: 'repository'; readonly name: string; readonly revision: string }
  | { readonly kind: 'sample' };

/**
 * Finds out what `text` names. An id of the catalog wins over a folder, and a folder over a repository; `./name` and
 * absolute paths are always folders.
 *
 * @throws AppError 'not-found' or 'invalid-input'
 */
export async function resolveSource(context: EngineContext, text: string): Promise<Source> {
  if (text === SAMPLE_SOURCE) return { kind: 'sample' };
  const { models } = context.catalog;
  const checkpoint = models.checkpoint(text);
  if (checkpoint !== null) return { kind: 'checkpoint', checkpoint };
  const artifact = models.artifact(text);
  if (artifact !== null)
    throw new AppError('invalid-input', `${text} is already quantized (${artifact.scheme}).`, {
      remedy:
        models.checkpoint(artifact.checkpointId) === null
          ? 'Name the model that it was made from, as it was before.'
          : `Name the checkpoint it was made from: ${artifact.checkpointId}`,
    });
  if (await isFolder(text)) return { kind: 'folder', directory: path.resolve(text) };
  if (await isFile(text)) throw fileInsteadOfFolder(text);
  const looksLikePath = path.isAbsolute(text) || /^\.{1,2}([\\/]|$)/.test(text);
  if (!looksLikePath && isRepositoryName(text)) {
    const { name, revision } = parseRepositoryName(text);
    return { kind: 'repository', name, revision };
  }
  throw new AppError(
    'not-found',
    `${text} is no id of the catalog, no folder, and no name of a repository.`,
    because(
      'nothing-there',
      { name: text },
      { remedy: 'Name a repository as OWNER/NAME, a folder, or an id from: nibble list' },
    ),
  );
}

/** Which hub a source is asked for, and the host that a link names where that is another one. @throws as `resolveSource` */
export async function sourceHub(
  context: EngineContext,
  text: string,
): Promise<{ endpoint: string | null; otherHub: string | null }> {
  const { kind } = await resolveSource(context, text);
  if (kind !== 'repository') return { endpoint: null, otherHub: null };
  const { endpoint } = context.hub;
  return { endpoint, otherHub: otherHubOf(text, endpoint) };
}

/** True for a file that can be seen now. */
export async function isFile(candidate: string): Promise<boolean> {
  try {
    return (await stat(candidate)).isFile();
  } catch {
    // Whatever keeps us from seeing a file there, it is none that we can use.
    return false;
  }
}

/** The error for a file where a folder is meant. */
export function fileInsteadOfFolder(file: string): AppError {
  if (/\.gguf$/i.test(file)) return ggufOnly(file);
  return new AppError(
    'invalid-input',
    `${file} is a file, not the folder of a checkpoint.`,
    because(
      'not-a-folder',
      { path: file },
      { remedy: 'Name the folder that config.json and the safetensors files are in.' },
    ),
  );
}

/** Parameters of a checkpoint: the elements of all its tensors. */
export function countParameters(tensors: CheckpointReader['tensors']): number {
  return tensors.reduce(
    (sum, tensor) => sum + tensor.shape.reduce((product, size) => product * size, 1),
    0,
  );
}

export interface RegisterOptions {
  /** An id that a new row leaves free: what is made of it is to be called so. */
  readonly reservedName?: string | undefined;
  /** Looks at a folder that is not listed yet; what it throws keeps the folder off the list. */
  readonly check?: ((opened: CheckpointReader) => void) | undefined;
}

/**
 * The catalog's row for a folder of the person's own, added at first use, and anew where other files are in it than were.
 * The folder is only ever read.
 *
 * @throws AppError when the folder holds no checkpoint
 */
export async function registerFolder(
  context: EngineContext,
  directory: string,
  { reservedName, check }: RegisterOptions = {},
): Promise<Checkpoint> {
  const { models } = context.catalog;
  const known = models.checkpointByDirectory(directory);
  if (known !== null && (await isUnchanged(context, known))) return known;
  const opened = await openCheckpoint(directory);
  try {
    if (known === null) check?.(opened);
    const name = path.basename(directory);
    const files = await filesBelow(directory);
    const states = await Promise.all(
      files.map((file) => fileState(path.join(directory, file.name))),
    );
    const createdAt = new Date().toISOString();
    const checkpoint: Checkpoint = {
      id: models.freeId(name, reservedName),
      // Two of one name could not be told apart.
      name: known === null ? name : `${name} (${createdAt.slice(0, 19).replace('T', ' ')})`,
      directory,
      origin: { repository: null, revision: null, commit: null, endpoint: null },
      architecture: describeArchitecture(opened.config).modelType,
      parameters: countParameters(opened.tensors),
      sizeBytes: opened.files.reduce((sum, file) => sum + file.sizeBytes, 0),
      license: null,
      owned: false,
      createdAt,
    };
    if (known !== null) models.giveUpFolder(known);
    return models.addCheckpoint(
      checkpoint,
      files.map((file, i) => ({ ...file, sha256: null, state: states[i] ?? null })),
    );
  } finally {
    await opened.close();
  }
}
