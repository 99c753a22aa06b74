import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { AppError, toAppError } from '../../contract/error.ts';
import type { UnreadableEntry } from '../../contract/library.ts';
import { acquireLock, FOLDER_LOCK_NAME } from '../../disk/index.ts';
import { JOURNAL_NAME } from '../../hub/index.ts';
import type { JobPlace } from '../../jobs/index.ts';
import { MANIFEST_FILE, partialDirectoryOf, readManifest } from '../../quantize/index.ts';
import { toolVersion, type EngineContext } from '../context.ts';
import { isFolder } from '../register/folders.ts';
import { sizeOf } from '../home/home.ts';

/** A folder of the library that no row of the catalog points to: a job that was interrupted, or is running. */
export interface UnfinishedJob {
  /** Its path below the home; outside of it the whole path. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Its folder, where that holds a whole artifact: one that came back from the trash, say. It is listed by adding it. */
  readonly wholeModel?: string;
}

const PARTIAL = partialDirectoryOf('');

async function namesIn(directory: string): Promise<{ folders: string[]; files: string[] }> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return {
      folders: entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name),
      files: entries.filter((entry) => entry.isFile()).map((entry) => entry.name),
    };
  } catch {
    // A folder that cannot be read now holds nothing that we could go on with or delete.
    return { folders: [], files: [] };
  }
}

/** Folders that downloads and quantizing work in, below one folder of the library. */
async function placesIn(directory: string, isHome: boolean): Promise<JobPlace[]> {
  const places: JobPlace[] = [];
  const artifacts = path.join(directory, 'artifacts');
  for (const name of (await namesIn(artifacts)).folders)
    // Beside the home, folders may hold things of the person's own under the same names: only ours are touched.
    if (isHome || name.endsWith(PARTIAL) || (await newerMaker(path.join(artifacts, name))) !== null)
      places.push({ kind: 'artifact', directory: path.join(artifacts, name) });
  // Checkpoints lie two levels deep: repository, then commit.
  const checkpoints = path.join(directory, 'checkpoints');
  for (const repository of (await namesIn(checkpoints)).folders)
    for (const commit of (await namesIn(path.join(checkpoints, repository))).folders) {
      const folder = path.join(checkpoints, repository, commit);
      if (isHome || (await namesIn(folder)).files.includes(JOURNAL_NAME))
        places.push({ kind: 'download', directory: folder });
    }
  return places;
}

function knownDirectories({ catalog }: EngineContext): Set<string> {
  return new Set(catalog.models.directories());
}

async function unfinishedPlaces(
  context: EngineContext,
): Promise<(JobPlace & { readonly name: string })[]> {
  const { home, catalog } = context;
  const known = knownDirectories(context);
  const places: (JobPlace & { readonly name: string })[] = [];
  for (const { directory, isHome } of catalog.folders.folders())
    for (const place of await placesIn(directory, isHome)) {
      if (known.has(place.directory)) continue;
      const name = isHome
        ? path.relative(home.directory, place.directory).split(path.sep).join('/')
        : place.directory;
      places.push({ ...place, name });
    }
  return places;
}

/** What lies in the library without being in the catalog. */
export interface Uncatalogued {
  /** By name. */
  readonly unfinished: UnfinishedJob[];
  /** Artifacts that a newer Nibble made. Nothing of ours deletes or changes them. */
  readonly newer: UnreadableEntry[];
}

/**
 * What lies in the library without being in the catalog.
 *
 * @param busy Folders that are being worked in and are to be left out.
 */
export async function uncatalogued(
  context: EngineContext,
  busy: ReadonlySet<string> = new Set(),
): Promise<Uncatalogued> {
  const unfinished: UnfinishedJob[] = [];
  const newer: UnreadableEntry[] = [];
  for (const place of await unfinishedPlaces(context)) {
    const { name, directory } = place;
    if (busy.has(directory)) continue;
    const whole = await isWhole(place);
    const newerError = whole ? await newerMaker(directory) : null;
    if (newerError !== null) {
      const madeBy = String(newerError.facts['version']);
      newer.push({ kind: 'artifact', id: name, name: path.basename(name), directory, madeBy });
      continue;
    }
    const sizeBytes = await sizeOf(directory);
    unfinished.push(whole ? { name, sizeBytes, wholeModel: directory } : { name, sizeBytes });
  }
  return { unfinished: unfinished.sort((a, b) => (a.name < b.name ? -1 : 1)), newer };
}

/** Why this version leaves a whole artifact alone: a newer one made it. Null for all others. */
async function newerMaker(directory: string): Promise<AppError | null> {
  try {
    await readManifest(directory, toolVersion());
    return null;
  } catch (error) {
    const known = toAppError(error);
    return known.reason === 'artifact-newer' ? known : null;
  }
}

/** Whether a folder holds an artifact that is whole, so that nobody would go on with it. Of a download a new pull finds out. */
async function isWhole({ kind, directory }: JobPlace): Promise<boolean> {
  if (kind !== 'artifact' || directory.endsWith(PARTIAL)) return false;
  return (await namesIn(directory)).files.includes(MANIFEST_FILE);
}

/** Takes a folder for us alone, so that nothing is deleted under the hands of a running job. */
async function lockPlace({ kind, directory }: JobPlace): Promise<() => Promise<void>> {
  if (kind === 'download') {
    const lock = await acquireLock(path.join(directory, FOLDER_LOCK_NAME), directory);
    return () => lock.release();
  }
  const target = directory.endsWith(PARTIAL) ? directory.slice(0, -PARTIAL.length) : directory;
  const lock = await acquireLock(`${target}.lock`, path.basename(target));
  return () => lock.release();
}

/**
 * Deletes what lies unfinished in some folders. What the catalog lists is finished and stays.
 *
 * @returns the bytes that this freed
 * @throws AppError 'busy' when someone is working there, 'unsupported-model' for what a newer Nibble made
 */
export async function discardPlaces(
  context: EngineContext,
  places: readonly JobPlace[],
): Promise<number> {
  let freedBytes = 0;
  for (const place of places) {
    const { kind, directory } = place;
    if (!(await isFolder(directory))) continue;
    const release = await lockPlace(place);
    try {
      if (knownDirectories(context).has(directory)) continue;
      const newer = (await isWhole(place)) ? await newerMaker(directory) : null;
      if (newer !== null) throw newer;
      freedBytes += await sizeOf(directory);
      await rm(directory, { recursive: true, force: true });
      // The folder of the repository, unless another commit lies in it.
      if (kind === 'download') await rmdir(path.dirname(directory)).catch(() => undefined);
    } finally {
      await release();
    }
  }
  return freedBytes;
}

/**
 * Deletes what an interrupted job left behind.
 *
 * @param name As `uncatalogued` lists it: no other folder can be named.
 * @throws AppError 'not-found', 'busy'
 */
export async function discardUnfinished(context: EngineContext, name: string): Promise<number> {
  const place = (await unfinishedPlaces(context)).find((candidate) => candidate.name === name);
  if (place === undefined)
    throw new AppError('not-found', `There is nothing unfinished with the name ${name}.`, {
      remedy: 'It may be finished or gone already: look at the list again.',
    });
  return discardPlaces(context, [place]);
}
