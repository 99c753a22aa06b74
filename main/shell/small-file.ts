import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  openSync,
  closeSync,
  fsyncSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/**
 * Replaces a small file in one step: whoever reads it finds the old content or the new, whatever happens in between.
 * Synchronous, because a window that closes does not wait.
 *
 * @param mode For its owner only unless told otherwise: what the shell keeps is nobody else's.
 * @throws NodeJS.ErrnoException
 */
export function replaceFile(file: string, content: string | Buffer, mode = 0o600): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const begun = `${file}.${randomUUID()}`;
  try {
    const descriptor = openSync(begun, 'wx', mode);
    try {
      const bytes = Buffer.from(content);
      for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(begun, file);
  } catch (error) {
    rmSync(begun, { force: true });
    throw error;
  }
}

/** The content of a file that is there and no larger than `maxBytes`, or null. */
export function readSmallFile(file: string, maxBytes: number): Buffer | null {
  try {
    return statSync(file).size > maxBytes ? null : readFileSync(file);
  } catch {
    return null;
  }
}
