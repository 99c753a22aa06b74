import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError, because, toAppError } from '../contract/error.ts';
import { isGone, processIdentitySchema, thisProcess } from './process-identity.ts';
import { z } from 'zod';

const ownerSchema = processIdentitySchema.extend({ token: z.string() });
type Owner = z.infer<typeof ownerSchema>;

/** A lock that is held. Releasing it twice is harmless. */
export interface Lock extends AsyncDisposable {
  readonly release: () => Promise<void>;
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** Who holds the lock; null when there is none, or one that nobody can have written completely. */
async function readOwner(file: string): Promise<Owner | null> {
  try {
    const parsed = ownerSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return null;
    throw toAppError(error);
  }
}

/** Puts a complete lock in its place, or says that one is there. */
async function place(file: string, owner: Owner): Promise<boolean> {
  const own = `${file}.${owner.token}`;
  try {
    await writeFile(own, JSON.stringify(owner));
    try {
      // Unlike creating and then writing, a link appears with its contents or not at all.
      await link(own, file);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      // File systems without links (exFAT, some network shares) get the plain way.
      if (!hasCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP')) throw error;
      await writeFile(file, JSON.stringify(owner), { flag: 'wx' });
    }
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw toAppError(error);
  } finally {
    await rm(own, { force: true });
  }
}

/** Takes away the lock of a process that is gone, unless somebody else has done so and locked it anew meanwhile. */
async function removeStale(file: string, stale: Owner | null, token: string): Promise<void> {
  const aside = `${file}.stale-${token}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw toAppError(error);
  }
  const moved = await readOwner(aside);
  // Linking does not replace, so a third process that has got the place keeps it.
  if (moved?.token !== stale?.token) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

/**
 * Makes sure that no other process works on the same thing. Locks of processes that are gone, even by kill -9 or because
 * the computer was restarted, are taken over; no clock has a say in that.
 *
 * @param file Where the lock lies; its folder is made where it is missing.
 * @param subject What is locked, for the message.
 * @throws AppError `busy` for the reason `in-use`, naming the process that holds it
 */
export async function acquireLock(file: string, subject: string): Promise<Lock> {
  const self = await thisProcess();
  const owner: Owner = { ...self, token: randomUUID() };
  try {
    await mkdir(path.dirname(file), { recursive: true });
  } catch (error) {
    throw toAppError(error);
  }
  for (;;) {
    if (await place(file, owner)) break;
    const holder = await readOwner(file);
    if (holder !== null && !(await isGone(holder)))
      throw new AppError(
        'busy',
        `${subject} is being worked on by process ${holder.pid}${holder.host === owner.host ? '' : ` on ${holder.host}`}.`,
        because(
          'in-use',
          { subject, process: String(holder.pid), computer: holder.host, file },
          {
            remedy: `Wait until that process is done. If it is gone for certain, remove ${path.basename(file)} in ${path.dirname(file)}.`,
          },
        ),
      );
    await removeStale(file, holder, owner.token);
  }
  const release = async (): Promise<void> => {
    const holder = await readOwner(file);
    if (holder?.token === owner.token) await rm(file, { force: true });
  };
  return { release, [Symbol.asyncDispose]: release };
}

/** A lock of ours in a folder of others' files: what a download holds. */
export const FOLDER_LOCK_NAME = '.nibble-lock';

/** `name.lock`, `.nibble-lock`, and what `place` and `removeStale` leave beside them when they are killed. */
const LOCK_NAME = /(?:\.lock|^\.nibble-lock)(?:\.(?:stale-)?[0-9a-f]{8}-[0-9a-f-]{27})?$/;

/** Deletes the locks in a folder whose processes are gone. Only files that have a lock's name and contents are touched. @param names What is in the folder. */
export async function sweepLocks(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!LOCK_NAME.test(name)) continue;
    const file = path.join(directory, name);
    const holder = await readOwner(file).catch(() => null);
    if (holder === null || !(await isGone(holder))) continue;
    await removeStale(file, holder, randomUUID()).catch(() => undefined);
  }
}
