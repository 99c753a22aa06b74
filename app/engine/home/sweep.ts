import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { sweepFolder } from '../../disk/index.ts';
import type { EngineContext } from '../context.ts';
import { leaseFolder } from './lease.ts';
import { measurementFolder } from '../jobs/measure.ts';
import { sweepDeleted } from './owned-files.ts';

async function foldersIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(directory, entry.name));
}

/**
 * Deletes what processes of Nibble that were killed have left beside their work: locks, leases and files that were being
 * written. Half downloads and half artifacts are not that: they are gone on with.
 */
export async function sweepHome({ home, catalog }: EngineContext): Promise<void> {
  const places = new Set([
    home.directory,
    leaseFolder(home.directory),
    measurementFolder(home.directory),
    ...catalog.models.directories(),
    ...catalog.models.artifacts().flatMap(({ recordsDirectory }) => recordsDirectory ?? []),
  ]);
  for (const { directory } of catalog.folders.folders()) {
    const artifacts = path.join(directory, 'artifacts');
    places.add(artifacts);
    await sweepDeleted(artifacts);
    for (const folder of await foldersIn(artifacts)) places.add(folder);
    for (const repository of await foldersIn(path.join(directory, 'checkpoints'))) {
      await sweepDeleted(repository);
      for (const commit of await foldersIn(repository)) places.add(commit);
    }
  }
  await Promise.all([...places].map(sweepFolder));
  await sweepMeasurements(home.directory, catalog);
}

/** Deletes the journals of measurements whose model is gone: nothing will go on with them. */
async function sweepMeasurements(home: string, catalog: EngineContext['catalog']): Promise<void> {
  const folder = measurementFolder(home);
  for (const name of await readdir(folder).catch(() => [])) {
    const id = /^(.+)\.[0-9a-f]{16}\.jsonl$/.exec(name)?.[1];
    if (id === undefined || catalog.models.hasId(id)) continue;
    await rm(path.join(folder, name), { force: true }).catch(() => undefined);
  }
}
