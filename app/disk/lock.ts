import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { AppError, toAppError } from '../contract/error.ts';

/** The holder shows that it lives this often. */
const HEARTBEAT_MS = 5_000;

/** A holder that has not shown itself for this long is gone: its process number may by now belong to another program. */
const STALE_MS = 60_000;

const holderSchema = z.object({ pid: z.int().positive(), host: z.string(), id: z.string() });
type Holder = z.infer<typeof holderSchema>;

/** A folder that this process has to itself until it lets go. */
export interface DirectoryLock extends AsyncDisposable {
  release(): Promise<void>;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return codeOf(error) === 'EPERM';
  }
}

async function readHolder(file: string): Promise<Holder | null> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // Missing, or cut off by a crash in the middle of writing: either way nobody can be named.
    return null;
  }
}

async function isStale(file: string, holder: Holder | null): Promise<boolean> {
  let ageMs: number;
  try {
    ageMs = Date.now() - (await stat(file)).mtimeMs;
  } catch {
    return true;
  }
  if (ageMs > STALE_MS) return true;
  if (holder === null) return ageMs > HEARTBEAT_MS;
  // Process numbers of another computer (a shared disk) mean nothing here; its heartbeat does.
  return holder.host === hostname() && !isRunning(holder.pid);
}

/** Takes a stale lock away, unless someone else has taken it over between the look and the deed. */
async function clear(file: string, seen: Holder | null): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readHolder(aside);
  // link does not replace, so a third one that has got the place keeps it.
  if (taken?.id !== seen?.id) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

async function tryCreate(file: string, holder: Holder): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'wx');
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw toAppError(error);
  }
  try {
    await handle.writeFile(JSON.stringify(holder));
    return true;
  } catch (error) {
    await rm(file, { force: true });
    throw toAppError(error);
  } finally {
    await handle.close();
  }
}

/**
 * Takes a folder for this process, so that two programs never write the same files. A lock whose holder has died, even
 * by kill -9, does not hold.
 *
 * @param what What the holder does there, for the other's error, e.g. `A download`.
 * @throws AppError `busy` when another living process has it.
 */
export async function lockDirectory(directory: string, what: string): Promise<DirectoryLock> {
  const file = path.join(directory, '.nibble-lock');
  const holder: Holder = { pid: process.pid, host: hostname(), id: randomUUID() };
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw toAppError(error);
  }
  // Two rounds clear a stale lock and take its place; a third is for having lost that race.
  for (let round = 0; round < 3; round++) {
    if (await tryCreate(file, holder)) return held(file, holder);
    const other = await readHolder(file);
    if (!(await isStale(file, other))) break;
    await clear(file, other);
  }
  throw new AppError('busy', `${what} is already running in ${directory}.`, {
    remedy: 'Wait until it is done, or end the other Nibble.',
  });
}

function held(file: string, holder: Holder): DirectoryLock {
  const heartbeat = setInterval(() => {
    const now = new Date();
    // A folder that is gone has nothing left to protect.
    void utimes(file, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const release = async (): Promise<void> => {
    clearInterval(heartbeat);
    if ((await readHolder(file))?.id === holder.id) await rm(file, { force: true });
  };
  return { release, [Symbol.asyncDispose]: release };
}
