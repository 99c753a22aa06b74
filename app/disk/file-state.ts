import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * What a file system says of a file without reading it. Two equal states are the same bytes, unless somebody set the
 * clock or wrote to the disk beneath the file system. Numbers are decimal text: an inode has up to 64 bits.
 */
export interface FileState {
  readonly sizeBytes: number;
  /** Nanoseconds since 1970 of the last change of the bytes, and of the bytes or anything about the file. */
  readonly modifiedNs: string;
  readonly changedNs: string;
  readonly inode: string;
  readonly device: string;
}

/**
 * File systems keep time in steps of up to 10 ms, which run behind the clock: a file that was written to less long ago
 * may be written to once more without a later time, and what was written just after a moment may bear a time before it.
 */
export const SETTLED_MS = 20;

function stateOf({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): FileState {
  return {
    sizeBytes: Number(size),
    modifiedNs: String(mtimeNs),
    changedNs: String(ctimeNs),
    inode: String(ino),
    device: String(dev),
  };
}

/**
 * The same without giving way to others: for a runner that loads, whose other threads are busy then, so that a question
 * to the disk that takes 20 µs would be waited for a hundred times as long.
 *
 * @returns null where there is no file of that name; links are followed
 */
export function fileStateNow(file: string): FileState | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : stateOf(found);
}

/** @returns null where there is no file of that name; links are followed */
export async function fileState(file: string): Promise<FileState | null> {
  try {
    return stateOf(await stat(file, { bigint: true }));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Whether both are states of the same file, whatever became of its bytes. */
export function isSameFile(a: FileState, b: FileState): boolean {
  return a.inode === b.inode && a.device === b.device;
}

/** Whether nobody has written to the file or changed anything about it between the two. */
export function isSameState(a: FileState, b: FileState): boolean {
  return (
    isSameFile(a, b) &&
    a.sizeBytes === b.sizeBytes &&
    a.modifiedNs === b.modifiedNs &&
    a.changedNs === b.changedNs
  );
}
