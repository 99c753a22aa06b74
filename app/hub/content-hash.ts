import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../contract/error.ts';
import type { RepositoryFile } from './repository.ts';

/** Large enough that the disk and not the calls set the pace, small enough to hash between two heartbeats. */
export const BLOCK_BYTES = 1024 * 1024;

/** The hash by which a listing identifies a file's content; `none` on mirrors that list no hashes. */
export function expectedHash(file: RepositoryFile): string {
  if (file.sha256 !== null) return `sha256:${file.sha256}`;
  return file.gitBlobSha1 === null ? 'none' : `git:${file.gitBlobSha1}`;
}

/** Hashes a file's content as it arrives: always as sha256, and git's way where only git's name for it is known. */
export class ContentHash {
  readonly #file: RepositoryFile;
  readonly #sha256: Hash = createHash('sha256');
  readonly #git: Hash | null;

  constructor(file: RepositoryFile) {
    this.#file = file;
    this.#git =
      file.sha256 === null && file.gitBlobSha1 !== null
        ? createHash('sha1').update(`blob ${file.sizeBytes}\0`)
        : null;
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#git?.update(bytes);
  }

  /** Ends the hashing. `matches` is true when the content is what the listing promised. */
  finish(): { readonly sha256: string; readonly actual: string; readonly matches: boolean } {
    const sha256 = this.#sha256.digest('hex');
    const expected = expectedHash(this.#file);
    const actual =
      this.#git !== null
        ? `git:${this.#git.digest('hex')}`
        : expected === 'none'
          ? 'none'
          : `sha256:${sha256}`;
    return { sha256, actual, matches: actual === expected };
  }
}

/** Feeds the first `sizeBytes` of an open file to a hash. @throws AppError `aborted` */
export async function hashFileHandle(
  handle: FileHandle,
  sizeBytes: number,
  hash: ContentHash,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onBytes: (bytes: number) => void;
  },
): Promise<number> {
  const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(1, sizeBytes)));
  let position = 0;
  while (position < sizeBytes) {
    if (options.signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
    const wanted = Math.min(block.byteLength, sizeBytes - position);
    const { bytesRead } = await handle.read(block, 0, wanted, position);
    if (bytesRead === 0) break;
    hash.update(block.subarray(0, bytesRead));
    position += bytesRead;
    options.onBytes(bytesRead);
  }
  return position;
}
