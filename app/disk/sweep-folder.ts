import { readdir } from 'node:fs/promises';
import { sweepLocks } from './lock.ts';
import { sweepPartials } from './replace-file.ts';

/** Deletes what killed processes of Nibble left in a folder: locks, leases and files that were being written. */
export async function sweepFolder(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  await sweepLocks(directory, files);
  await sweepPartials(directory, files);
}
