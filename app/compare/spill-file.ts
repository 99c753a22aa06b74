import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { AppError, toAppError } from '../contract/error.ts';

/**
 * Rows of logits kept on disk until another model has been asked about the same text: 2048 rows of a vocabulary of
 * 250,000 are 2 GB, too much for a memory that has to hold the models.
 *
 * Reading and writing are synchronous: chunks that wait for a slow disk would fill the memory.
 */
export class SpilledRows {
  readonly #file: number;
  readonly #rowValues: number;

  /**
   * @param directory On a disk, not in memory as the system's temporary folder may be.
   * @throws AppError as opening a file does
   */
  constructor(directory: string, rowValues: number) {
    this.#rowValues = rowValues;
    const name = path.join(directory, `.logits-${randomUUID()}`);
    try {
      this.#file = openSync(name, 'wx+');
    } catch (error) {
      throw toAppError(error);
    }
    // Without a name it ends with this process, however that ends.
    unlinkSync(name);
  }

  get #rowBytes(): number {
    return this.#rowValues * Float32Array.BYTES_PER_ELEMENT;
  }

  /** @throws AppError `disk-full` */
  write(row: number, values: Float32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    try {
      for (let done = 0; done < bytes.byteLength;)
        done += writeSync(
          this.#file,
          bytes,
          done,
          bytes.byteLength - done,
          row * this.#rowBytes + done,
        );
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** Fills `target` with the row. */
  read(row: number, target: Float32Array): void {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, this.#rowBytes);
    for (let done = 0; done < bytes.byteLength;) {
      const read = readSync(
        this.#file,
        bytes,
        done,
        bytes.byteLength - done,
        row * this.#rowBytes + done,
      );
      if (read === 0) throw new AppError('internal', `Row ${row} was never written.`);
      done += read;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
