import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { CONFIG_FILE } from '../../checkpoint/index.ts';
import { partialDirectoryOf } from '../../quantize/index.ts';
import type { EngineContext } from '../context.ts';
import { registerModel } from './add-path.ts';

/**
 * How deep models lie below a folder: OWNER/NAME is two; our own checkpoints/NAME/COMMIT and the hub cache's
 * models--NAME/snapshots/COMMIT are three.
 */
const MAX_DEPTH = 3;

/** Someone may choose a whole disk: looking ends here. */
const MAX_FOLDERS = 20_000;

/** Folders that look like a model, nearest first. Links are not followed: they could lead anywhere, or in a circle. */
async function candidatesBelow(root: string): Promise<string[]> {
  const candidates: string[] = [];
  const queue = [{ directory: root, depth: 0 }];
  let seen = 0;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { directory, depth } = next;
    if (++seen > MAX_FOLDERS) break;
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    const names = new Set(entries.map(({ name }) => name));
    // A download that is not finished.
    if (entries.some(({ name }) => name.endsWith('.part'))) continue;
    if (names.has(CONFIG_FILE)) candidates.push(directory);
    else if (depth < MAX_DEPTH)
      for (const entry of entries)
        if (
          entry.isDirectory() &&
          !entry.name.startsWith('.') &&
          !entry.name.endsWith(partialDirectoryOf(''))
        )
          queue.push({ directory: path.join(directory, entry.name), depth: depth + 1 });
  }
  return candidates;
}

/**
 * Lists the checkpoints and artifacts in a folder that the catalog does not know yet. What cannot be opened or breaks
 * its schema is passed over: a folder of the person's own may hold anything.
 *
 * @returns the ids of all that is there, known before or not
 */
export async function scanFolder(context: EngineContext, root: string): Promise<string[]> {
  const found: string[] = [];
  for (const directory of await candidatesBelow(root))
    try {
      const added = await registerModel(context, directory, { isWithinLibrary: true });
      found.push(added.kind === 'artifact' ? added.artifact.id : added.checkpoint.id);
    } catch {
      // Half a download, another format, a damaged file: nothing that could be used.
      continue;
    }
  return found;
}
