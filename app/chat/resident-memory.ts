import { readFile } from 'node:fs/promises';
import type { RunnerMemory } from '../contract/runner-api.ts';

/** A line of /proc/PID/status, in bytes. */
function field(status: string, name: string): number | null {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  return found === undefined ? null : Number(found) * 1024;
}

/**
 * Memory of another process, as Linux tells it. A runner that loads cannot be asked: its answer would wait behind the
 * loading.
 *
 * @returns null where the system does not say, or the process is gone
 */
export async function residentMemory(pid: number): Promise<RunnerMemory | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const residentBytes = field(status, 'VmRSS');
  if (residentBytes === null) return null;
  return { residentBytes, privateBytes: field(status, 'RssAnon'), cacheBytes: 0 };
}
