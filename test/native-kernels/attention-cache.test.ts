import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AttentionCache, processorFeatures, type CacheType } from '../../native-kernels/index.ts';
import { at, countTo, largestDifference } from './runtime-graphs.ts';

/**
 * Every instruction set against the reference on the same keys, values and queries. Both read the same stored numbers;
 * they differ in the order of sums, in the exponential (2e-7) and in which score is subtracted from it.
 */
const KERNEL_BOUND = 1e-5;

interface Shape {
  context: number;
  tokens: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  window?: number;
  chunk?: number;
  softcap?: number;
  /** Whether every head has a sink. */
  sinks?: boolean;
}

const shapes: [string, Shape][] = [
  ['one head', { context: 9, tokens: 9, heads: 1, kvHeads: 1, headDim: 16 }],
  ['grouped heads', { context: 300, tokens: 5, heads: 8, kvHeads: 2, headDim: 64 }],
  ['odd heads', { context: 77, tokens: 21, heads: 5, kvHeads: 1, headDim: 13 }],
  ['heads of 1', { context: 33, tokens: 2, heads: 3, kvHeads: 3, headDim: 1 }],
  ['wide heads', { context: 280, tokens: 3, heads: 3, kvHeads: 3, headDim: 160 }],
  ['the widest heads', { context: 20, tokens: 17, heads: 2, kvHeads: 1, headDim: 512 }],
  ['a window', { context: 700, tokens: 40, heads: 4, kvHeads: 2, headDim: 24, window: 7 }],
  [
    'a window across segments',
    { context: 2300, tokens: 1, heads: 2, kvHeads: 1, headDim: 8, window: 1300 },
  ],
  ['chunks', { context: 100, tokens: 40, heads: 4, kvHeads: 2, headDim: 24, chunk: 9 }],
  [
    'chunks across segments',
    { context: 2300, tokens: 3, heads: 2, kvHeads: 1, headDim: 8, chunk: 1149 },
  ],
  ['a soft cap', { context: 90, tokens: 30, heads: 2, kvHeads: 1, headDim: 32, softcap: 1.5 }],
  ['sinks', { context: 90, tokens: 30, heads: 6, kvHeads: 2, headDim: 32, window: 9, sinks: true }],
  [
    'sinks of one token over segments',
    { context: 3100, tokens: 1, heads: 6, kvHeads: 2, headDim: 40, sinks: true },
  ],
  ['one token over segments', { context: 3100, tokens: 1, heads: 6, kvHeads: 2, headDim: 40 }],
  ['the end of a segment', { context: 2048, tokens: 3, heads: 4, kvHeads: 1, headDim: 20 }],
  ['the begin of a segment', { context: 1025, tokens: 2, heads: 20, kvHeads: 1, headDim: 48 }],
];

const types: CacheType[] = ['f32', 'f16', 'int8'];
const isas = processorFeatures().available;

