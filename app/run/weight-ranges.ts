import path from 'node:path';
import { EMBEDDINGS, OUTPUT_LAYER } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import type { WeightRange } from '../../native-kernels/index.ts';

/** Of less, mapping takes no longer than a thread for it costs, as SmolLM2-135M (200 MB) showed. */
const LEAST_BYTES = 256 * 1024 * 1024;

/** Of these every token needs a few alone: a mixture may be larger than memory. */
const EXPERT = /\.experts\.\d+\./;

/**
 * Where the weights lie that every run of a model reads from beginning to end: all, but for the embedding where there is
 * another head, and for experts. Of the former only the rows of single tokens are read, and it may be a third of the file.
 *
 * @param tensors of all files of `directory`, ascending within each
 * @param leastBytes @default 256 MiB
 * @returns none where they are fewer bytes than that, which is not worth a thread
 */
export function rangesToMap(
  directory: string,
  tensors: readonly TensorInfo[],
  leastBytes = LEAST_BYTES,
): WeightRange[] {
  const hasHead = tensors.some(({ name }) => name === OUTPUT_LAYER);
  const ranges: WeightRange[] = [];
  let bytes = 0;
  let last: { path: string; begin: number; end: number } | undefined;
  let lastFile: string | undefined;
  for (const { name, file, byteOffset, byteLength } of tensors) {
    if ((hasHead && name === EMBEDDINGS) || EXPERT.test(name)) continue;
    bytes += byteLength;
    if (last === undefined || lastFile !== file || last.end !== byteOffset) {
      last = { path: path.join(directory, file), begin: byteOffset, end: byteOffset };
      lastFile = file;
      ranges.push(last);
    }
    last.end = byteOffset + byteLength;
  }
  return bytes < leastBytes ? [] : ranges;
}
