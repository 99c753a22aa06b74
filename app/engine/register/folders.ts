import { access, constants, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { KnownFolder } from '../../catalog/index.ts';
import type { Artifact, Checkpoint } from '../../contract/checkpoint.ts';
import { AppError, because, toAppError } from '../../contract/error.ts';
import type { EngineContext } from '../context.ts';

/** True for a folder that can be seen now. */
export async function isFolder(candidate: string): Promise<boolean> {
  try {
    return (await stat(candidate)).isDirectory();
  } catch {
    // Whatever keeps us from seeing a folder there, it is none that we can use.
    return false;
  }
}

/** True when `inner` is `outer` or lies below it. Both are absolute. */
export function isWithin(inner: string, outer: string): boolean {
  const relative = path.relative(outer, inner);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}

/** Checkpoints and artifacts of the catalog. */
export interface Entries {
  readonly checkpoints: readonly Checkpoint[];
  readonly artifacts: readonly Artifact[];
}

/** Those of the entries that lie in a folder, whether it can be reached or not. */
export function entriesWithin(directory: string, { checkpoints, artifacts }: Entries): Entries {
  const lies = (entry: { readonly directory: string }): boolean =>
    isWithin(entry.directory, directory);
  return { checkpoints: checkpoints.filter(lies), artifacts: artifacts.filter(lies) };
}

/** Everything that the catalog knows in a folder, whether it can be reached or not. */
export function entriesIn({ catalog: { models } }: EngineContext, directory: string): Entries {
  return entriesWithin(directory, {
    checkpoints: models.checkpoints(),
    artifacts: models.artifacts(),
  });
}

/**
 * True when the folder's disk is connected. A folder that is empty although the catalog knows models in it is the place
 * where a disk is missing: writing there would fill the wrong one.
 */
export async function isReachable(context: EngineContext, folder: KnownFolder): Promise<boolean> {
  let names: string[];
  try {
    names = await readdir(folder.directory);
  } catch {
    return false;
  }
  if (names.length > 0) return true;
  const { checkpoints, artifacts } = entriesIn(context, folder.directory);
  return checkpoints.length + artifacts.length === 0;
}

/** The folder that new models go to. @throws AppError 'not-found' when its disk is not connected */
export async function defaultFolder(context: EngineContext): Promise<KnownFolder> {
  const folder = context.catalog.folders.folders().find(({ isDefault }) => isDefault);
  if (folder === undefined)
    throw new AppError('catalog-corrupt', 'The catalog names no folder for new models.', {
      remedy: 'Choose a default folder in the settings.',
    });
  if (await isReachable(context, folder)) return folder;
  throw new AppError(
    'not-found',
    `The folder ${folder.directory}, where new models go, cannot be reached.`,
    { remedy: 'Connect its disk, or make another folder the default one.' },
  );
}

/**
 * Where a new checkpoint or artifact goes: to the default folder, or where an earlier run has begun it.
 *
 * @param parts Its place within a folder.
 * @param suffix What its name ends in while it is not finished.
 * @throws AppError 'not-found' when the disk of the default folder is not connected
 */
export async function placeFor(
  context: EngineContext,
  parts: readonly string[],
  suffix = '',
): Promise<string> {
  for (const { directory } of context.catalog.folders.folders()) {
    const begun = path.join(directory, ...parts);
    if (await isFolder(`${begun}${suffix}`)) return begun;
  }
  const folder = await defaultFolder(context);
  return path.join(folder.directory, ...parts);
}

/** @throws AppError 'not-found' when the files of an entry cannot be reached */
export async function requireReachable(entry: Checkpoint | Artifact): Promise<void> {
  if (await isFolder(entry.directory)) return;
  throw new AppError(
    'not-found',
    `The files of ${entry.id} in ${entry.directory} cannot be reached.`,
    because(
      'files-unreachable',
      { id: entry.id, folder: entry.directory },
      { remedy: 'Connect the disk they are on, or remove it from the library and get it again.' },
    ),
  );
}

/** @throws AppError 'permission-denied' when nothing can be written there */
export async function requireWritable(directory: string): Promise<void> {
  try {
    await access(directory, constants.W_OK);
  } catch (error) {
    throw new AppError('permission-denied', `Nibble cannot write to ${directory}.`, {
      remedy: 'Check its permissions, or choose another folder.',
      cause: toAppError(error),
    });
  }
}
