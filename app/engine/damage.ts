import path from 'node:path';
import type { Catalog, StoredFile } from '../catalog/index.ts';
import type { Artifact } from '../contract/checkpoint.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { VerifiedFile } from '../contract/job.ts';
import type { DamagedFile } from '../contract/library.ts';
import type { OpenRunner } from '../contract/open-runner.ts';
import { otherWeights } from '../contract/weights-check.ts';
import { hashFile, type HashOptions } from '../digest/index.ts';
import { fileState, isSameState } from '../disk/index.ts';
import { isFolder } from './register/folders.ts';

/** The hash of a file as it was recorded; null for one that is damaged too badly to have that kind of hash. */
async function hashOf(
  file: string,
  { hashKind = 'sha256' }: StoredFile,
  options: HashOptions,
): Promise<string | null> {
  try {
    return await hashFile(file, hashKind, options);
  } catch (error) {
    if (error instanceof AppError && error.code === 'malformed-file') return null;
    throw error;
  }
}

/** Reads a file of a model and compares it with what was recorded. @throws AppError 'aborted', 'permission-denied' */
export async function checkFile(
  directory: string,
  recorded: StoredFile,
  options: HashOptions,
): Promise<VerifiedFile> {
  const file = path.join(directory, recorded.name);
  // A folder of the file's name is not the file.
  const now = (await isFolder(file)) ? null : await fileState(file);
  const is = (state: VerifiedFile['state']): VerifiedFile => ({
    name: recorded.name,
    sizeBytes: now?.sizeBytes ?? 0,
    state,
  });
  if (now === null) return is('missing');
  const sha256 = await hashOf(file, recorded, options);
  if (now.sizeBytes !== recorded.sizeBytes) return is('changed');
  if (recorded.sha256 !== null) return is(sha256 === recorded.sha256 ? 'ok' : 'changed');
  // Nobody hashed it: its state tells, as far as it can, whether it is the one that was listed.
  const { state = null } = recorded;
  return is(state === null || isSameState(now, state) ? 'unverifiable' : 'changed');
}

/** Those of the checked files that are not what was recorded. */
export function damageIn(
  files: readonly VerifiedFile[],
  foundBy: DamagedFile['foundBy'],
): DamagedFile[] {
  const foundAt = new Date().toISOString();
  return files.flatMap(({ name, state }) =>
    state === 'changed' || state === 'missing' ? [{ name, state, foundBy, foundAt }] : [],
  );
}

/** Which recorded files an error of a runner says are damaged; where it names none, they are read. */
async function damageBehind(
  error: AppError,
  { directory }: Artifact,
  recorded: readonly StoredFile[],
): Promise<DamagedFile[]> {
  const { code, reason, facts } = error;
  const named = recorded.find(({ name }) => name === facts['file']);
  const found = (state: DamagedFile['state']): DamagedFile[] =>
    named === undefined
      ? []
      : damageIn([{ name: named.name, sizeBytes: named.sizeBytes, state }], 'use');
  if (reason === 'weights-changed' || reason === 'recorded-file-changed') return found('changed');
  if (reason === 'missing-file') return found('missing');
  // A header that leads nowhere, other weights in the folder, a file that was cut while it was mapped.
  const isSuspect =
    code === 'malformed-file' || reason === 'weights-of-another' || reason === 'weights-unreadable';
  if (!isSuspect || !(await isFolder(directory))) return [];
  const files = [];
  for (const file of recorded) files.push(await checkFile(directory, file, {}));
  return damageIn(files, 'use');
}

/**
 * Keeps with the model what is wrong with its files when a runner comes upon damage, so that it is marked wherever it is
 * listed. Whatever keeps that from being noted must not hide the error itself.
 */
async function noteDamage(
  { models }: Pick<Catalog, 'models'>,
  directory: string,
  error: unknown,
): Promise<void> {
  try {
    const artifact = models.artifactByDirectory(directory);
    if (artifact === null) return;
    const recorded = models.files('artifact', artifact.id);
    const files = await damageBehind(toAppError(error), artifact, recorded);
    if (files.length > 0) models.noteDamage('artifact', artifact.id, files);
  } catch {
    // A full disk, a catalog that is closed: the caller hears of the damage in any case.
  }
}

/** Opens runners whose failures are looked at: damage that one finds is noted in the catalog before it is told. */
export function notingDamage(catalog: Pick<Catalog, 'models'>, openRunner: OpenRunner): OpenRunner {
  return async (options) => {
    const note = async (error: unknown): Promise<never> => {
      await noteDamage(catalog, options.directory, error);
      throw error;
    };
    const runner = await openRunner(options).catch(note);
    const { client, loaded, exited } = runner;
    const artifact = catalog.models.artifactByDirectory(options.directory);
    // Whoever asked for the artifact refuses it; here it is found out which files are not its own.
    if (artifact !== null && artifact.weightsSha256 !== loaded.weightsSha256)
      await noteDamage(catalog, artifact.directory, otherWeights(artifact, loaded.weightsSha256));
    return {
      loaded,
      exited,
      close: () => runner.close(),
      client: {
        ...client,
        chat: (params, call) => client.chat(params, call).catch(note),
        generate: (params, call) => client.generate(params, call).catch(note),
        score: (params, call) => client.score(params, call).catch(note),
        scoreTokens: (params, call) => client.scoreTokens(params, call).catch(note),
        checkWeights: (params, call) => client.checkWeights(params, call).catch(note),
      },
    };
  };
}
