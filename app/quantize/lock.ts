import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { AppError, toAppError } from '../contract/error.ts';

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Identifies the process beyond its id, which the system gives out again; null where the system does not tell. */
  processStart: z.string().nullable(),
  createdAtMs: z.number(),
  token: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

/** Clocks are set while computers run: a lock counts as older than the last start only when it is clearly so. */
const BOOT_TOLERANCE_MS = 60_000;

/** A lock that is held. Releasing it twice is harmless. */
export interface Lock {
  release: () => Promise<void>;
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** When a process was started, in the kernel's own count since boot; null where there is no /proc. */
async function processStart(pid: number): Promise<string | null> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold anything; the start is the 22nd.
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  // A process of another computer cannot be asked: a shared folder stays locked until someone removes the file.
  if (owner.host !== hostname()) return true;
  if (owner.createdAtMs < Date.now() - uptime() * 1000 - BOOT_TOLERANCE_MS) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return hasCode(error, 'EPERM');
  }
  const start = await processStart(owner.pid);
  return start === null || owner.processStart === null || start === owner.processStart;
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
  if (moved?.token !== stale?.token) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

/**
 * Makes sure that no other process works on the same thing. Locks of processes that died are taken over.
 *
 * @param file Where the lock lies; its folder must exist.
 * @param subject What is locked, for the message.
 * @throws AppError `busy`, naming the process that holds it
 */
export async function acquireLock(file: string, subject: string): Promise<Lock> {
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    processStart: await processStart(process.pid),
    createdAtMs: Date.now(),
    token: randomUUID(),
  };
  for (;;) {
    if (await place(file, owner)) break;
    const holder = await readOwner(file);
    if (holder !== null && (await isAlive(holder)))
      throw new AppError(
        'busy',
        `${subject} is being worked on by process ${holder.pid}${holder.host === owner.host ? '' : ` on ${holder.host}`}.`,
        {
          remedy: `Wait until that process is done. If it is gone for certain, remove ${path.basename(file)} in ${path.dirname(file)}.`,
        },
      );
    await removeStale(file, holder, owner.token);
  }
  return {
    release: async () => {
      const holder = await readOwner(file);
      if (holder?.token === owner.token) await rm(file, { force: true });
    },
  };
}
