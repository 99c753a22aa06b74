import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { StoredFile } from '../../catalog/index.ts';
import { CONFIG_FILE, isIndexFile, isWeightsFile } from '../../checkpoint/index.ts';
import type { Checkpoint } from '../../contract/checkpoint.ts';
import { AppError, because } from '../../contract/error.ts';
import { hashFile } from '../../digest/index.ts';
import { fileState, isSameState } from '../../disk/index.ts';
import type { EngineContext } from '../context.ts';

/** Files that make a checkpoint what it is: weights with their index, and how the model is built from them. */
function countsAsContent({ name }: StoredFile): boolean {
  return name === CONFIG_FILE || isWeightsFile(name) || isIndexFile(name);
}

async function isSameContent(
  directory: string,
  { name, sizeBytes, sha256, hashKind = 'sha256', state = null }: StoredFile,
  createdAt: string,
): Promise<boolean> {
  const file = path.join(directory, name);
  const now = await fileState(file);
  if (now?.sizeBytes !== sizeBytes) return false;
  if (state !== null && isSameState(now, state)) return true;
  // Only its bytes can say now; where nobody hashed them before, it counts as changed.
  if (sha256 !== null) return (await hashFile(file, hashKind)) === sha256;
  return state === null && (await stat(file)).mtimeMs <= Date.parse(createdAt);
}

/**
 * Whether a folder of the person's own still holds the checkpoint that the catalog knows. What Nibble downloaded lies in
 * folders of its own; `verify` checks those.
 */
export async function isUnchanged(
  { catalog: { models } }: EngineContext,
  { id, directory, owned, createdAt }: Checkpoint,
): Promise<boolean> {
  if (owned) return true;
  for (const file of models.files('checkpoint', id).filter(countsAsContent))
    if (!(await isSameContent(directory, file, createdAt))) return false;
  return true;
}

/** The error for a checkpoint whose folder holds something else by now. */
export function checkpointChanged({ name, directory }: Checkpoint): AppError {
  return new AppError(
    'invalid-input',
    `The files of ${name} in ${directory} have changed since they were first used.`,
    because(
      'checkpoint-changed',
      { name, folder: directory },
      { remedy: 'Name the folder itself: what is in it now is listed as a checkpoint of its own.' },
    ),
  );
}
