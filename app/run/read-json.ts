import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../contract/error.ts';
import { parseJsonHere } from '../json/index.ts';

/** Configuration files have kilobytes; parsing costs several times the text, so a larger one is refused unread. */
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** A vocabulary of 262,144 tokens has 2.4 million with its merges. */
const MAX_VALUES = 10_000_000;

/** A vocabulary may have every number up to a hundred thousand as a token. */
const MAX_NUMERIC_KEYS = 200_000;

/** Bytes that the file has, or null where there is none. */
async function sizeOf(file: string): Promise<number | null> {
  try {
    const status = await stat(file);
    if (status.isFile()) return status.size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  // Reading a pipe would wait for ever.
  throw new AppError('malformed-file', `${file} is not a regular file.`);
}

/** @returns null when the file does not exist @throws AppError `malformed-file` when it is no regular file or larger than `maxBytes` */
async function readSmallFile(file: string, maxBytes: number): Promise<Uint8Array | null> {
  const bytes = await sizeOf(file);
  if (bytes === null) return null;
  if (bytes > maxBytes)
    throw new AppError(
      'malformed-file',
      `${file} has ${bytes} bytes; at most ${maxBytes} are read.`,
    );
  return readFile(file);
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
  const bytes = await readSmallFile(file, maxBytes);
  if (bytes === null) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new AppError('malformed-file', `${file} is not UTF-8 text.`, { cause: error });
  }
}

/**
 * Reads a JSON file of a model folder as Python reads it, with NaN and Infinity. On this thread: the runner does nothing
 * else while it loads a model, and its host ends it when it is silent.
 *
 * @returns null when the file does not exist
 * @throws AppError `malformed-file` when it is too large or not JSON
 */
export async function readJsonFile(
  directory: string,
  name: string,
  maxBytes: number = DEFAULT_MAX_BYTES,
): Promise<unknown> {
  const file = path.join(directory, name);
  const bytes = await readSmallFile(file, maxBytes);
  if (bytes === null) return null;
  return parseJsonHere(bytes, {
    name: file,
    maxBytes,
    maxValues: MAX_VALUES,
    maxNumericKeys: MAX_NUMERIC_KEYS,
    python: true,
  });
}
