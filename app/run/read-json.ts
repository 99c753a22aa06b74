import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../contract/error.ts';

/** Configuration files have kilobytes; parsing costs several times the text, so a larger one is refused unread. */
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** Bytes that the file has, or null where there is none. */
async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Reads a text file of a model folder.
 *
 * @returns null when the file does not exist
 * @throws AppError `malformed-file` when it is larger than `maxBytes` or not UTF-8
 */
export async function readTextFile(
  directory: string,
  name: string,
  maxBytes: number = DEFAULT_MAX_BYTES,
): Promise<string | null> {
  const file = path.join(directory, name);
  const bytes = await sizeOf(file);
  if (bytes === null) return null;
  if (bytes > maxBytes)
    throw new AppError(
      'malformed-file',
      `${file} has ${bytes} bytes; at most ${maxBytes} are read.`,
    );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new AppError('malformed-file', `${file} is not UTF-8 text.`, { cause: error });
  }
}

/**
 * Reads a JSON file of a model folder.
 *
 * @returns null when the file does not exist
 * @throws AppError `malformed-file` when it is too large or not JSON
 */
export async function readJsonFile(
  directory: string,
  name: string,
  maxBytes?: number,
): Promise<unknown> {
  const text = await readTextFile(directory, name, maxBytes);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('malformed-file', `${path.join(directory, name)} is not JSON.`, {
      cause: error,
    });
  }
}
