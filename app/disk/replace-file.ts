import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { link, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { toAppError } from '../contract/error.ts';
import { isGone, thisProcess } from './process-identity.ts';

/** `graph.onnx.1234-567.1a2b3c4d.partial`: process, its start, and a number of the write. Earlier ones had the process alone. */
const PARTIAL_NAME = /\.(\d{1,10})(?:-(\d*)\.[0-9a-f]{8})?\.partial$/;

export interface WriteOptions {
  /** Permissions of the new file, given at its birth. @default 0o666 less the umask */
  readonly mode?: number | undefined;
}

/** A name beside `file` that says which process made it: `sweepPartials` deletes what a killed one left. */
async function temporaryName(file: string): Promise<string> {
  const { pid, processStart } = await thisProcess();
  const start = /^\d+$/.test(processStart ?? '') ? (processStart ?? '') : '';
  return nameOfWrite(file, pid, start);
}

/** @param start of the process; empty where it is not known */
function nameOfWrite(file: string, pid: number, start: string): string {
  // Calls of one process may write the same file at the same time.
  return `${file}.${pid}-${start}.${randomUUID().slice(0, 8)}.partial`;
}

/**
 * Makes an empty file that only this person may read, for data that outgrow the memory. Whoever asks for it deletes it;
 * should this process be killed, the next sweep of the folder does.
 *
 * @param file What the name of the file begins with
 * @returns the path of the file
 * @throws AppError as the file system does
 */
export async function makeTemporaryFile(file: string): Promise<string> {
  const temporary = await temporaryName(file);
  try {
    await (await open(temporary, 'wx', 0o600)).close();
  } catch (error) {
    throw toAppError(error);
  }
  return temporary;
}

/** Writes a whole file beside its place and lets `put` bring it there; nothing is left behind when that fails. */
async function writeBeside(
  file: string,
  fill: (handle: FileHandle) => Promise<void>,
  { mode = 0o666 }: WriteOptions,
  put: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = await temporaryName(file);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await fill(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await put(temporary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw toAppError(error);
  }
  // The file is written: that nothing else could be deleted is no failure of it.
  await sweepOthersOf(file).catch(() => undefined);
}

/**
 * Deletes what other writes of this file left when their process was killed: one that dies after its successor has
 * swept the folder would leave its file there until the next start.
 */
async function sweepOthersOf(file: string): Promise<void> {
  const directory = path.dirname(file);
  const prefix = `${path.basename(file)}.`;
  const names = await readdir(directory).catch(() => []);
  await sweepPartials(
    directory,
    names.filter((name) => name.startsWith(prefix)),
  );
}

/**
 * Puts `content` in the place of `file` in one step: nobody ever sees half of it, and after a crash the old one is there.
 * With those below the one way in which whole files are written.
 *
 * @throws AppError as the file system does; nothing is left behind then
 */
export function replaceFile(
  file: string,
  content: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  return replaceFileWith(file, (handle) => handle.writeFile(content), options);
}

/**
 * The same for a file that is written piece by piece.
 *
 * @param fill Writes it. What it throws is thrown, and the file that was there stays.
 */
export function replaceFileWith(
  file: string,
  fill: (handle: FileHandle) => Promise<void>,
  options: WriteOptions = {},
): Promise<void> {
  return writeBeside(file, fill, options, (temporary) => rename(temporary, file));
}

/**
 * The same before it returns, for a small file of a window that closes and does not wait. What killed processes left of it
 * is deleted afterwards.
 *
 * @throws AppError as the file system does; nothing is left behind then
 */
export function replaceFileNow(
  file: string,
  content: Uint8Array | string,
  { mode = 0o666 }: WriteOptions = {},
): void {
  const temporary = nameOfWrite(file, process.pid, '');
  try {
    const descriptor = openSync(temporary, 'wx', mode);
    try {
      const bytes = Buffer.from(content);
      for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw toAppError(error);
  }
  void sweepOthersOf(file).catch(() => undefined);
}

/**
 * The same where nothing is there yet: of several at once, the first wins.
 *
 * @returns false when another file is there already, which stays as it is
 * @throws AppError as the file system does; nothing is left behind then
 */
export async function createFile(
  file: string,
  content: Uint8Array | string,
  options: WriteOptions = {},
): Promise<boolean> {
  let isMade = true;
  await writeBeside(
    file,
    (handle) => handle.writeFile(content),
    options,
    async (temporary) => {
      try {
        await link(temporary, file);
      } catch (error) {
        isMade = !(error instanceof Error && 'code' in error && error.code === 'EEXIST');
        // A disk without links (FAT): there is no way to let the first one win.
        if (isMade) await rename(temporary, file);
      }
      await rm(temporary, { force: true });
    },
  );
  return isMade;
}

/** Deletes what `replaceFile` and `createFile` left in a folder when its process was killed. @param files The names of the files in it. */
export async function sweepPartials(directory: string, files: readonly string[]): Promise<void> {
  const { host, bootId } = await thisProcess();
  for (const name of files) {
    const [, pid, start = ''] = PARTIAL_NAME.exec(name) ?? [];
    if (pid === undefined) continue;
    const processStart = start === '' ? null : start;
    if (await isGone({ pid: Number(pid), host, bootId, processStart }))
      await rm(path.join(directory, name), { force: true }).catch(() => undefined);
  }
}
