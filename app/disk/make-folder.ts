import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

async function isThere(place: string): Promise<boolean> {
  try {
    await stat(place);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a folder and those above it where they are missing. Where one cannot be made although the folder above it is there,
 * as below /proc, it fails; `mkdir` with `recursive` would try for ever.
 *
 * @param mode of the folders that are made
 * @throws what the file system says
 */
export async function makeFolder(directory: string, mode?: number): Promise<void> {
  const missing: string[] = [];
  for (
    let place = path.resolve(directory);
    !(await isThere(place)) && path.dirname(place) !== place;
    place = path.dirname(place)
  )
    missing.unshift(place);
  for (const place of missing)
    try {
      await mkdir(place, mode);
    } catch (error) {
      // Somebody else may have made it meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
}
