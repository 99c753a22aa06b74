// Attention of one token over a long context, with the shapes of Llama-3.2-1B: bytes of keys and values per second
// beside those of reading memory in the same run, because it cannot be faster.
//
//   node test/bench/attention-kernels.ts [--type f16] [--context 128,2048,8192] [--threads N] [--isa NAME] [--rounds 7]
import os from 'node:os';
import { parseArgs } from 'node:util';
import { AttentionCache, readMemory } from '../../native-kernels/index.ts';
import type { CacheType } from '../../native-kernels/index.ts';

const { values: options } = parseArgs({
  options: {
    type: { type: 'string', default: 'f16,int8' },
    context: { type: 'string', default: '128,2048,8192' },
    layers: { type: 'string', default: '16' },
    heads: { type: 'string', default: '32' },
    kvHeads: { type: 'string', default: '8' },
    headDim: { type: 'string', default: '64' },
    tokens: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    isa: { type: 'string' },
    rounds: { type: 'string', default: '7' },
  },
});
const numbers = (list: string): number[] => list.split(',').map(Number);
const threads = Number(options.threads);
const rounds = Number(options.rounds);
const isa = options.isa;
const layers = Number(options.layers);
const heads = Number(options.heads);
const kvHeads = Number(options.kvHeads);
const headDim = Number(options.headDim);
const tokens = Number(options.tokens);

/** Far more than any last-level cache. */
const memory = new Uint8Array(256 * 2 ** 20).fill(1);
/** What one round reads at least: long against a time slice. */
const ROUND_BYTES = 128 * 2 ** 20;

/** Seconds. */
function time(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function noise(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** A cache with `context` positions in every layer, from a pool of noise. */
function filled(type: CacheType, context: number): AttentionCache {
  const cache = new AttentionCache({ type, layers, kvHeads, headDim, contextLength: context });
  const step = Math.min(context, 256);
  const keys = noise(step * kvHeads * headDim, 1);
  const values = noise(step * kvHeads * headDim, 2);
  for (let layer = 0; layer < layers; layer++) {
    for (let position = 0; position + step <= context; position += step)
      cache.append(layer, keys, values, position, { threads });
  }
  return cache;
}

const queries = noise(tokens * heads * headDim, 3);
const into = new Float32Array(queries.length);
const processor = os.cpus()[0]?.model ?? 'unknown processor';
console.log(`${processor}, ${threads} threads, ${options.isa ?? 'best instruction set'}`);
console.log(
  `${layers} layers, ${heads} heads, ${kvHeads} KV heads of ${headDim}, ${tokens} tokens`,
);
console.log('type  context  MB/token  ms/token  GB/s  of memory');
for (const type of options.type.split(',') as CacheType[]) {
  for (const context of numbers(options.context)) {
    const cache = filled(type, context);
    const elementBytes = { f32: 4, f16: 2, int8: 1 + 4 / headDim }[type];
    const bytes = 2 * layers * kvHeads * headDim * context * elementBytes;
    const calls = Math.max(1, Math.ceil(ROUND_BYTES / bytes));
    const attend = (): void => {
      for (let layer = 0; layer < layers; layer++) {
        const position = context - tokens;
        cache.attend(layer, { queries, heads, position, scale: 0.125, isa, threads, into });
      }
    };
    const seconds: number[] = [];
    const ratios: number[] = [];
    for (let round = -1; round < rounds; round++) {
      const read = time(() => {
        readMemory(memory, threads);
      });
      const one =
        time(() => {
          for (let call = 0; call < calls; call++) attend();
        }) / calls;
      // The first round warms up.
      if (round < 0) continue;
      seconds.push(one);
      ratios.push(bytes / one / (memory.length / read));
    }
    console.log(
      [
        type.padEnd(5),
        String(context).padStart(7),
        (bytes / 1e6).toFixed(1).padStart(9),
        (median(seconds) * 1000).toFixed(3).padStart(9),
        (bytes / median(seconds) / 1e9).toFixed(1).padStart(5),
        `${(100 * median(ratios)).toFixed(0)} %`.padStart(10),
      ].join(' '),
    );
  }
}
