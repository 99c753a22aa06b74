import type { FileHandle } from 'node:fs/promises';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, because, toAppError } from '../contract/error.ts';
import { formatBytes } from '../contract/format.ts';

/** Kept free beyond what a job needs: logs, the catalog's journal and other programs need room to go on. */
export const SPACE_MARGIN_BYTES = 64 * 1024 * 1024;

/** Asking the file system is cheap; two seconds is about as long as someone who just freed space wants to wait. */
const POLL_MS = 2_000;

/** A pause ends only with this much room, so that a nearly full disk does not stop the job again at once. */
const RESUME_BYTES = 16 * 1024 * 1024;

/** What to do when the disk fills up in the middle of a job: wait for room, or fail with `disk-full`. */
export type OnDiskFull = 'pause' | 'fail';

/** How to wait for room on a full disk. */
export interface RoomOptions {
  /** A folder on the disk that is written to. */
  readonly directory: string;
  /** @default 'pause' */
  readonly onDiskFull?: OnDiskFull | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called once per pause, with words for the person. */
  readonly onPause?: ((detail: string) => void) | undefined;
  /** Called when there is room again. */
  readonly onResume?: (() => void) | undefined;
  /**
   * Whether work that is refused for want of space before it began (`not-enough-space`) waits as well, for as much as it asked
   * for. @default never: nothing is lost where nothing was done
   */
  readonly waitsWhenRefused?: (() => boolean) | undefined;
  /** Free bytes that end a pause. @default 16 MiB */
  readonly resumeBytes?: number | undefined;
  /** Milliseconds between two looks at the disk. @default 2000 */
  readonly pollMs?: number | undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/**
 * Bytes that this user can still write on the disk of `directory`, which need not exist yet: its nearest existing
 * parent answers.
 */
export async function freeBytes(directory: string): Promise<number> {
  let existing = path.resolve(directory);
  for (;;) {
    try {
      const { bavail, bsize } = await statfs(existing);
      return bavail * bsize;
    } catch (error) {
      const parent = path.dirname(existing);
      if (codeOf(error) !== 'ENOENT' || parent === existing) throw toAppError(error);
      existing = parent;
    }
  }
}

/**
 * Refuses a job before it starts when the disk of `directory` cannot take it.
 *
 * @param bytes What the job will write; `marginBytes` more must be free.
 * @throws AppError `disk-full` with the numbers.
 */
export async function requireSpace(
  directory: string,
  bytes: number,
  marginBytes: number = SPACE_MARGIN_BYTES,
): Promise<void> {
  if (bytes <= 0) return;
  const free = await freeBytes(directory);
  const needed = bytes + marginBytes;
  if (free >= needed) return;
  throw new AppError(
    'disk-full',
    `Not enough space in ${directory}: ${formatBytes(needed)} needed (${formatBytes(marginBytes)} of it as a margin), ${formatBytes(free)} free.`,
    because(
      'not-enough-space',
      { folder: directory, needed, free },
      { remedy: `Free at least ${formatBytes(needed - free)} there, or choose another disk.` },
    ),
  );
}

/** How much work wants that was refused before it began, and where; null for every other error. */
function refusal(error: unknown): { directory: string; bytes: number } | null {
  if (!(error instanceof AppError) || error.reason !== 'not-enough-space') return null;
  const { folder, needed } = error.facts;
  return typeof folder === 'string' && typeof needed === 'number'
    ? { directory: folder, bytes: needed }
    : null;
}

function isDiskFull(error: unknown, { waitsWhenRefused }: RoomOptions): boolean {
  if (refusal(error) !== null) return waitsWhenRefused?.() ?? false;
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'disk-full';
}

/** The disk that has to get room, and how much of it. */
function wantedRoom(full: unknown, options: RoomOptions): { directory: string; bytes: number } {
  return (
    refusal(full) ?? {
      directory: options.directory,
      bytes: options.resumeBytes ?? RESUME_BYTES,
    }
  );
}

function pauseWords(full: unknown, options: RoomOptions): string {
  const { directory, bytes } = wantedRoom(full, options);
  return `The disk of ${directory} is full. Paused until ${formatBytes(bytes)} are free; nothing is lost.`;
}

async function waitForRoom(full: unknown, options: RoomOptions): Promise<void> {
  const { directory, bytes } = wantedRoom(full, options);
  const pollMs = options.pollMs ?? POLL_MS;
  // A quota can be exhausted on a disk with plenty of room; only trying again tells.
  const isQuota = codeOf(full) === 'EDQUOT';
  do {
    try {
      await sleep(pollMs, undefined, { signal: options.signal });
    } catch (error) {
      throw new AppError('aborted', 'Cancelled while waiting for space on the disk.', {
        cause: error,
      });
    }
  } while (!isQuota && (await freeBytes(directory)) < bytes);
}

/**
 * Does `write`, and where the disk is full waits until there is room and does it again, as often as it takes.
 *
 * `write` must therefore be repeatable: writing at a position is, appending is not (see `writeFully`).
 *
 * @throws AppError `disk-full` with `onDiskFull: 'fail'`, `aborted` when the signal ends the wait.
 */
export async function writeWithReservedSpace<T>(
  write: () => Promise<T>,
  options: RoomOptions,
): Promise<T> {
  let paused = false;
  for (;;) {
    try {
      const result = await write();
      if (paused) options.onResume?.();
      return result;
    } catch (error) {
      if (!isDiskFull(error, options)) throw error;
      if (options.onDiskFull === 'fail') {
        if (refusal(error) !== null) throw error;
        throw new AppError('disk-full', `The disk of ${options.directory} is full.`, {
          remedy: 'Free some space there, then run the same command again: it goes on from here.',
          cause: error,
        });
      }
      if (!paused) options.onPause?.(pauseWords(error, options));
      paused = true;
      await waitForRoom(error, options);
    }
  }
}

/** Writes all of `bytes` at `position` of the file, waiting for room where the disk is full. Nothing is written twice. */
export async function writeFully(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
  options: RoomOptions,
): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const done = await writeWithReservedSpace(
      () => file.write(bytes, written, bytes.byteLength - written, position + written),
      options,
    );
    written += done.bytesWritten;
  }
}
