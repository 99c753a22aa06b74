import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError, toAppError } from '../../app/contract/error.ts';
import { createFile, makeFolder, replaceFile } from '../../app/engine.ts';
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
    await makeFolder(home, FOLDER_MODE);
    const kept = renew ? null : await readKey(file);
    if (kept !== null) return kept;
    const made = newSecret();
    // The mode is given at birth: there is no moment at which others could read it.
    const options = { mode: FILE_MODE };
    if (!renew && (await createFile(file, `${made}\n`, options))) return made;
    // Another process was first; a file that holds no key is replaced.
    const other = renew ? null : await readKey(file);
    if (other !== null) return other;
    await replaceFile(file, `${made}\n`, options);
    return made;
  } catch (error) {
    const known = toAppError(error);
    throw new AppError(known.code, 'The key of nibble serve could not be kept in its folder.', {
      remedy: 'Check the permissions of that folder, or choose another one with --home.',
      cause: error,
    });
  }
}
