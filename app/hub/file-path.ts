import { AppError } from '../contract/error.ts';

/** Most file systems allow 255 bytes per name; `.part` must still fit behind it. */
const MAX_SEGMENT_BYTES = 240;

/** Windows allows 260 characters for a whole path unless told otherwise; the folder before it needs its share. */
const MAX_PATH_LENGTH = 180;

/** Device names that Windows opens instead of a file, with any extension. */
const RESERVED = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\..*)?$/i;

/** Control characters, and the characters that Windows forbids or gives a meaning (`:` opens drives and streams). */
// eslint-disable-next-line no-control-regex -- control characters are exactly what must be found
const FORBIDDEN = /[\u0000-\u001f\u007f<>:"|?*\\]/;

function fault(path: string): string | null {
  if (path === '' || path.length > MAX_PATH_LENGTH) return 'is empty or too long';
  if (path.startsWith('/')) return 'is absolute';
  if (FORBIDDEN.test(path)) return 'has characters that are not allowed in file names';
  for (const segment of path.split('/')) {
    if (segment === '') return 'has an empty part';
    if (segment === '.' || segment === '..') return 'leaves its folder';
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return 'is too long';
    if (RESERVED.test(segment)) return 'is reserved by Windows';
    // Windows drops these silently, so that two names would be one file.
    if (/[. ]$/.test(segment)) return 'ends in a dot or a space';
  }
  return null;
}

/** Whether a repository's file can be stored under its own name inside a folder, on every platform. */
export function isSafePath(path: string): boolean {
  return fault(path) === null;
}

/**
 * Refuses file names that could be written outside their folder or mean something else on another platform. The names
 * come from a stranger, and a folder may later be copied to Windows: one rule for all platforms.
 *
 * @throws AppError `malformed-file`
 */
export function requireSafePath(path: string): void {
  const problem = fault(path);
  if (problem === null) return;
  throw new AppError(
    'malformed-file',
    `The repository has a file whose name ${problem}: ${JSON.stringify(path.slice(0, MAX_PATH_LENGTH))}.`,
    { remedy: 'Nothing was downloaded. Do not trust this repository; choose another one.' },
  );
}
