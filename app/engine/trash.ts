import { AppError, toAppError } from '../contract/error.ts';
import { isFolder } from './folders.ts';

/**
 * Moves a folder to the system's trash.
 *
 * @throws AppError when there is no trash to be used for that disk; the folder is then where it was
 */
export async function moveToTrash(directory: string): Promise<void> {
  let cause: unknown = null;
  try {
    // Loaded when it is needed: it brings a lot along that no other call uses.
    const { default: trash } = await import('trash');
    // Without patterns: a name with brackets is a name.
    await trash([directory], { glob: false });
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
