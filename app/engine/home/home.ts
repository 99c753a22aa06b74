import { access, chmod, constants, lstat, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import envPaths from 'env-paths';
import { AppError, because, toAppError } from '../../contract/error.ts';
import { makeFolder } from '../../disk/index.ts';

/** Where everything lies that Nibble keeps. */
export interface Home {
  readonly directory: string;
  readonly catalogFile: string;
  readonly checkpoints: string;
  readonly artifacts: string;
}

/** `NIBBLE_HOME`, or the platform's folder for application data. */
export function defaultHome(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment['NIBBLE_HOME'];
  return chosen !== undefined && chosen !== '' ? chosen : envPaths('nibble', { suffix: '' }).data;
}

/** What a person asked a model is nobody else's: the home and its files are for their owner alone. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Takes what others may do away from a folder or file that is there. What belongs to another account stays as it is:
 * that account decides.
 */
async function closeToOthers(place: string, mode: number): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const found = await stat(place);
    if (found.uid !== process.getuid?.() || (found.mode & 0o777 & ~mode) === 0) return;
    await chmod(place, found.mode & mode);
  } catch (error) {
    if (toAppError(error).code !== 'not-found') throw error;
  }
}

/** The file that lies where a folder is to be, or above it; null where none does. */
async function fileAt(folder: string): Promise<string | null> {
  for (let place = folder; ; place = path.dirname(place)) {
    const found = await stat(place).catch(() => null);
    if (found !== null) return found.isDirectory() ? null : place;
    if (path.dirname(place) === place) return null;
  }
}

/** Makes the catalog before SQLite does, which would let everybody read it; the files beside it get the mode of the file. */
async function closeCatalog(catalogFile: string): Promise<void> {
  await (await open(catalogFile, 'a', FILE_MODE)).close();
  for (const suffix of ['', '-wal', '-shm'])
    await closeToOthers(`${catalogFile}${suffix}`, FILE_MODE);
}

/**
 * Makes the folders of a home where they are missing, for their owner alone.
 *
 * @throws AppError 'permission-denied' when nothing can be written there, 'disk-full', 'invalid-input' for a file
 */
export async function openHome(directory: string): Promise<Home> {
  const root = path.resolve(directory);
  const home: Home = {
    directory: root,
    catalogFile: path.join(root, 'catalog.sqlite'),
    checkpoints: path.join(root, 'checkpoints'),
    artifacts: path.join(root, 'artifacts'),
  };
  try {
    for (const folder of [root, home.checkpoints, home.artifacts])
      await makeFolder(folder, FOLDER_MODE);
    await access(root, constants.W_OK);
    await closeToOthers(root, FOLDER_MODE);
    await closeCatalog(home.catalogFile);
  } catch (error) {
    const known = toAppError(error);
    const file = await fileAt(root);
    if (file !== null)
      throw new AppError(
        'invalid-input',
        `${file} is a file, where the folder ${root} of Nibble is to be.`,
        because(
          'home-is-a-file',
          { path: file, folder: root },
          { remedy: 'Choose another folder with --home or NIBBLE_HOME.', cause: error },
        ),
      );
    if (known.code === 'permission-denied') {
      const isReadOnly = error instanceof Error && 'code' in error && error.code === 'EROFS';
      throw new AppError(
        known.code,
        `Nibble cannot write to its folder ${root}: ${isReadOnly ? 'its disk is read-only' : 'permission is lacking'}.`,
        because(
          isReadOnly ? 'home-read-only' : 'home-no-permission',
          { folder: root },
          { remedy: 'Choose another folder with --home or NIBBLE_HOME.', cause: error },
        ),
      );
    }
    throw new AppError(known.code, `Nibble cannot write to its folder ${root}: ${known.message}`, {
      remedy: 'Check its permissions, or choose another folder with --home or NIBBLE_HOME.',
      cause: error,
    });
  }
  return home;
}

/** A file below a folder, `name` relative with forward slashes. */
export interface FoundFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Every file below `directory`, sorted by name; empty when the folder is not there. Links are not followed. */
export async function filesBelow(directory: string): Promise<FoundFile[]> {
  let entries;
  try {
    entries = await readdir(directory, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (toAppError(error).code === 'not-found') return [];
    throw error;
  }
  const files: FoundFile[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    try {
      const { size } = await lstat(file);
      files.push({
        name: path.relative(directory, file).split(path.sep).join('/'),
        sizeBytes: size,
      });
    } catch (error) {
      // It was deleted since we listed the folder, by a job that ended.
      if (toAppError(error).code !== 'not-found') throw error;
    }
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Bytes of all files below `directory`. */
export async function sizeOf(directory: string): Promise<number> {
  const files = await filesBelow(directory);
  return files.reduce((sum, file) => sum + file.sizeBytes, 0);
}
