import type { FileHandle } from 'node:fs/promises';
import type { Journal, JournalEntry } from './journal.ts';

/**
 * Makes written tensors last: waits until their bytes are on the disk, then notes them in the journal.
 *
 * Works in the background on all that came in since the last round. A slow disk so gets fewer, larger rounds instead of
 * holding up the work.
 */
export class Committer {
  readonly #file: FileHandle;
  readonly #journal: Journal;
  #waiting: JournalEntry[] = [];
  #work: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(file: FileHandle, journal: Journal) {
    this.#file = file;
    this.#journal = journal;
  }

  /** Takes a tensor whose bytes were handed to the system. */
  add(entry: JournalEntry): void {
    this.#waiting.push(entry);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#work = this.#work.then(() => this.#drain());
    // Whoever finishes hears of it; until then a failure must not count as unhandled.
    this.#work.catch(() => undefined);
  }

  /** Waits until everything is noted down. */
  async finish(): Promise<void> {
    await this.#work;
  }

  /** Waits for the background work, whatever became of it. */
  async settle(): Promise<void> {
    await this.#work.catch(() => undefined);
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const round = this.#waiting;
      this.#waiting = [];
      await this.#file.datasync();
      await this.#journal.add(round);
    }
    this.#isRunning = false;
  }
}
