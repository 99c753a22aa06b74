import { describe, expect, it } from 'vitest';
import { processorFeatures, type CacheType } from '../../native-kernels/index.ts';
import {
  at,
  countTo,
  f32,
  largestDifference,
  node,
  noise,
  openGraph,
  type Graph,
} from './runtime-graphs.ts';

interface Shape {
  tokens: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  rotated?: number;
  window?: number;
  softcap?: number;
  norms?: boolean;
  interleaved?: boolean;
}

const EPSILON = 1e-6;

interface Data {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  qNorm: Float32Array;
  kNorm: Float32Array;
  frequencies: Float32Array;
}

function dataFor({ tokens, heads, kvHeads, headDim, rotated = headDim }: Shape): Data {
  return {
    q: noise(tokens * heads * headDim, 1).map((value) => value * 2),
    k: noise(tokens * kvHeads * headDim, 2).map((value) => value * 2),
    v: noise(tokens * kvHeads * headDim, 3),
    qNorm: noise(headDim, 4),
    kNorm: noise(headDim, 5),
    frequencies: Float32Array.from(
      countTo(Math.floor(rotated / 2)),
      (i) => 1 / 10000 ** (i / rotated),
    ),
  };
}

/** Token i has row i of each table: any activations can be fed in. */
function graphFor(shape: Shape, data: Data): Graph {
  const { tokens, heads, kvHeads, headDim, window = 0, softcap = 0, norms = false } = shape;
  const { interleaved = false } = shape;
  return {
    nodes: [
      node('Embedding', 'q', ['input_ids', 'qs']),
      node('Embedding', 'k', ['input_ids', 'ks']),
      node('Embedding', 'v', ['input_ids', 'vs']),
      node('Rotary', 'cos', ['input_ids', 'position', 'frequencies'], {}, ['sin']),
      node(
        'Attention',
        'y',
        ['q', 'k', 'v', 'cos', 'sin', 'position', ...(norms ? ['qNorm', 'kNorm'] : [])],
        {
          layer: { int: 0 },
          heads: { int: heads },
          kv_heads: { int: kvHeads },
          head_dim: { int: headDim },
          scale: { float: 1 / Math.sqrt(headDim) },
          window: { int: window },
          softcap: { float: softcap },
          epsilon: { float: EPSILON },
          ...(interleaved ? { rotary_interleaved: { int: 1 } } : {}),
        },
      ),
    ],
    tensors: {
      qs: f32([tokens, heads * headDim], data.q),
      ks: f32([tokens, kvHeads * headDim], data.k),
      vs: f32([tokens, kvHeads * headDim], data.v),
      frequencies: f32([data.frequencies.length], data.frequencies),
      qNorm: f32([headDim], data.qNorm),
      kNorm: f32([headDim], data.kNorm),
    },
    result: 'y',
    width: heads * headDim,
  };
}

function headAt(
  values: Float32Array,
  offset: number,
  position: number,
  shape: Shape,
  data: Data,
  norm: Float32Array,
): number[] {
  let head = Array.from(values.subarray(offset, offset + shape.headDim));
  if (shape.norms === true) {
    const mean = head.reduce((sum, value) => sum + value * value, 0) / head.length;
    head = head.map((value, i) => (value / Math.sqrt(mean + EPSILON)) * at(norm, i));
  }
  const half = data.frequencies.length;
  const rotated = [...head];
  data.frequencies.forEach((frequency, i) => {
    const [first, second] = shape.interleaved === true ? [2 * i, 2 * i + 1] : [i, i + half];
    const [a, b] = [at(head, first), at(head, second)];
    const angle = Math.fround(position * frequency);
    rotated[first] = a * Math.cos(angle) - b * Math.sin(angle);
    rotated[second] = b * Math.cos(angle) + a * Math.sin(angle);
  });
  return rotated;
}

/** In float64, straight from the definition. */
function expectedOutput(shape: Shape, data: Data): number[] {
  const { tokens, heads, kvHeads, headDim, window = 0, softcap = 0 } = shape;
  const keys = countTo(tokens).map((t) =>
    countTo(kvHeads).map((h) =>
      headAt(data.k, (t * kvHeads + h) * headDim, t, shape, data, data.kNorm),
    ),
  );
  const output: number[] = [];
  for (const t of countTo(tokens)) {
    for (const h of countTo(heads)) {
      const query = headAt(data.q, (t * heads + h) * headDim, t, shape, data, data.qNorm);
      const kvHead = Math.floor((h * kvHeads) / heads);
      const first = window === 0 ? 0 : Math.max(0, t - window + 1);
      const scores = countTo(t + 1 - first).map((i) => {
        const key = at(at(keys, first + i), kvHead);
        const score = query.reduce((sum, value, j) => sum + value * at(key, j), 0);
        const scaled = score / Math.sqrt(headDim);
        return softcap === 0 ? scaled : softcap * Math.tanh(scaled / softcap);
      });
      const largest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - largest));
      const sum = weights.reduce((a, b) => a + b);
      for (const j of countTo(headDim)) {
        output.push(
          weights.reduce(
            (total, weight, i) =>
              total + weight * at(data.v, ((first + i) * kvHeads + kvHead) * headDim + j),
            0,
          ) / sum,
        );
      }
    }
  }
  return output;
}

