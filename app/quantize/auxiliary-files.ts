import { copyFile, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, because } from '../contract/error.ts';
import { writeWithReservedSpace } from '../disk/index.ts';
import type { RoomOptions } from '../disk/index.ts';

/** What a model folder needs beside its weights and config.json, and the terms it comes under. */
const auxiliaryNames: ReadonlySet<string> = new Set([
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
]);
const termsPattern = /^(LICENSE|LICENCE|NOTICE|USE_POLICY|COPYING)(\.(txt|md))?$/i;

/** The largest tokenizers have some 40 MB; anything far larger is not what its name says. */
const MAX_AUXILIARY_BYTES = 256 * 1024 * 1024;

/** A file of the checkpoint that belongs to the artifact as it is. */
export interface AuxiliaryFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/**
 * A link may lead to a place in the same folder, or to where the hub's own cache keeps its files
 * (`models--X/snapshots/COMMIT/NAME` leads to `models--X/blobs/HASH`). Any other could bring a secret of the person's into
 * an artifact, which may be given away.
 *
 * @throws AppError `invalid-input`
 */
async function requireOwn(directory: string, name: string): Promise<void> {
  const [folder, real] = await Promise.all([
    realpath(directory),
    realpath(path.join(directory, name)),
  ]);
  const isBelow = (root: string): boolean => real.startsWith(root + path.sep);
  if (isBelow(folder)) return;
  const snapshots = path.dirname(folder);
  if (
    path.basename(snapshots) === 'snapshots' &&
    isBelow(path.join(path.dirname(snapshots), 'blobs'))
  )
    return;
  throw new AppError(
    'invalid-input',
    `${name} in ${directory} is a link to a file outside of it, which is not copied.`,
    because(
      'link-leaves-folder',
      { file: name, folder: directory },
      { remedy: 'Put a copy of the file in its place, or remove the link.' },
    ),
  );
}

/** The auxiliary files in a checkpoint folder, sorted by name. @throws AppError `invalid-input` for a link out of it */
export async function listAuxiliaryFiles(directory: string): Promise<AuxiliaryFile[]> {
  const found: AuxiliaryFile[] = [];
  for (const name of (await readdir(directory)).sort()) {
    if (!auxiliaryNames.has(name) && !termsPattern.test(name)) continue;
    const file = path.join(directory, name);
    const status = await stat(file).catch(() => null);
    if (status === null) continue;
    await requireOwn(directory, name);
    if (status.isFile() && status.size <= MAX_AUXILIARY_BYTES)
      found.push({ name, sizeBytes: status.size });
  }
  return found;
}

/** Copies them; links would let a change of the artifact's tokenizer change the checkpoint's. */
export async function copyAuxiliaryFiles(
  files: readonly AuxiliaryFile[],
  from: string,
  to: string,
  room: RoomOptions,
): Promise<void> {
  for (const { name } of files)
    await writeWithReservedSpace(() => copyFile(path.join(from, name), path.join(to, name)), room);
}
