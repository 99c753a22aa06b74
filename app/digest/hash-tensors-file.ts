import { createHash } from 'node:crypto';
import { treeHashFile } from '../../native-kernels/index.ts';
import { readTensorsOfFile } from '../checkpoint/index.ts';
import { toAppError } from '../contract/error.ts';

export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes that were hashed since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** First line of the text whose sha256 is the hash of a file: no other text that is hashed begins so. */
const FIRST_LINE = 'nibble sha256-tensors 1';

/**
 * One hash for a list of hashes: sha256 of a line each, as hex.
 *
 * @param hashes 64 hexadecimal digits each
 */
export function joinHashes(hashes: readonly string[]): string {
  return createHash('sha256')
    .update(hashes.map((hash) => `${hash}\n`).join(''))
    .digest('hex');
}

/**
 * The `sha256-tensors-1` hash of a safetensors file, as hex: of the lines `nibble sha256-tensors 1`, the tree hash of
 * everything before the first tensor, and the tree hash of every tensor in the order of the file. (What a tree hash is,
 * native-kernels/include/tree_hash.h says.)
 *
 * @param options.known Tree hashes of tensors whose bytes need not be read again, by name.
 * @throws AppError `malformed-file`, `not-found`, `aborted`
 */
export async function hashTensorsFile(
  file: string,
  options: HashOptions & {
    readonly known?: ReadonlyMap<string, string> | undefined;
    readonly threads?: number | undefined;
    /** Called with the tree hash of each tensor whose bytes were read: `known` of a later call that goes on. */
    readonly onTensor?: ((name: string, hash: string) => void) | undefined;
  } = {},
): Promise<string> {
  const { signal, onBytes, known, threads, onTensor } = options;
  const kernelOptions = {
    ...(signal === undefined ? {} : { signal }),
    ...(threads === undefined ? {} : { threads }),
  };
  const hashRange = async (byteOffset: number, byteLength: number): Promise<string> => {
    let counted = 0;
    const count = (upTo: number): void => {
      if (upTo > counted) onBytes?.(upTo - counted);
      counted = Math.max(counted, upTo);
    };
    const hash = await treeHashFile(
      { path: file, byteOffset, byteLength },
      { ...kernelOptions, onProgress: (fraction) => count(Math.floor(fraction * byteLength)) },
    );
    count(byteLength);
    return hash;
  };
  try {
    const { headerEnd, tensors } = await readTensorsOfFile(file);
    const hashes = [await hashRange(0, headerEnd)];
    for (const { name, byteOffset, byteLength } of tensors) {
      const hash = known?.get(name);
      if (hash === undefined) {
        const read = await hashRange(byteOffset, byteLength);
        onTensor?.(name, read);
        hashes.push(read);
      } else {
        onBytes?.(byteLength);
        hashes.push(hash);
      }
    }
    return joinHashes([FIRST_LINE, ...hashes]);
  } catch (error) {
    throw toAppError(error);
  }
}
