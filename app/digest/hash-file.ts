import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { HashKind } from '../contract/checkpoint.ts';
import { hashTensorsFile, type HashOptions } from './hash-tensors-file.ts';

/** Large enough that hashing, not the number of reads, is the limit. */
const CHUNK_BYTES = 1 << 20;

/**
 * The hash of a file, as hex.
 *
 * @throws AbortError or AppError `aborted` when `signal` fires, the file system's errors, and `malformed-file` where
 * the kind is one of safetensors files and the file is none
 */
export async function hashFile(
  file: string,
  kind: HashKind,
  options: HashOptions = {},
): Promise<string> {
  if (kind === 'sha256-tensors-1') return await hashTensorsFile(file, options);
  const hash = createHash('sha256');
  const stream = createReadStream(file, {
    highWaterMark: CHUNK_BYTES,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    options.onBytes?.(chunk.byteLength);
  }
  return hash.digest('hex');
}
