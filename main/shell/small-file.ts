import { mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { replaceFileNow } from '../../app/engine.ts';

/**
 * Replaces a small file in one step: whoever reads it finds the old content or the new, whatever happens in between.
 * Synchronous, because a window that closes does not wait.
 *
 * @param mode For its owner only unless told otherwise: what the shell keeps is nobody else's.
 * @throws AppError as the file system does
 */
export function replaceFile(file: string, content: string | Buffer, mode = 0o600): void {
  mkdirSync(path.dirname(file), { recursive: true });
  replaceFileNow(file, content, { mode });
}

/** The content of a file that is there and no larger than `maxBytes`, or null. */
export function readSmallFile(file: string, maxBytes: number): Buffer | null {
  try {
    return statSync(file).size > maxBytes ? null : readFileSync(file);
  } catch {
    return null;
  }
}
