import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError, toAppError } from '../../app/contract/error.ts';
import { newSecret } from './access.ts';

/** For their owner only. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** What `newSecret` makes: 32 bytes in base64url. */
const KEY = /^[\w-]{43}$/;

async function readKey(file: string): Promise<string | null> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (!KEY.test(text)) return null;
    // An older copy tool or an editor may have widened it.
    await chmod(file, FILE_MODE);
    return text;
  } catch (error) {
    if (toAppError(error).code === 'not-found') return null;
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

/** Puts a whole file at its place: over what is there, or only where nothing is. */
async function writeKey(file: string, key: string, replace: boolean): Promise<void> {
  // Named as the engine names files that are being written: it deletes those of processes that were killed.
  const begun = `${file}.${process.pid}-.${randomUUID().slice(0, 8)}.partial`;
  try {
    // The mode is given at birth: there is no moment at which others could read it.
    const handle = await open(begun, 'wx', FILE_MODE);
    try {
      await handle.writeFile(`${key}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (replace) await rename(begun, file);
    else
      await link(begun, file).catch(async (error: unknown) => {
        if (isTaken(error)) throw error;
        // A disk without links (FAT): there is no way to let the first one win.
        await rename(begun, file);
      });
  } finally {
    await rm(begun, { force: true });
  }
}

/**
 * The key of `nibble serve`, kept in the home so that open tabs and programs go on after a restart. Made at the first
 * call.
 *
 * @param options.renew Makes a new one: whoever knows the old one is locked out.
 * @throws AppError 'permission-denied', 'disk-full' when it cannot be kept
 */
export async function serveKey(
  home: string,
  options: { readonly renew?: boolean } = {},
): Promise<string> {
  const file = path.join(home, 'serve-key');
  const renew = options.renew === true;
  try {
    await mkdir(home, { recursive: true, mode: FOLDER_MODE });
    const kept = renew ? null : await readKey(file);
    if (kept !== null) return kept;
    const made = newSecret();
    try {
      await writeKey(file, made, renew);
      return made;
    } catch (error) {
      if (!isTaken(error)) throw error;
      // Another process was first; a file that holds no key is replaced.
      const other = await readKey(file);
      if (other !== null) return other;
      await writeKey(file, made, true);
      return made;
    }
  } catch (error) {
    const known = toAppError(error);
    throw new AppError(known.code, 'The key of nibble serve could not be kept in its folder.', {
      remedy: 'Check the permissions of that folder, or choose another one with --home.',
      cause: error,
    });
  }
}
