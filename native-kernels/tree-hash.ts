import { controlled } from './controlled.ts';
import type { KernelOptions } from './quantizer-types.ts';
import { quantizerAddon } from './quantizers-addon.ts';

/** A run of bytes of a file. */
export interface FileRange {
  readonly path: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * One digest for bytes of any length, on all cores: sha256 of 4096-byte pieces, of the list of those digests in pieces
 * of 4096 bytes, and so on until one is left, which is hashed with a name and the length (include/tree_hash.h).
 *
 * @returns 64 hexadecimal digits
 * @throws (rejects) `aborted`
 */
export async function treeHash(bytes: Uint8Array, options: KernelOptions = {}): Promise<string> {
  return await controlled(options, (control) => quantizerAddon().treeHash(bytes, control));
}

/** The same of few bytes, which take less time than being told of the end of it: at most some hundred kilobytes. */
export function treeHashNow(bytes: Uint8Array): string {
  return quantizerAddon().treeHashNow(bytes);
}

/**
 * The same of bytes in a file, of which only a small part is in memory at a time.
 *
 * @throws (rejects) `aborted`; `not-found`, `permission-denied`; `malformed-file` when the file ends before them
 */
export async function treeHashFile(range: FileRange, options: KernelOptions = {}): Promise<string> {
  const { path, byteOffset, byteLength } = range;
  return await controlled(options, (control) =>
    quantizerAddon().treeHashFile(path, byteOffset, byteLength, control),
  );
}
