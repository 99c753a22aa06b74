import { link, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError, toAppError } from '../../contract/error.ts';
import { fileState } from '../../disk/index.ts';
import { isFolder } from '../register/folders.ts';

/** On Linux the package says where an entry went, although its types do not. */
const movedSchema = z.array(z.object({ path: z.string(), info: z.string() })).length(1);

/** How often another name is tried where one is taken. */
const MAX_NAMES = 100;

/**
 * Names an entry of a trash as freedesktop.org has it after what was thrown away: file managers show that name, and the
 * package takes a random one. Elsewhere the system names it, and where it cannot be done it keeps the name it has.
 */
async function nameEntry(moved: unknown, name: string): Promise<void> {
  const entry = movedSchema.safeParse(moved).data?.[0];
  if (entry === undefined) return;
  // eslint-disable-next-line no-control-regex -- a name of the person's choice; files have no such characters
  const plain = name.replaceAll(/[/\\\u0000-\u001f]+/g, '-').replace(/^\.+/, '');
  for (let number = 1; number <= MAX_NAMES; number++) {
    const candidate = number === 1 ? plain : `${plain} ${number}`;
    const info = path.join(path.dirname(entry.info), `${candidate}.trashinfo`);
    const target = path.join(path.dirname(entry.path), candidate);
    try {
      if (await fileState(target)) continue;
      // The note is what reserves a name.
      await link(entry.info, info);
    } catch {
      continue;
    }
    try {
      await rename(entry.path, target);
      await rm(entry.info, { force: true });
    } catch {
      await rm(info, { force: true });
    }
    return;
  }
}

/**
 * Moves a folder to the system's trash.
 *
 * @param name What the entry is called there, where the system's trash takes names.
 * @throws AppError when there is no trash to be used for that disk; the folder is then where it was
 */
export async function moveToTrash(directory: string, name: string): Promise<void> {
  let cause: unknown = null;
  try {
    // Loaded when it is needed: it brings a lot along that no other call uses.
    const { default: trash } = await import('trash');
    // Without patterns: a name with brackets is a name.
    const move: (paths: readonly string[], options: { glob: boolean }) => Promise<unknown> = trash;
    await nameEntry(await move([directory], { glob: false }), name);
  } catch (error) {
    cause = error;
  }
  if (cause === null && !(await isFolder(directory))) return;
  const known = toAppError(cause ?? new Error('it is still there'));
  throw new AppError(
    known.code === 'internal' ? 'permission-denied' : known.code,
    `${directory} could not be moved to the trash: ${known.message}. Nothing was removed.`,
    { remedy: 'Remove it for good instead (`forever`); it can then not be brought back.', cause },
  );
}
