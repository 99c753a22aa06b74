import { readMemory } from '../../native-kernels/index.ts';

/** Far more than any last-level cache. */
const POOL_BYTES = 512 * 2 ** 20;
/** Passes of one sample; the best of them is what the memory gives when nothing else takes from it. */
const PASSES = 4;

/** Bytes per second that all threads together read from memory. One number per call: machines have moods. */
export function readBandwidth(threads: number): number {
  // Written, not only allocated: untouched pages are all the same page of zeros.
  const pool = new Uint8Array(POOL_BYTES).fill(1);
  let best = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    const started = performance.now();
    readMemory(pool, threads);
    best = Math.max(best, (1000 * POOL_BYTES) / (performance.now() - started));
  }
  return best;
}