/** Normally distributed, a new seed each run; the seed is in the title of what fails. */
function normal(count: number, seed: number): Float32Array {
  let state = seed | 1;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

interface Data {
  keys: Float32Array;
  values: Float32Array;
  queries: Float32Array;
  /** [heads] */
  sinks: Float32Array;
}

function dataFor({ context, tokens, heads, kvHeads, headDim }: Shape, seed: number): Data {
  return {
    keys: normal(context * kvHeads * headDim, seed),
    values: normal(context * kvHeads * headDim, seed + 1),
    queries: normal(tokens * heads * headDim, seed + 2),
    // Of the scores' size, one far above them all and one far below.
    sinks: normal(heads, seed + 3).map((sink, head) => [sink, 200, -200][head] ?? 4 * sink),
  };
}

function cacheWith(shape: Shape, type: CacheType, data: Data, isa: (typeof isas)[number]) {
  const { context, kvHeads, headDim } = shape;
  const cache = new AttentionCache({ type, layers: 1, kvHeads, headDim, contextLength: context });
  cache.append(0, data.keys, data.values, 0, { isa, threads: 2 });
  return cache;
}

function attend(
  cache: AttentionCache,
  shape: Shape,
  data: Data,
  options: { isa: (typeof isas)[number]; threads?: number },
): Float32Array {
  const { context, tokens, heads, headDim, window, chunk, softcap } = shape;
  return cache.attend(0, {
    queries: data.queries,
    heads,
    position: context - tokens,
    scale: 1 / Math.sqrt(headDim),
    window,
    chunk,
    softcap,
    sinks: shape.sinks === true ? data.sinks : undefined,
    ...options,
  });
}

/** Exact products and sums over keys and values that `stored` has rounded as the cache does. */
function expectedOutput(shape: Shape, data: Data, stored: (head: number[]) => number[]): number[] {
  const { context, tokens, heads, kvHeads, headDim, window = 0, chunk = 0, softcap = 0 } = shape;
  const headAt = (values: Float32Array, position: number, head: number): number[] => {
    const start = (position * kvHeads + head) * headDim;
    return stored([...values.subarray(start, start + headDim)]);
  };
  const rows = countTo(context).map((p) =>
    countTo(kvHeads).map((h) => ({
      key: headAt(data.keys, p, h),
      value: headAt(data.values, p, h),
    })),
  );
  const output: number[] = [];
  for (const token of countTo(tokens)) {
    for (const head of countTo(heads)) {
      const query = data.queries.subarray((token * heads + head) * headDim);
      const kvHead = Math.floor((head * kvHeads) / heads);
      const end = context - tokens + token + 1;
      const inWindow = window === 0 ? 0 : Math.max(0, end - window);
      const first = chunk === 0 ? inWindow : end - 1 - ((end - 1) % chunk);
      const seen = rows.slice(first, end).map((row) => at(row, kvHead));
      const scores = seen.map(({ key }) => {
        const product = key.reduce((sum, value, i) => sum + value * at(query, i), 0);
        const scaled = product / Math.sqrt(headDim);
        return softcap === 0 ? scaled : softcap * Math.tanh(scaled / softcap);
      });
      const sink = shape.sinks === true ? at(data.sinks, head) : -Infinity;
      const largest = scores.reduce((a, b) => Math.max(a, b), sink);
      const weights = scores.map((score) => Math.exp(score - largest));
      const sum = weights.reduce((a, b) => a + b, Math.exp(sink - largest));
      for (const i of countTo(headDim)) {
        output.push(
          seen.reduce((all, { value }, p) => all + at(weights, p) * at(value, i), 0) / sum,
        );
      }
    }
  }
  return output;
}

/** As an int8 cache rounds a head: in float32, else a tie would now and then fall to the other side. */
function throughInt8(head: number[]): number[] {
  const absmax = Math.max(...head.map(Math.abs));
  if (absmax === 0) return head;
  const inverse = Math.fround(127 / absmax);
  const scale = Math.fround(absmax / 127);
  // Adding 1.5 * 2^23 rounds to an integer, ties to even.
  const shift = 12582912;
  return head.map((value) => (Math.fround(Math.fround(value * inverse) + shift) - shift) * scale);
}

describe.each(types)('attention over a %s cache', (type) => {
  it.each(shapes)('is the same with every instruction set: %s', (_, shape) => {
    const seed = randomInt(2 ** 30);
    const data = dataFor(shape, seed);
    const expected = attend(cacheWith(shape, type, data, 'reference'), shape, data, {
      isa: 'reference',
    });
    for (const isa of isas) {
      const cache = cacheWith(shape, type, data, isa);
      // What was stored is the same to the bit: the reference reads it alike.
      expect(attend(cache, shape, data, { isa: 'reference' }), `seed ${seed}`).toEqual(expected);
      const y = attend(cache, shape, data, { isa });
      expect(largestDifference(y, expected), `${isa}, seed ${seed}`).toBeLessThan(KERNEL_BOUND);
    }
  });

  it.each(shapes)('gives the same bits with any number of threads: %s', (_, shape) => {
    const seed = randomInt(2 ** 30);
    const data = dataFor(shape, seed);
    for (const isa of isas) {
      const cache = cacheWith(shape, type, data, isa);
      const one = attend(cache, shape, data, { isa, threads: 1 });
      for (const threads of [2, 3]) {
        const many = attend(cache, shape, data, { isa, threads });
        expect(many, `${isa}, ${threads} threads, seed ${seed}`).toEqual(one);
      }
    }
  });
});

describe('an int8 cache', () => {
  it.each(shapes)('holds heads rounded to 127 steps of their largest magnitude: %s', (_, shape) => {
    const seed = randomInt(2 ** 30);
    const data = dataFor(shape, seed);
    const y = attend(cacheWith(shape, 'int8', data, 'reference'), shape, data, {
      isa: 'reference',
    });
    // Of sums in float32; one step of one element would be above it.
    const bound = 2e-5;
    expect(
      largestDifference(y, expectedOutput(shape, data, throughInt8)),
      `seed ${seed}`,
    ).toBeLessThan(bound);
  });

  it('is about a quarter of a float32 one', () => {
    const shape = { layers: 2, kvHeads: 2, headDim: 64, contextLength: 300 };
    const bytesOf = (type: CacheType): number => {
      const cache = new AttentionCache({ ...shape, type });
      cache.append(1, normal(128, 1), normal(128, 2), 299);
      return cache.bytes;
    };
    const elements = 2 * 512 * 2 * 64 * 2;
    expect(bytesOf('f32')).toBe(elements * 4);
    expect(bytesOf('f16')).toBe(elements * 2);
    expect(bytesOf('int8')).toBe(elements + 2 * 512 * 2 * 2 * 4);
  });

  it('stores zeros as zeros, and the smallest and largest numbers without overflow', () => {
    for (const magnitude of [0, 1e-45, 1e-38, 3e38]) {
      for (const isa of isas) {
        const cache = new AttentionCache({
          type: 'int8',
          layers: 1,
          kvHeads: 1,
          headDim: 4,
          contextLength: 1,
        });
        const values = Float32Array.of(magnitude, -magnitude, 0, magnitude / 2);
        cache.append(0, new Float32Array(4), values, 0, { isa });
        const queries = new Float32Array(4);
        const y = cache.attend(0, { queries, heads: 1, position: 0, scale: 1, isa });
        // Below 127 / the largest float32 a scale has no inverse: the head counts as zero.
        const expected = magnitude < 1e-36 ? 0 : magnitude;
        expect(Math.abs(at(y, 0) - expected)).toBeLessThanOrEqual(expected * 1e-6);
        expect(Math.abs(at(y, 3) - expected / 2)).toBeLessThanOrEqual(expected / 253 + 1e-45);
      }
    }
  });

  it('refuses what does not fit', () => {
    const cache = new AttentionCache({
      type: 'int8',
      layers: 1,
      kvHeads: 2,
      headDim: 4,
      contextLength: 8,
    });
    const refused: unknown = expect.objectContaining({ code: 'invalid-input' });
    const eight = new Float32Array(8);
    expect(() => {
      cache.append(0, new Float32Array(7), new Float32Array(7), 0);
    }).toThrow(refused);
    expect(() => {
      cache.append(1, eight, eight, 0);
    }).toThrow(refused);
    expect(() => {
      cache.append(0, eight, eight, 8);
    }).toThrow(refused);
    cache.append(0, eight, eight, 0);
    const call = { queries: eight, heads: 2, position: 0, scale: 1 };
    expect(() => cache.attend(0, { ...call, position: 1 })).toThrow(refused);
    expect(() => cache.attend(0, { ...call, heads: 3 })).toThrow(refused);
    expect(() => cache.attend(0, { ...call, queries: new Float32Array(9) })).toThrow(refused);
    expect(() => cache.attend(0, { ...call, into: new Float32Array(9) })).toThrow(refused);
  });
});
