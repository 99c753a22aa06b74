import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError, because, toAppError } from '../contract/error.ts';
import { parseJson } from '../json/index.ts';
import { FORMAT_VERSION, MANIFEST_FILE, manifestSchema, type Manifest } from './manifest.ts';

/** About 400 bytes per tensor: enough for a hundred thousand tensors, and no way to fill the memory. */
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

const REMEDY = 'Make that artifact again from its checkpoint.';

/** What every version writes, whatever else it changes: a newer manifest is told from a damaged one by it. */
const makerSchema = z.looseObject({
  format: z.int(),
  /** A version as semver has it; no version is longer. */
  toolVersion: z
    .string()
    .max(64)
    .regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][\w.+-]*)?$/),
});

/** The error for a manifest that cannot be used. */
export function malformedManifest(directory: string, what: string, cause?: unknown): AppError {
  return new AppError('malformed-file', `${MANIFEST_FILE} in ${directory} ${what}.`, {
    remedy: REMEDY,
    cause,
  });
}

function isNewer(version: string, than: string): boolean {
  const numbers = (text: string): number[] =>
    (text.split(/[-+]/, 1)[0] ?? '').split('.').map(Number);
  const [a, b] = [numbers(version), numbers(than)];
  const index = a.findIndex((number, i) => number !== (b[i] ?? 0));
  return index >= 0 && (a[index] ?? 0) > (b[index] ?? 0);
}

/** The error for a manifest that a newer Nibble wrote; null where it is damaged, or no manifest at all. */
function madeByNewer(value: unknown, directory: string, ownVersion: string): AppError | null {
  const maker = makerSchema.safeParse(value);
  if (!maker.success) return null;
  const { format, toolVersion: version } = maker.data;
  if (format <= FORMAT_VERSION && !isNewer(version, ownVersion)) return null;
  return new AppError(
    'unsupported-model',
    `${directory} was made by Nibble ${version}, which is newer than this one (${ownVersion}).`,
    because(
      'artifact-newer',
      { folder: directory, version, ownVersion },
      { remedy: 'Update Nibble. The folder is kept as it is.' },
    ),
  );
}

/**
 * Reads the manifest of an artifact. It may come from anyone.
 *
 * @param ownVersion of this Nibble
 * @throws AppError 'not-found', 'malformed-file', 'unsupported-model' (`artifact-newer`) for what this version cannot read
 *   because a newer one wrote it
 */
export async function readManifest(directory: string, ownVersion: string): Promise<Manifest> {
  const file = path.join(directory, MANIFEST_FILE);
  try {
    if ((await stat(file)).size > MAX_MANIFEST_BYTES)
      throw malformedManifest(directory, 'is too large');
    const value = await parseJson(await readFile(file), {
      name: MANIFEST_FILE,
      maxBytes: MAX_MANIFEST_BYTES,
      remedy: REMEDY,
    });
    const parsed = manifestSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw (
      madeByNewer(value, directory, ownVersion) ??
      malformedManifest(directory, 'is not what Nibble writes', parsed.error)
    );
  } catch (error) {
    throw toAppError(error);
  }
}
