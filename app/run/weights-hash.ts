import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import type { WeightsFile } from '../checkpoint/index.ts';
import { replaceFile } from '../disk/index.ts';
import { hashTensorsFile } from '../digest/index.ts';
import { readJsonFile } from './read-json.ts';

/** What Nibble recorded when it made the artifact. */
const ARTIFACT_FILE = 'nibble.json';

/** Beside weights that Nibble did not make: their hash, with what tells whether they are still the same files. */
const CACHE_FILE = 'nibble-weights.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const artifactSchema = z.looseObject({ weightsSha256: sha256 });
const cacheSchema = z.object({
  files: z.array(z.object({ name: z.string(), sizeBytes: z.int(), modifiedMs: z.number() })),
  sha256,
});

/**
 * The hash that names the weights in a folder: `sha256-tensors-1` of the one file, or sha256 of the lines
 * `<hash>  <name>` of all shards. A cache from when it was sha256 of the file stays valid: it names the same weights.
 *
 * An artifact's is the one that was recorded when it was made (`nibble verify` checks it against the bytes). Weights
 * that came from elsewhere are hashed once, and again when a file's size or time has changed.
 */
export async function weightsHash(
  directory: string,
  files: readonly WeightsFile[],
): Promise<string> {
  const recorded = artifactSchema.safeParse(await readJsonFile(directory, ARTIFACT_FILE));
  if (recorded.success) return recorded.data.weightsSha256;
  const cached = cacheSchema.safeParse(await readJsonFile(directory, CACHE_FILE).catch(() => null));
  if (cached.success && JSON.stringify(cached.data.files) === JSON.stringify(files))
    return cached.data.sha256;
  const hashes: string[] = [];
  for (const { name } of files) hashes.push(await hashTensorsFile(path.join(directory, name)));
  const lines = files.map(({ name }, i) => `${hashes[i] ?? ''}  ${name}\n`);
  const [only] = hashes;
  const hash =
    files.length === 1 && only !== undefined
      ? only
      : createHash('sha256').update(lines.join('')).digest('hex');
  // Only a convenience: a folder that cannot be written to is hashed again next time.
  await replaceFile(
    path.join(directory, CACHE_FILE),
    JSON.stringify({ files, sha256: hash }),
  ).catch(() => undefined);
  return hash;
}
