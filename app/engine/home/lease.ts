import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { AppError } from '../../contract/error.ts';
import { acquireLock, type Lock } from '../../disk/index.ts';

/** An id as engines make them; what else a catalog may hold is never made into a path. */
const OWNER = /^[0-9a-f-]{36}$/;

/** Where the leases of all engines of a home lie. */
export function leaseFolder(home: string): string {
  return path.join(home, 'engines');
}

/**
 * This engine's lease on the rows that it works on: a lock that it holds as long as it lives, taken when the first row
 * gets its id as owner. Whoever can take the lock of another engine knows that one to be gone, even by kill -9; no clock
 * has a say in that.
 */
export class EngineLease {
  readonly #folder: string;
  readonly #id = randomUUID();
  #lock: Promise<Lock> | null = null;

  constructor(home: string) {
    this.#folder = leaseFolder(home);
  }

  #acquire(owner: string): Promise<Lock> {
    return acquireLock(path.join(this.#folder, `${owner}.lock`), 'The catalog');
  }

  /** @returns the id of this engine, under which others find it alive @throws AppError when the home cannot be written to */
  async acquire(): Promise<string> {
    this.#lock ??= this.#acquire(this.#id);
    try {
      await this.#lock;
    } catch (error) {
      this.#lock = null;
      throw error;
    }
    return this.#id;
  }

  /** Calls `onGone` for each of the other owners that is gone, while nobody else can do the same. */
  async reclaim(owners: readonly string[], onGone: (owner: string) => void): Promise<void> {
    for (const owner of owners) {
      if (owner === this.#id) continue;
      if (!OWNER.test(owner)) {
        onGone(owner);
        continue;
      }
      let lock: Lock;
      try {
        lock = await this.#acquire(owner);
      } catch (error) {
        if (error instanceof AppError && error.code === 'busy') continue;
        throw error;
      }
      try {
        onGone(owner);
      } finally {
        await lock.release();
      }
    }
  }

  async release(): Promise<void> {
    await (await this.#lock)?.release();
  }
}
