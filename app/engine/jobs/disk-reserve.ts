import { randomFill } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { toAppError } from '../../contract/error.ts';
import { freeBytes, SPACE_MARGIN_BYTES } from '../../disk/index.ts';

/** Removing the largest entry writes less than one into the catalog's journal; the others are for what comes after it. */
const RESERVE_BYTES = 4 * 1024 * 1024;

/**
 * Some room in the home that is given up where the disk is full and something has to be written to free space on it:
 * taking an entry off the catalog needs room in the catalog's journal.
 */
export class DiskReserve {
  readonly #file: string;
  #filling: Promise<void> = Promise.resolve();

  constructor(home: string) {
    this.#file = path.join(home, '.reserve');
  }

  /** Resolves once the room is taken, or cannot be: what may fill the disk begins after that. */
  get filled(): Promise<void> {
    return this.#filling;
  }

  /** Takes the room, unless it is there or the disk is nearly full. Never fails: without it things are as they were. */
  fill(): Promise<void> {
    this.#filling = this.#filling.then(() => this.#fill());
    return this.#filling;
  }

  async #fill(): Promise<void> {
    try {
      const size = await stat(this.#file).then(
        (found) => found.size,
        () => 0,
      );
      if (size >= RESERVE_BYTES) return;
      if ((await freeBytes(path.dirname(this.#file))) < RESERVE_BYTES + SPACE_MARGIN_BYTES) return;
      const handle = await open(this.#file, 'w', 0o600);
      try {
        // Zeros would take no room on a disk that compresses. Drawn on another thread: this one has work to begin.
        const noise = new Uint8Array(RESERVE_BYTES);
        await promisify(randomFill)(noise);
        await handle.writeFile(noise);
      } finally {
        await handle.close();
      }
    } catch {
      await rm(this.#file, { force: true }).catch(() => undefined);
    }
  }

  /** Does `work`; where the disk is full, gives the room up and does it once more. It must be repeatable. */
  async use<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (toAppError(error).code !== 'disk-full') throw error;
      // What is being written is not given up by deleting its name.
      await this.#filling;
      await rm(this.#file, { force: true });
      return await work();
    }
  }
}
