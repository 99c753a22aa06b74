import { rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { EntryKind } from '../catalog/index.ts';
import type { Artifact, Checkpoint } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';
import { unknownId } from './catalog-calls.ts';
import type { EngineContext } from './context.ts';
import { isFolder, isReachable, isWithin } from './register/folders.ts';
import {
  deleteFiles,
  isInLibrary,
  removeEmpty,
  renameToDelete,
  setAside,
  sortFiles,
  type SortedFiles,
} from './home/owned-files.ts';
import { deleteRecords, isLinked } from './home/records.ts';
import { moveToTrash } from './home/trash.ts';

/** True when the entry's files are gone for good, and not on a disk that is not connected. */
async function isGone(context: EngineContext, directory: string): Promise<boolean> {
  if (await isFolder(directory)) return false;
  const folder = context.catalog.folders
    .folders()
    .find((candidate) => isWithin(directory, candidate.directory));
  return folder === undefined ? isFolder(path.dirname(directory)) : isReachable(context, folder);
}

/**
 * Finishes removals that a crash cut in two: where the files have left, the row follows; where they are still there,
 * nothing has happened.
 */
export async function finishRemovals(context: EngineContext): Promise<void> {
  const { models } = context.catalog;
  const { lease } = context;
  const removals = models.removals();
  const isOrphan = new Set<string | null>([null]);
  const owners = new Set(removals.flatMap(({ owner }) => owner ?? []));
  await lease.reclaim([...owners], (owner) => isOrphan.add(owner));
  for (const removal of removals)
    // Another Nibble may be at it just now.
    if (!isOrphan.has(removal.owner ?? null)) continue;
    else if (await isGone(context, removal.directory)) models.finishRemoval(removal);
    else if (await isFolder(removal.directory)) models.abandonRemoval(removal.id);
}

/** Moves the files that are ours to the trash: the whole folder where nothing else is in it. */
async function trashFiles(
  { name, directory }: Artifact | Checkpoint,
  { ours, others }: SortedFiles,
): Promise<void> {
  if (others.length === 0) {
    await moveToTrash(directory, name);
    return;
  }
  const { aside, putBack } = await setAside(directory, ours);
  try {
    await moveToTrash(aside, name);
  } catch (error) {
    await putBack();
    throw error;
  }
  await removeEmpty(directory);
}

async function trashEntry(
  context: EngineContext,
  kind: EntryKind,
  entry: Artifact | Checkpoint,
  files: SortedFiles,
): Promise<void> {
  const { models } = context.catalog;
  const { id, directory } = entry;
  // The files go first, because only that can fail, and then nothing must have changed. The note makes sure that a
  // crash after that leaves no row that points at nothing: the next engine finishes what it says.
  models.beginRemoval({ id, kind, directory });
  try {
    await trashFiles(entry, files);
  } catch (error) {
    models.abandonRemoval(id);
    throw error;
  }
  models.finishRemoval({ id, kind });
}

/**
 * Deletes a whole folder and its row so that a crash at any moment leaves both or, after the next start, neither.
 *
 * @returns false where the folder cannot go as a whole; nothing has changed then
 */
async function deleteEntry(
  context: EngineContext,
  kind: EntryKind,
  { id, directory }: Artifact | Checkpoint,
  { ours, others }: SortedFiles,
): Promise<boolean> {
  if (others.length > 0) return false;
  const { models } = context.catalog;
  models.beginRemoval({ id, kind, directory });
  let renamed: string | null = null;
  try {
    renamed = await renameToDelete(directory, ours);
  } finally {
    if (renamed === null) models.abandonRemoval(id);
  }
  if (renamed === null) return false;
  try {
    models.finishRemoval({ id, kind });
  } catch (error) {
    // A full disk keeps the row; its files must be there then.
    await rename(renamed, directory);
    throw error;
  }
  await rm(renamed, { recursive: true, force: true });
  return true;
}

/**
 * Removes a checkpoint or an artifact with the files that Nibble made and that are what they were. Whatever else lies in
 * its folder stays, and so does everything outside the library.
 *
 * @param forever Deletes the files instead of moving them to the system's trash.
 * @throws AppError 'not-found' for an unknown id or a disk that is not connected, 'permission-denied' and others when
 * the trash cannot be used; nothing has changed then
 */
export async function removeEntry(
  context: EngineContext,
  id: string,
  forever: boolean,
): Promise<{
  freedBytes: number;
  directory: string;
  deletedFiles: boolean;
  keptFiles: string[];
}> {
  const { models } = context.catalog;
  const artifact = models.artifact(id);
  const checkpoint = artifact === null ? models.checkpoint(id) : null;
  const entry = artifact ?? checkpoint;
  if (entry === null) throw unknownId(context, id);
  const kind: EntryKind = artifact === null ? 'checkpoint' : 'artifact';
  const { directory } = entry;
  const isPresent = await isFolder(directory);
  const isOurs = artifact === null ? checkpoint?.owned === true : !isLinked(artifact);
  const deletedFiles = isPresent && isOurs && (await isInLibrary(context, directory));
  if (!isPresent && !forever && !(await isGone(context, directory)))
    throw new AppError('not-found', `The files of ${id} in ${directory} cannot be reached.`, {
      remedy:
        'Connect the disk they are on first, or remove it `forever`: that takes it off the list and leaves the files.',
    });
  const files = deletedFiles
    ? await sortFiles(directory, models.files(kind, id), entry.createdAt)
    : { ours: [], others: [], freedBytes: 0 };
  if (deletedFiles && !forever && files.ours.length > 0)
    await trashEntry(context, kind, entry, files);
  else if (!deletedFiles || !(await deleteEntry(context, kind, entry, files))) {
    // The row goes first: a row must never point at files that are half gone. Files that a crash leaves behind are
    // found again as unfinished.
    models.finishRemoval({ id, kind });
    if (deletedFiles) await deleteFiles(directory, files.ours);
  }
  if (artifact !== null) await deleteRecords(context, artifact);
  // A checkpoint lies below the folder of its repository, which stays where it holds another commit.
  if (deletedFiles && kind === 'checkpoint')
    await rmdir(path.dirname(directory)).catch(() => undefined);
  return {
    freedBytes: files.freedBytes,
    directory,
    deletedFiles,
    keptFiles: [...files.others].sort(),
  };
}
