import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { toAppError } from '../contract/error.ts';
import type { RoomOptions } from '../disk/index.ts';
import { writeFully, writeWithReservedSpace } from '../disk/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import { BLOCK_BYTES, ContentHash, hashFileHandle } from './content-hash.ts';
import type { RepositoryFile } from './repository.ts';

/** Bytes wait for company no longer than this: what is in memory is what a crash costs. */
const FLUSH_MS = 250;

export interface PartFileOptions {
  readonly file: RepositoryFile;
  readonly partPath: string;
  readonly room: RoomOptions;
  readonly meter: ProgressMeter;
  readonly signal: AbortSignal;
}

/**
 * The beginning of a file on the disk, with the hash of exactly those bytes. Whatever happens, `bytes` counts what has
 * been written and hashed, no more and no less.
 */
export class PartFile {
  readonly #options: PartFileOptions;
  readonly #handle: FileHandle;
  #hash: ContentHash;
  #bytes = 0;
  /** Received and not yet written. One buffer for all blocks: gigabytes of small ones keep the collector busy. */
  readonly #pending = Buffer.allocUnsafe(BLOCK_BYTES);
  #pendingBytes = 0;
  #flushedAtMs = performance.now();

  private constructor(options: PartFileOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
    this.#hash = new ContentHash(options.file);
  }

  /** Opens the part and, unless `keep` is false, takes over what an earlier run has left in it. */
  static async open(options: PartFileOptions, keep: boolean): Promise<PartFile> {
    let handle: FileHandle;
    try {
      handle = await writeWithReservedSpace(
        () => open(options.partPath, constants.O_RDWR | constants.O_CREAT, 0o644),
        options.room,
      );
    } catch (error) {
      throw toAppError(error);
    }
    const part = new PartFile(options, handle);
    try {
      await part.#takeOver(keep);
      return part;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #takeOver(keep: boolean): Promise<void> {
    const { file, meter, signal } = this.#options;
    const { size } = await this.#handle.stat();
    if (!keep || size > file.sizeBytes) {
      await this.#handle.truncate(0);
      return;
    }
    this.#bytes = await hashFileHandle(this.#handle, size, this.#hash, {
      signal,
      onBytes: (bytes) => {
        meter.skip(bytes, `checking what is here of ${file.path}`);
      },
    });
  }

  /** Bytes received, whether written yet or not. */
  get length(): number {
    return this.#bytes + this.#pendingBytes;
  }

  get isWhole(): boolean {
    return this.length === this.#options.file.sizeBytes;
  }

  /** Takes bytes that follow those that are there. */
  async append(piece: Uint8Array): Promise<void> {
    let taken = 0;
    while (taken < piece.byteLength) {
      const next = piece.subarray(taken, taken + BLOCK_BYTES - this.#pendingBytes);
      this.#pending.set(next, this.#pendingBytes);
      this.#pendingBytes += next.byteLength;
      taken += next.byteLength;
      if (this.#pendingBytes === BLOCK_BYTES) await this.flush();
    }
    if (performance.now() - this.#flushedAtMs >= FLUSH_MS) await this.flush();
  }

  /** Writes what has been received. */
  async flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const block = this.#pending.subarray(0, this.#pendingBytes);
    this.#pendingBytes = 0;
    try {
      await writeFully(this.#handle, block, this.#bytes, this.#options.room);
    } catch (error) {
      throw toAppError(error);
    }
    this.#hash.update(block);
    this.#bytes += block.byteLength;
    this.#options.meter.advance(block.byteLength, this.#options.file.path);
    this.#flushedAtMs = performance.now();
  }

  /** Throws all bytes away; the shown progress stays where it is. */
  async restart(): Promise<void> {
    this.#pendingBytes = 0;
    this.#options.meter.retract(this.#bytes);
    this.#bytes = 0;
    this.#hash = new ContentHash(this.#options.file);
    await this.#handle.truncate(0);
  }

  /** Ends the hashing of a whole file and brings it safely to the disk. */
  async finish(): Promise<ReturnType<ContentHash['finish']>> {
    await this.flush();
    const result = this.#hash.finish();
    // Some file systems find out only now that there is no room.
    if (result.matches) await writeWithReservedSpace(() => this.#handle.sync(), this.#options.room);
    return result;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
