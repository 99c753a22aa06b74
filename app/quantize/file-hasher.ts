import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../contract/error.ts';

/** One step of hashing blocks the thread for a few milliseconds at most. */
const CHUNK_BYTES = 1 << 20;

/**
 * sha256 of a file that is still being written: follows the part that is complete, reading it back while it is still
 * in the page cache, so that the hash is there soon after the last byte.
 */
export class FileHasher {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly #options: { signal: AbortSignal | undefined; onBytes: (bytes: number) => void };
  #position = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(
    file: FileHandle,
    options: { signal: AbortSignal | undefined; onBytes: (bytes: number) => void },
  ) {
    this.#file = file;
    this.#options = options;
  }

  /** Says that everything before `end` is written for good. Hashing goes on in the background. */
  follow(end: number): void {
    this.#work = this.#work.then(() => this.#hashTo(end));
    // Whoever finishes hears of it; until then a failure must not count as unhandled.
    this.#work.catch(() => undefined);
  }

  /** The hash of the first `end` bytes, as hex. */
  async finish(end: number): Promise<string> {
    this.follow(end);
    await this.#work;
    return this.#hash.digest('hex');
  }

  /** Waits for the background work, whatever became of it. */
  async settle(): Promise<void> {
    await this.#work.catch(() => undefined);
  }

  async #hashTo(end: number): Promise<void> {
    while (this.#position < end) {
      if (this.#options.signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
      const wanted = Math.min(CHUNK_BYTES, end - this.#position);
      const { bytesRead } = await this.#file.read(this.#buffer, 0, wanted, this.#position);
      if (bytesRead === 0)
        throw new AppError('internal', 'The weights became shorter while they were hashed.');
      this.#hash.update(this.#buffer.subarray(0, bytesRead));
      this.#position += bytesRead;
      this.#options.onBytes(bytesRead);
    }
  }
}
