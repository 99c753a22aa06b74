import path from 'node:path';
import { isRuntimeWeightsFile } from '../checkpoint/index.ts';
import { AppError, because } from '../contract/error.ts';
import { hashFile } from '../digest/index.ts';
import { fileState } from '../disk/index.ts';
import { TOKENIZER_FILE } from './tokenizer/files.ts';
import type { ListedFile, Listing } from './weights-record.ts';

function changed({ name, hashKind }: ListedFile, folder: string): AppError {
  return new AppError(
    'checksum-mismatch',
    `${name} in ${folder} has changed since the artifact was recorded.`,
    because(
      hashKind === 'sha256' ? 'recorded-file-changed' : 'weights-changed',
      { file: name, folder },
      { remedy: 'Restore the file, or remove the artifact and make it again.' },
    ),
  );
}

/** @param recordedNs When the record was written, which is after everything that it lists. */
async function requireUnchanged(
  directory: string,
  listed: ListedFile,
  recordedNs: bigint,
): Promise<void> {
  const { name, sizeBytes, sha256, hashKind } = listed;
  const file = path.join(directory, name);
  const state = await fileState(file);
  if (state === null) {
    // Raw token ids need no tokenizer, and whoever needs it says so.
    if (name === TOKENIZER_FILE) return;
    throw new AppError(
      'not-found',
      `${name} is missing in ${directory}.`,
      because('missing-file', { file: name, folder: directory }),
    );
  }
  if (state.sizeBytes !== sizeBytes) throw changed(listed, directory);
  // Weights have a guard of their own. Of the rest only what was touched since is read, so that loading stays quick.
  if (hashKind !== 'sha256' || BigInt(state.changedNs) <= recordedNs) return;
  if ((await hashFile(file, 'sha256')) !== sha256) throw changed(listed, directory);
}

/**
 * Makes sure that the files which say how a model computes and speaks (config.json, tokenizer, templates) are those that
 * were recorded when its artifact was made or listed, and that no file of weights was cut.
 *
 * @throws AppError `checksum-mismatch`, `not-found`; nothing for a folder that has no record
 */
export async function requireRecordedFiles(directory: string, listing: Listing): Promise<void> {
  if (listing.files === null) return;
  const recordedNs = listing.state === null ? 0n : BigInt(listing.state.changedNs);
  // The copy of the output layer may be absent, and in exact mode even a damaged one is in nobody's way.
  const files = [...listing.files.values()].filter(({ name }) => !isRuntimeWeightsFile(name));
  await Promise.all(files.map((file) => requireUnchanged(directory, file, recordedNs)));
}
