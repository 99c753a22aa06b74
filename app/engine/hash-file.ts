import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Large enough that hashing, not the number of reads, is the limit. */
const CHUNK_BYTES = 1 << 20;

/**
 * sha256 of a file, as hex.
 *
 * @throws AbortError when `signal` fires, and the file system's errors
 */
export async function hashFile(
  file: string,
  options: { signal?: AbortSignal; onBytes?: (bytes: number) => void } = {},
): Promise<string> {
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
