import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { EngineContext } from './context.ts';
import { sizeOf } from './home.ts';

/** A folder of the home that no row of the catalog points to: a job that was interrupted, or is running. */
export interface UnfinishedJob {
  readonly name: string;
  readonly sizeBytes: number;
}

async function foldersIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** What lies in the home without being in the catalog, sorted by name. */
export async function unfinishedJobs(context: EngineContext): Promise<UnfinishedJob[]> {
  const { home, catalog } = context;
  const known = new Set(
    [...catalog.models.checkpoints(), ...catalog.models.artifacts()].map(
      (entry) => entry.directory,
    ),
  );
  const candidates: string[] = [];
  for (const name of await foldersIn(home.artifacts))
    candidates.push(path.join(home.artifacts, name));
  // Checkpoints lie two levels deep: repository, then commit.
  for (const repository of await foldersIn(home.checkpoints))
    for (const commit of await foldersIn(path.join(home.checkpoints, repository)))
      candidates.push(path.join(home.checkpoints, repository, commit));
  const jobs: UnfinishedJob[] = [];
  for (const directory of candidates.sort()) {
    if (known.has(directory)) continue;
    jobs.push({
      name: path.relative(home.directory, directory).split(path.sep).join('/'),
      sizeBytes: await sizeOf(directory),
    });
  }
  return jobs;
}