const shapes: [string, Shape][] = [
  ['one head', { tokens: 9, heads: 1, kvHeads: 1, headDim: 16 }],
  ['grouped heads', { tokens: 40, heads: 6, kvHeads: 2, headDim: 64 }],
  ['heads of 24', { tokens: 35, heads: 4, kvHeads: 2, headDim: 24, norms: true }],
  ['odd heads, partly rotated', { tokens: 21, heads: 5, kvHeads: 1, headDim: 13, rotated: 6 }],
  ['neighbours', { tokens: 21, heads: 4, kvHeads: 2, headDim: 16, interleaved: true }],
  [
    'neighbours, partly rotated',
    { tokens: 21, heads: 5, kvHeads: 1, headDim: 13, rotated: 6, interleaved: true },
  ],
  ['no rotation', { tokens: 17, heads: 2, kvHeads: 2, headDim: 8, rotated: 0 }],
  ['wide heads', { tokens: 18, heads: 3, kvHeads: 3, headDim: 160 }],
  ['a window', { tokens: 90, heads: 4, kvHeads: 2, headDim: 16, window: 7 }],
  ['a window across pages', { tokens: 700, heads: 2, kvHeads: 1, headDim: 8, window: 300 }],
  ['a soft cap', { tokens: 30, heads: 2, kvHeads: 1, headDim: 32, softcap: 1.5 }],
  ['more tokens than a page', { tokens: 530, heads: 2, kvHeads: 1, headDim: 16 }],
  ['more heads than a task', { tokens: 5, heads: 40, kvHeads: 1, headDim: 16 }],
];

describe('Attention', () => {
  describe.each(processorFeatures().available)('with %s kernels', (isa) => {
    it.each(shapes)('agrees with float64: %s', async (_, shape) => {
      const data = dataFor(shape);
      const model = await openGraph(graphFor(shape, data), { isa });
      const y = await model.evaluate(countTo(shape.tokens), { rows: 'all' });
      expect(largestDifference(y, expectedOutput(shape, data))).toBeLessThan(2e-5);
    });
  });

  it('keeps an f16 cache to half the bytes and 11 bits', async () => {
    const shape = { tokens: 300, heads: 4, kvHeads: 2, headDim: 24 };
    const data = dataFor(shape);
    const run = async (cacheType: CacheType): Promise<{ y: Float32Array; bytes: number }> => {
      const model = await openGraph(graphFor(shape, data), { cacheType });
      const y = await model.evaluate(countTo(shape.tokens), { rows: 'all' });
      return { y, bytes: model.memory().cacheBytes };
    };
    const [full, half] = [await run('f32'), await run('f16')];
    expect(half.bytes * 2).toBe(full.bytes);
    expect(largestDifference(half.y, full.y)).toBeLessThan(4e-3);
    expect(largestDifference(half.y, full.y)).toBeGreaterThan(0);
  });

  it('gives the same bits in one piece, in chunks, token by token and with any threads', async () => {
    const shape: Shape = { tokens: 300, heads: 6, kvHeads: 2, headDim: 24, window: 280 };
    const graph = graphFor(shape, dataFor(shape));
    const ids = countTo(shape.tokens);
    const whole = await (await openGraph(graph)).evaluate(ids, { rows: 'all' });
    for (const threads of [2, 3]) {
      const model = await openGraph(graph, { threads });
      expect(await model.evaluate(ids, { rows: 'all' })).toEqual(whole);
    }
    for (const size of [1, 7, 256]) {
      const model = await openGraph(graph, { threads: 2 });
      const parts: number[] = [];
      for (let i = 0; i < ids.length; i += size) {
        parts.push(...(await model.evaluate(ids.slice(i, i + size), { rows: 'all' })));
      }
      expect(Float32Array.from(parts)).toEqual(whole);
    }
  });

  it('forgets what was truncated, to the bit', async () => {
    const shape: Shape = { tokens: 600, heads: 2, kvHeads: 1, headDim: 16 };
    const graph = graphFor(shape, dataFor(shape));
    const ids = countTo(300);
    const fresh = await (await openGraph(graph)).evaluate(ids, { rows: 'all' });
    const model = await openGraph(graph);
    await model.evaluate([...ids.slice(0, 130), ...countTo(600).slice(200)], { rows: 'none' });
    const before = model.memory().cacheBytes;
    model.truncate(130);
    expect(model.position).toBe(130);
    expect(model.memory().cacheBytes).toBeLessThan(before);
    const rest = await model.evaluate(ids.slice(130), { rows: 'all' });
    expect(rest).toEqual(fresh.subarray(130 * 32));
    expect(() => {
      model.truncate(301);
    }).toThrow(expect.objectContaining({ code: 'invalid-input' }));
  });

  it('grows its cache with use', async () => {
    const shape = { tokens: 4, heads: 1, kvHeads: 1, headDim: 16 };
    const model = await openGraph(graphFor(shape, dataFor(shape)), { contextLength: 100_000 });
    expect(model.memory().cacheBytes).toBe(0);
    await model.evaluate([0], { rows: 'none' });
    expect(model.memory().cacheBytes).toBe(256 * 16 * 2 * 4);
  });
});
