import { describe, expect, it } from 'vitest';
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

const TOKENS = 5;
const HEADS = 3;
const HEAD = 19;
const WIDTH = HEADS * HEAD;
const EPSILON = 1e-5;
/** A mean that is large beside what values differ in. */
const table = noise(TOKENS * WIDTH, 1).map((value) => value + 40);
const weights = noise(WIDTH, 2);
const bias = noise(WIDTH, 3);
/** The mean is rounded to float32: 4e-6 at most, in units of the deviation. */
const ROUNDING = 5e-5;
const x = node('Embedding', 'x', ['input_ids', 'table']);
const epsilon = { epsilon: { float: EPSILON } };

async function run(nodes: Graph['nodes'], tensors: Graph['tensors']): Promise<number[]> {
  const all = { table: f32([TOKENS, WIDTH], table), ...tensors };
  const model = await openGraph({ nodes: [x, ...nodes], tensors: all, result: 'y', width: WIDTH });
  return Array.from(await model.evaluate(countTo(TOKENS), { rows: 'all' }));
}

/** In float64: every `width` values by themselves. */
function expected(
  values: ArrayLike<number>,
  width: number,
  weight: (i: number) => number,
  moved: (i: number) => number = () => 0,
): number[] {
  return countTo(values.length / width).flatMap((row) => {
    const own = countTo(width).map((i) => at(values, row * width + i));
    const mean = own.reduce((sum, value) => sum + value) / width;
    const squares = own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const deviation = Math.sqrt(squares / width + EPSILON);
    const first = (row * width) % WIDTH;
    return own.map((v, i) => ((v - mean) / deviation) * weight(first + i) + moved(first + i));
  });
}

describe('LayerNorm', () => {
  it('centers rows, adds the offset to its weight, and its bias', async () => {
    const y = await run(
      [
        node('LayerNorm', 'y', ['x', 'weight', 'bias'], {
          ...epsilon,
          weight_offset: { float: 1 },
        }),
      ],
      { weight: f32([WIDTH], weights), bias: f32([WIDTH], bias) },
    );
    const full = expected(
      table,
      WIDTH,
      (i) => at(weights, i) + 1,
      (i) => at(bias, i),
    );
    expect(largestDifference(y, full)).toBeLessThan(ROUNDING);
  });

  it.each([
    ['one weight for all', f32([HEAD], weights.slice(0, HEAD))],
    ['a row for each', f32([HEADS, HEAD], weights)],
  ])('normalizes heads by themselves: %s', async (_, weight) => {
    const attributes = { ...epsilon, heads: { int: HEADS } };
    const y = await run([node('LayerNorm', 'y', ['x', 'weight'], attributes)], { weight });
    const isShared = weight.dims.length === 1;
    const full = expected(table, HEAD, (i) => at(weights, isShared ? i % HEAD : i));
    expect(largestDifference(y, full)).toBeLessThan(ROUNDING);
  });

  it.each([
    ['weights of another number of heads', { heads: { int: 2 } }, f32([HEADS, HEAD], weights)],
    ['fewer tensors than heads', { heads: { int: 3 }, weights: { int: 2 } }, f32([HEAD], weights)],
  ] as const)('refuses %s', async (_, attributes, weight) => {
    const nodes = [node('LayerNorm', 'y', ['x', 'weight'], { ...epsilon, ...attributes })];
    await expect(run(nodes, { weight })).rejects.toMatchObject({ code: 'malformed-file' });
  });
});

it('SkipLayerNorm gives the norm of the sum', async () => {
  const skip = noise(TOKENS * WIDTH, 4);
  const y = await run(
    [
      node('Embedding', 'skip', ['input_ids', 'skips']),
      node('SkipLayerNorm', 'y', ['x', 'skip', 'weight', 'bias'], epsilon, ['sum']),
    ],
    {
      skips: f32([TOKENS, WIDTH], skip),
      weight: f32([WIDTH], weights),
      bias: f32([WIDTH], bias),
    },
  );
  const sums = table.map((value, i) => value + at(skip, i));
  const full = expected(
    sums,
    WIDTH,
    (i) => at(weights, i),
    (i) => at(bias, i),
  );
  expect(largestDifference(y, full)).toBeLessThan(ROUNDING);
});
