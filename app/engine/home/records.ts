import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact } from '../../contract/checkpoint.ts';
import type { EngineContext } from '../context.ts';
import { isWithin } from '../register/folders.ts';
import type { Home } from './home.ts';

function recordsFolder(home: Home): string {
  return path.join(home.directory, 'records');
}

/** Enough of a hash that two folders do not meet. */
const NAME_LENGTH = 32;

/** Where running keeps graphs and hashes of a model in a folder of the person's own: one place for each folder. */
export function recordsDirectoryOf(
  { home }: Pick<EngineContext, 'home'>,
  directory: string,
): string {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, NAME_LENGTH);
  return path.join(recordsFolder(home), name);
}

/** Whether an artifact lies in a folder of the person's own, which is neither written to nor deleted. */
export function isLinked({ recordsDirectory }: Pick<Artifact, 'recordsDirectory'>): boolean {
  return recordsDirectory !== undefined;
}

/** Deletes what running kept of an artifact that is no longer listed. */
export async function deleteRecords(
  { home }: Pick<EngineContext, 'home'>,
  { recordsDirectory }: Pick<Artifact, 'recordsDirectory'>,
): Promise<void> {
  // A row that somebody wrote must not name another folder to delete.
  if (recordsDirectory === undefined || !isWithin(recordsDirectory, recordsFolder(home))) return;
  if (recordsDirectory === recordsFolder(home)) return;
  await rm(recordsDirectory, { recursive: true, force: true });
}
