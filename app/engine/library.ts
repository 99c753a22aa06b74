import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { KnownFolder } from '../catalog/index.ts';
import type { Artifact, Checkpoint, Evaluation } from '../contract/checkpoint.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { DamagedFile, LibraryFolder } from '../contract/library.ts';
import type { Handlers } from '../contract/rpc.ts';
import { freeBytes } from '../disk/index.ts';
import { unknownId } from './catalog-calls.ts';
import type { EngineContext } from './context.ts';
import {
  entriesIn,
  entriesWithin,
  isFolder,
  isReachable,
  isWithin,
  requireWritable,
  type Entries,
} from './register/folders.ts';
import type { EngineJobs } from './jobs/jobs.ts';
import { addPath } from './register/add-path.ts';
import { deleteRecords, isLinked } from './home/records.ts';
import { removeEntry } from './remove-entry.ts';
import { scanFolder } from './register/scan-folder.ts';
import { discardUnfinished, uncatalogued } from './jobs/unfinished.ts';
import { forgetUnreadable, unreadableEntries } from './register/unreadable.ts';
import { keepsWeights } from '../formats/index.ts';

type LibraryCalls = Pick<
  Handlers<EngineApi>,
  | 'library'
  | 'rename'
  | 'add'
  | 'addFolder'
  | 'removeFolder'
  | 'setDefaultFolder'
  | 'discardUnfinished'
  | 'forgetUnreadable'
  | 'remove'
>;

/** The newest evaluation as models usually run (fast, the cache's own type), one with a reference before one without. */
function shownEvaluation(evaluations: readonly Evaluation[]): Evaluation | null {
  const fast = evaluations.filter(({ mode, cacheType }) => mode === 'fast' && cacheType === null);
  return fast.find(({ referenceId }) => referenceId !== null) ?? fast[0] ?? null;
}

/** Bytes on the disk: a 16-bit artifact shares the weights of a download where that is there too. */
function usedBytes(checkpoints: readonly Checkpoint[], artifacts: readonly Artifact[]): number {
  const ids = new Set(checkpoints.filter(({ owned }) => owned).map(({ id }) => id));
  const bytesOf = ({ scheme, checkpointId, sizeBytes, weightsBytes }: Artifact): number =>
    keepsWeights(scheme) && ids.has(checkpointId)
      ? Math.max(0, sizeBytes - weightsBytes)
      : sizeBytes;
  return (
    checkpoints.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) +
    artifacts.reduce((sum, artifact) => sum + (isLinked(artifact) ? 0 : bytesOf(artifact)), 0)
  );
}

/** @param all Everything that the catalog knows, in whichever folder. */
async function describeFolder(
  context: EngineContext,
  folder: KnownFolder,
  all: Entries,
): Promise<LibraryFolder> {
  const { id, directory, isDefault } = folder;
  const { checkpoints, artifacts } = entriesWithin(directory, all);
  const available = await isReachable(context, folder);
  return {
    id,
    directory,
    isDefault,
    available,
    freeBytes: available ? await freeBytes(directory).catch(() => null) : null,
    usedBytes: usedBytes(checkpoints, artifacts),
  };
}

/** The path without links, where it can be followed. */
async function realPathOf(directory: string): Promise<string> {
  return realpath(directory).catch(() => directory);
}

/** @throws AppError when there is no folder at that place that can be listed */
async function requireListable(directory: string): Promise<void> {
  try {
    await access(directory, constants.R_OK | constants.X_OK);
  } catch (error) {
    const known = toAppError(error);
    throw new AppError(known.code, `The folder ${directory} cannot be opened: ${known.message}`, {
      remedy: 'Check that its disk is connected and that you may read it.',
      cause: error,
    });
  }
  if (!(await isFolder(directory)))
    throw new AppError('invalid-input', `${directory} is a file, not a folder.`, {
      remedy: 'Choose the folder that holds it.',
    });
}

function requireFolder(context: EngineContext, id: number): KnownFolder {
  const folder = context.catalog.folders.folder(id);
  if (folder !== null) return folder;
  throw new AppError('not-found', `There is no folder ${id} in the library.`, {
    remedy: 'It may have been taken out already: look at the list again.',
  });
}

/**
 * The calls that look after what there is and where it lies.
 *
 * @param unload Ends the runner of a model whose files are about to go: some systems delete nothing that is mapped.
 */
