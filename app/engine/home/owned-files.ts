import { randomUUID } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { StoredFile } from '../../catalog/index.ts';
import { toAppError } from '../../contract/error.ts';
import { hashFile } from '../../digest/index.ts';
import { SETTLED_MS } from '../../disk/index.ts';
import { isSafePath, JOURNAL_NAME } from '../../hub/index.ts';
import { MANIFEST_FILE } from '../../quantize/index.ts';
import { isWrittenByRuns } from '../../run/index.ts';
import type { EngineContext } from '../context.ts';
import { isWithin } from '../register/folders.ts';

/** Files that Nibble writes beside a model and may write again at any time; nobody else's have these names. */
const OWN_NAMES: ReadonlySet<string> = new Set([JOURNAL_NAME, MANIFEST_FILE]);

/**
 * Whether a folder lies below one of the library's, links resolved; never one of those itself, nor a link, which stands for
 * another folder.
 */
export async function isInLibrary(context: EngineContext, directory: string): Promise<boolean> {
  const status = await lstat(directory).catch(() => null);
  if (status?.isDirectory() !== true) return false;
  const real = await realpath(directory).catch(() => null);
  if (real === null) return false;
  for (const folder of context.catalog.folders.folders()) {
    const root = await realpath(folder.directory).catch(() => folder.directory);
    if (real !== root && isWithin(real, root)) return true;
  }
  return false;
}

/**
 * Whether a file is still the one that was recorded: by its times where it is older than its row, else by its hash. The
 * time of its inode counts, too: whoever puts another file in its place can give that any time of writing.
 */
async function isAsRecorded(
  file: string,
  { sizeBytes, sha256, hashKind = 'sha256' }: StoredFile,
  createdAt: string,
): Promise<boolean> {
  // What nobody said the content of is not ours to delete.
  if (sha256 === null) return false;
  const status = await lstat(file);
  if (!status.isFile() || status.size !== sizeBytes) return false;
  if (Math.max(status.mtimeMs, status.ctimeMs) <= Date.parse(createdAt) - SETTLED_MS) return true;
  try {
    return (await hashFile(file, hashKind)) === sha256;
  } catch (error) {
    if (toAppError(error).code === 'malformed-file') return false;
    throw error;
  }
}

/** The files of a folder, sorted into those that Nibble made and that are unchanged, and all others. */
export interface SortedFiles {
  /** Relative names. */
  readonly ours: readonly string[];
  readonly others: readonly string[];
  /** Bytes that deleting ours gives back: what has another name elsewhere stays. */
  readonly freedBytes: number;
}

/** Everything in a folder and below, links not followed, by relative names with slashes. */
async function entriesBelow(
  directory: string,
): Promise<{ readonly name: string; readonly isFile: boolean }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .map((entry) => ({
      name: path
        .relative(directory, path.join(entry.parentPath, entry.name))
        .split(path.sep)
        .join('/'),
      isFile: entry.isFile(),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @param createdAt of the row: recorded files that were not written to since are taken as they are */
export async function sortFiles(
  directory: string,
  recorded: readonly StoredFile[],
  createdAt: string,
): Promise<SortedFiles> {
  const listed = new Map(recorded.map((file) => [file.name, file]));
  const ours: string[] = [];
  const others: string[] = [];
  let freedBytes = 0;
  const { dev } = await lstat(directory);
  for (const { name, isFile } of await entriesBelow(directory)) {
    const file = path.join(directory, name);
    const status = await lstat(file).catch(() => null);
    // It was deleted since we listed the folder, by a job that ended.
    if (status === null) continue;
    // Another disk was mounted there. Nibble makes neither mounts nor links to files.
    const isElsewhere = status.dev !== dev;
    if (status.isDirectory() && !isElsewhere) continue;
    const entry = listed.get(name);
    const isOurs =
      isFile &&
      !isElsewhere &&
      (OWN_NAMES.has(name) ||
        isWrittenByRuns(name) ||
        (entry !== undefined && isSafePath(name) && (await isAsRecorded(file, entry, createdAt))));
    (isOurs ? ours : others).push(name);
    if (isOurs && status.nlink <= 1) freedBytes += status.size;
  }
  return { ours, others, freedBytes };
}

/**
 * Removes a folder and those below it as far as they are empty. Links, files and other disks that are mounted there stay, and so
 * does what holds them.
 */
export async function removeEmpty(directory: string): Promise<void> {
  const device = await deviceOf(directory);
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const below = path.join(directory, entry.name);
    if (entry.isDirectory() && (await deviceOf(below)) === device) await removeEmpty(below);
  }
  await rmdir(directory).catch(() => undefined);
}

/** Which disk a folder is on; null where it is not there. */
async function deviceOf(directory: string): Promise<number | null> {
  return lstat(directory).then(
    ({ dev }) => dev,
    () => null,
  );
}

/** Deletes files of a folder, and the folder where nothing else is in it. */
export async function deleteFiles(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(path.join(directory, name), { force: true });
  await removeEmpty(directory);
}

/** `DIRECTORY.nibble-deleted-UUID`: a folder that was renamed to be deleted. */
const DELETED_NAME = /\.nibble-deleted-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Renames a folder in one step, so that a crash in the middle of deleting leaves nothing that looks like a model.
 *
 * @returns its new path; null where something else is in it than these files (a link, or what came meanwhile), or where the
 * system does not rename it
 */
export async function renameToDelete(
  directory: string,
  names: readonly string[],
): Promise<string | null> {
  if (!(await holdsOnly(directory, names))) return null;
  const renamed = `${directory}.nibble-deleted-${randomUUID()}`;
  try {
    await rename(directory, renamed);
  } catch {
    // Windows does not while a file in it is mapped; file by file says which one.
    return null;
  }
  // What came in between is nobody's to delete.
  if (await holdsOnly(renamed, names)) return renamed;
  await rename(renamed, directory);
  return null;
}

/** Whether a folder and those below it hold these files, and nothing else but folders. */
async function holdsOnly(directory: string, names: readonly string[]): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.length === names.length && files.every((entry) => entry.isFile());
}

/** Deletes what `renameToDelete` left in a folder when its process was killed. */
export async function sweepDeleted(parent: string): Promise<void> {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  for (const entry of entries)
    if (entry.isDirectory() && DELETED_NAME.test(entry.name))
      await rm(path.join(parent, entry.name), { recursive: true, force: true }).catch(
        () => undefined,
      );
}

/**
 * Moves files of a folder into a new one beside it, which has the same name in a folder of its own.
 *
 * @returns the new folder, and how to put the files back
 */
export async function setAside(
  directory: string,
  names: readonly string[],
): Promise<{ readonly aside: string; readonly putBack: () => Promise<void> }> {
  const aside = await mkdtemp(`${directory} removed `);
  const moved: string[] = [];
  const putBack = async (): Promise<void> => {
    for (const name of moved) await rename(path.join(aside, name), path.join(directory, name));
    await removeEmpty(aside);
  };
  try {
    for (const name of names) {
      await mkdir(path.dirname(path.join(aside, name)), { recursive: true });
      await rename(path.join(directory, name), path.join(aside, name));
      moved.push(name);
    }
  } catch (error) {
    await putBack();
    throw error;
  }
  return { aside, putBack };
}
