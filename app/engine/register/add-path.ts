import { access } from 'node:fs/promises';
import path from 'node:path';
import {
  openCheckpoint,
  quantizationMethod,
  type CheckpointReader,
} from '../../checkpoint/index.ts';
import { alreadyQuantized } from '../../models/index.ts';
import type { Artifact, Checkpoint } from '../../contract/checkpoint.ts';
import { AppError, because } from '../../contract/error.ts';
import { MANIFEST_FILE } from '../../quantize/index.ts';
import type { EngineContext } from '../context.ts';
import { isFolder } from './folders.ts';
import { isInLibrary } from '../home/owned-files.ts';
import { recordsDirectoryOf } from '../home/records.ts';
import { registerArtifact } from './register-artifact.ts';
import { registerBitsandbytes, type AddOptions } from './register-bitsandbytes.ts';
import { fileInsteadOfFolder, isFile, registerFolder } from '../sources.ts';

/** What the catalog lists for a folder. */
export type Added =
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'artifact'; readonly artifact: Artifact };

async function methodOf(directory: string): Promise<string | null> {
  const opened: CheckpointReader = await openCheckpoint(directory);
  try {
    return quantizationMethod(opened.config, opened.tensors);
  } finally {
    await opened.close();
  }
}

/**
 * Lists the model in a folder by what it is: made by Nibble, saved by transformers with bitsandbytes, or a checkpoint.
 *
 * @param options.isWithinLibrary Whether what Nibble made there may be written to: the folder is one of the library's.
 * @throws AppError with a reason for everything else: nothing is listed then
 */
export async function registerModel(
  context: EngineContext,
  directory: string,
  options: AddOptions & { readonly isWithinLibrary: boolean },
): Promise<Added> {
  const isMadeHere = await access(path.join(directory, MANIFEST_FILE)).then(
    () => true,
    () => false,
  );
  const recordsDirectory = recordsDirectoryOf(context, directory);
  if (isMadeHere) {
    const records = options.isWithinLibrary ? undefined : recordsDirectory;
    return { kind: 'artifact', artifact: await registerArtifact(context, directory, records) };
  }
  const method = await methodOf(directory);
  if (method === null)
    return { kind: 'checkpoint', checkpoint: await registerFolder(context, directory) };
  if (method !== 'bitsandbytes') throw alreadyQuantized(method);
  const artifact = await registerBitsandbytes(context, directory, recordsDirectory, options);
  return { kind: 'artifact', artifact };
}

/**
 * Lists one folder that a person named, where it is.
 *
 * @throws AppError with a reason where there is no model that Nibble can use
 */
export async function addPath(
  context: EngineContext,
  place: string,
  options: AddOptions,
): Promise<Added> {
  const directory = path.resolve(place);
  if (await isFile(directory)) throw fileInsteadOfFolder(directory);
  if (!(await isFolder(directory)))
    throw new AppError(
      'not-found',
      `There is no folder ${directory}.`,
      because(
        'nothing-there',
        { name: directory },
        { remedy: 'Name the folder that holds config.json and the safetensors files.' },
      ),
    );
  const isWithinLibrary = await isInLibrary(context, directory);
  return registerModel(context, directory, { ...options, isWithinLibrary });
}