export function libraryCalls(
  context: EngineContext,
  jobs: EngineJobs,
  unload: (artifactId: string) => Promise<void>,
): LibraryCalls {
  const { models, records, folders } = context.catalog;
  return {
    library: async () => {
      const checkpoints = models.checkpoints();
      const artifacts = models.artifacts();
      const { unfinished, newer } = await uncatalogued(context, jobs.busyDirectories());
      const damaged = models.damagedFiles();
      const damagedFiles = (id: string): DamagedFile[] => [...(damaged.get(id) ?? [])];
      return {
        folders: await Promise.all(
          folders
            .folders()
            .map((folder) => describeFolder(context, folder, { checkpoints, artifacts })),
        ),
        checkpoints: await Promise.all(
          checkpoints.map(async (checkpoint) => ({
            checkpoint,
            available: await isFolder(checkpoint.directory),
            damagedFiles: damagedFiles(checkpoint.id),
          })),
        ),
        artifacts: await Promise.all(
          artifacts.map(async (artifact) => ({
            artifact,
            available: await isFolder(artifact.directory),
            damagedFiles: damagedFiles(artifact.id),
            evaluation: shownEvaluation(records.evaluations(artifact.id)),
          })),
        ),
        unfinished,
        unreadable: [...unreadableEntries(context), ...newer],
        totalBytes:
          usedBytes(checkpoints, artifacts) +
          unfinished.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      };
    },

    rename: async ({ id, name }) => {
      if (!models.rename(id, name)) throw unknownId(context, id);
      return await Promise.resolve({});
    },

    add: async ({ path: place }, { signal, emit }) => {
      const before = new Set(
        [...models.checkpoints(), ...models.artifacts()].map((entry) => entry.id),
      );
      const added = await addPath(context, place, { signal, emit });
      const { id } = added.kind === 'artifact' ? added.artifact : added.checkpoint;
      return { ...added, isNew: !before.has(id) };
    },

    addFolder: async ({ directory }) => {
      const chosen = path.resolve(directory);
      await requireListable(chosen);
      const real = await realPathOf(chosen);
      for (const folder of folders.folders()) {
        const other = await realPathOf(folder.directory);
        // Adding it once more looks for what came since.
        if (other === real)
          return { folderId: folder.id, found: await scanFolder(context, folder.directory) };
        if (isWithin(real, other) || isWithin(other, real))
          throw new AppError(
            'invalid-input',
            isWithin(real, other)
              ? `${chosen} lies in ${folder.directory}, which is in the library already.`
              : `${folder.directory}, which lies in ${chosen}, is in the library already.`,
            { remedy: 'Choose a folder beside it, so that no model is listed twice.' },
          );
      }
      const folderId = folders.addFolder(chosen, new Date().toISOString());
      return { folderId, found: await scanFolder(context, chosen) };
    },

    removeFolder: async ({ folderId }) => {
      const folder = requireFolder(context, folderId);
      if (folder.isHome)
        throw new AppError('invalid-input', `${folder.directory} is where Nibble lives.`, {
          remedy: 'It stays in the library; make another folder the default one to use that.',
        });
      if (folder.isDefault)
        throw new AppError('invalid-input', `${folder.directory} is where new models go.`, {
          remedy: 'Make another folder the default one first.',
        });
      const { checkpoints, artifacts } = entriesIn(context, folder.directory);
      for (const { id } of [...checkpoints, ...artifacts]) jobs.requireUnused(id);
      for (const busy of jobs.busyDirectories())
        if (isWithin(busy, folder.directory))
          throw new AppError('busy', `A job is working in ${folder.directory}.`, {
            remedy: 'Wait until it is done, or cancel it.',
          });
      folders.removeFolder(folderId, {
        checkpoints: checkpoints.map(({ id }) => id),
        artifacts: artifacts.map(({ id }) => id),
      });
      for (const artifact of artifacts) await deleteRecords(context, artifact);
      return {};
    },

    setDefaultFolder: async ({ folderId }) => {
      const folder = requireFolder(context, folderId);
      if (!(await isReachable(context, folder)))
        throw new AppError('not-found', `The folder ${folder.directory} cannot be reached.`, {
          remedy: 'Connect its disk first.',
        });
      await requireWritable(folder.directory);
      folders.setDefault(folderId);
      return {};
    },

    forgetUnreadable: async (entry) => {
      await context.reserve.use(() => {
        forgetUnreadable(context, entry);
      });
      return {};
    },

    discardUnfinished: async ({ name }) => ({
      freedBytes: await context.reserve.use(() => discardUnfinished(context, name)),
    }),

    remove: async ({ id, forever }) => {
      jobs.requireUnused(id);
      await unload(id);
      const removed = await context.reserve.use(() => removeEntry(context, id, forever));
      await context.reserve.fill();
      return removed;
    },
  };
}
