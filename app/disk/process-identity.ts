import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { z } from 'zod';

/**
 * One process of one boot of one computer. A process id alone is given out again; a time of the wall clock changes when
 * somebody sets it. What the system does not tell is null, and then does not count.
 */
export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** The system's name for the time since it was started. */
  bootId: z.string().nullable().default(null),
  /** When the process was started, as the system counts it. */
  processStart: z.string().nullable().default(null),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

async function output(program: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(program, [...args], { env: { LC_ALL: 'C' } });
    return stdout.trim() === '' ? null : stdout.trim();
  } catch {
    return null;
  }
}

async function readBootId(): Promise<string | null> {
  if (process.platform === 'darwin')
    return output('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid']);
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    return null;
  }
}

/** When a process was started; null where the system does not tell, or there is no such process. */
async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'darwin') return output('/bin/ps', ['-o', 'lstart=', '-p', `${pid}`]);
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold anything; the start is the 22nd, in ticks since boot.
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

let own: Promise<ProcessIdentity> | null = null;

/** This process. */
export function thisProcess(): Promise<ProcessIdentity> {
  own ??= Promise.all([readBootId(), startOf(process.pid)]).then(([bootId, processStart]) => ({
    pid: process.pid,
    host: hostname(),
    bootId,
    processStart,
  }));
  return own;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function differ(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && a !== b;
}

/** Whether a process is gone for certain. One of another computer cannot be asked and counts as living. */
export async function isGone(other: ProcessIdentity): Promise<boolean> {
  const here = await thisProcess();
  if (other.host !== here.host) return false;
  if (differ(other.bootId, here.bootId) || !isRunning(other.pid)) return true;
  return other.processStart !== null && differ(other.processStart, await startOf(other.pid));
}
