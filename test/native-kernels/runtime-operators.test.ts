import { describe, expect, it } from 'vitest';
import {
  at,
  asBfloat16,
  bf16,
  countTo,
  f16,
  f32,
  i8,
  largestDifference,
  linearInputs,
  node,
  noise,
  openGraph,
  u8,
  type Graph,
  type Tensor,
} from './runtime-graphs.ts';

const TOKENS = 5;
const WIDTH = 38;
const table = noise(TOKENS * WIDTH, 1);
const x = node('Embedding', 'x', ['input_ids', 'table']);

async function run(
  graph: Omit<Graph, 'result'> & { result?: string },
  isa?: 'reference',
): Promise<number[]> {
  const model = await openGraph({ result: 'y', ...graph }, isa === undefined ? {} : { isa });
  return Array.from(await model.evaluate(countTo(TOKENS), { rows: 'all' }));
}

function rowsOf(values: ArrayLike<number>, width: number): number[][] {
  return countTo(values.length / width).map((row) =>
    countTo(width).map((i) => at(values, row * width + i)),
  );
}

function rmsNorm(row: number[], weight: ArrayLike<number>, epsilon: number): number[] {
  const mean = row.reduce((sum, value) => sum + value * value, 0) / row.length;
  return row.map((value, i) => (value / Math.sqrt(mean + epsilon)) * at(weight, i));
}

describe('Embedding', () => {
  it.each([
    ['bf16', bf16, asBfloat16],
    ['f16', f16, (value: number) => Math.f16round(value)],
    ['f32', f32, (value: number) => value],
  ] as const)('reads %s rows and scales them', async (_, make, stored) => {
    const y = await run({
      nodes: [node('Embedding', 'y', ['input_ids', 'table'], { scale: { float: 1.5 } })],
      tensors: { table: make([TOKENS, WIDTH], table) },
      width: WIDTH,
    });
    expect(y).toEqual(Array.from(table, (value) => Math.fround(stored(value) * 1.5)));
  });

  it('refuses ids outside its table and appends nothing', async () => {
    const model = await openGraph({
      nodes: [node('Embedding', 'y', ['input_ids', 'table'])],
      tensors: { table: f32([TOKENS, WIDTH], table) },
      result: 'y',
      width: WIDTH,
    });
    for (const id of [TOKENS, -1]) {
      await expect(model.evaluate([0, id], { rows: 'last' })).rejects.toMatchObject({
        code: 'invalid-input',
      });
    }
    expect(model.position).toBe(0);
  });
});

describe('norms', () => {
  const weight = noise(WIDTH, 2);

  it('RmsNorm adds the offset to its weight', async () => {
    const y = await run({
      nodes: [
        x,
        node('RmsNorm', 'y', ['x', 'weight'], {
          epsilon: { float: 1e-5 },
          weight_offset: { float: 1 },
        }),
      ],
      tensors: { table: f32([TOKENS, WIDTH], table), weight: f16([WIDTH], weight) },
      width: WIDTH,
    });
    const full = Array.from(weight, (value) => Math.f16round(value) + 1);
    const expected = rowsOf(table, WIDTH).flatMap((row) => rmsNorm(row, full, 1e-5));
    expect(largestDifference(y, expected)).toBeLessThan(2e-6);
  });

  it.each(['y', 'sum'])('SkipRmsNorm gives the norm and the sum: %s', async (result) => {
    const skip = noise(TOKENS * WIDTH, 3);
    const y = await run({
      nodes: [
        x,
        node('Embedding', 'skip', ['input_ids', 'skips']),
        node('SkipRmsNorm', 'y', ['x', 'skip', 'weight'], { epsilon: { float: 1e-6 } }, ['sum']),
      ],
      tensors: {
        table: f32([TOKENS, WIDTH], table),
        skips: f32([TOKENS, WIDTH], skip),
        weight: f32([WIDTH], weight),
      },
      result,
      width: WIDTH,
    });
    const sums = rowsOf(
      table.map((value, i) => value + at(skip, i)),
      WIDTH,
    );
    const expected = sums.flatMap((row) => (result === 'y' ? rmsNorm(row, weight, 1e-6) : row));
    expect(largestDifference(y, expected)).toBeLessThan(2e-6);
  });
});

describe('Rotary', () => {
  it.each(['y', 'sines'])('gives %s of position times frequency, scaled', async (result) => {
    const frequencies = Float32Array.of(1, 0.1, 0.003);
    const model = await openGraph({
      nodes: [
        node(
          'Rotary',
          'y',
          ['input_ids', 'position', 'frequencies'],
          { attention_scaling: { float: 1.25 } },
          ['sines'],
        ),
        x,
      ],
      tensors: {
        frequencies: f32([3], frequencies),
        table: f32([TOKENS, WIDTH], table),
      },
      result,
      width: 3,
    });
    await model.evaluate(countTo(3), { rows: 'none' });
    const y = await model.evaluate(countTo(TOKENS), { rows: 'all' });
    const wave = result === 'y' ? Math.cos : Math.sin;
    const expected = countTo(TOKENS).flatMap((token) =>
      Array.from(
        frequencies,
        (frequency) => 1.25 * wave(Math.fround(Math.fround(3 + token) * frequency)),
      ),
    );
    expect(largestDifference(y, expected)).toBeLessThan(2e-7);
  });
});

describe('SiluMul', () => {
  it.each([undefined, 'reference'] as const)('multiplies silu(gate) by up (%s)', async (isa) => {
    const gate = table.map((value, i) => value * 10 ** (i % 4));
    const up = noise(TOKENS * WIDTH, 4);
    const y = await run(
      {
        nodes: [
          node('Embedding', 'gate', ['input_ids', 'gates']),
          node('Embedding', 'up', ['input_ids', 'ups']),
          node('SiluMul', 'y', ['gate', 'up']),
        ],
        tensors: { gates: f32([TOKENS, WIDTH], gate), ups: f32([TOKENS, WIDTH], up) },
        width: WIDTH,
      },
      isa,
    );
    y.forEach((value, i) => {
      const expected = (at(gate, i) / (1 + Math.exp(-at(gate, i)))) * at(up, i);
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(Math.abs(expected) * 1e-6 + 1e-35);
    });
  });
});

describe('linear layers', () => {
  const N = 7;
  const bias = noise(N, 9);

  /** x W^T + bias in float64 for weights given by function. */
  function product(weight: (n: number, k: number) => number, withBias: boolean): number[] {
    return rowsOf(table, WIDTH).flatMap((row) =>
      countTo(N).map((n) =>
        row.reduce((sum, value, k) => sum + value * weight(n, k), withBias ? at(bias, n) : 0),
      ),
    );
  }

  async function linear(
    inputs: Parameters<typeof linearInputs>[0],
    attributes: Graph['nodes'][number]['attributes'],
    tensors: Record<string, Tensor>,
  ): Promise<number[]> {
    const sizes = { in_features: { int: WIDTH }, out_features: { int: N } };
    return run({
      nodes: [
        x,
        node('Linear', 'y', ['x', ...linearInputs({ ...inputs, bias: 'bias' })], {
          ...sizes,
          ...attributes,
        }),
      ],
      tensors: { table: f32([TOKENS, WIDTH], table), bias: f32([N], bias), ...tensors },
      width: N,
    });
  }

  it.each(['f32', 'f16', 'bf16'] as const)('Linear with %s weights', async (type) => {
    const weight = noise(N * WIDTH, 5).map((value) => asBfloat16(Math.f16round(value)));
    const exact = weight.every((value) => Math.f16round(value) === value);
    expect(exact).toBe(true);
    const make = { f32, f16, bf16 }[type];
    const y = await linear(
      { codes: 'w' },
      { format: { text: type } },
      { w: make([N, WIDTH], weight) },
    );
    expect(
      largestDifference(
        y,
        product((n, k) => at(weight, n * WIDTH + k), true),
      ),
    ).toBeLessThan(1e-5);
  });

  it.each([false, true])(
    'Linear with levels and blocks across rows, nested scales: %s',
    async (nested) => {
      const blockSize = 16;
      const blocks = Math.ceil((N * WIDTH) / blockSize);
      const codes = noise(N * WIDTH, 6).map((value) => Math.floor((value + 1) * 8));
      const map = noise(16, 7);
      const absmaxCodes = noise(blocks, 8).map((value) => Math.floor((value + 1) * 128));
      const nestedMap = noise(256, 10);
      const absmax = Array.from(absmaxCodes, (code) =>
        nested ? at(nestedMap, code) * 0.5 + 2 : code / 100,
      );
      const packed = countTo((N * WIDTH) / 2).map(
        (i) => at(codes, 2 * i) * 16 + at(codes, 2 * i + 1),
      );
      const y = await linear(
        {
          ...{ codes: 'codes', scales: 'absmax', levels: 'map' },
          ...(nested ? { nestedScales: 'nested', nestedMap: 'nestedMap' } : {}),
        },
        {
          format: { text: 'levels4' },
          block_size: { int: blockSize },
          nested_offset: { float: 2 },
        },
        {
          codes: u8([packed.length, 1], packed),
          absmax: nested ? u8([blocks], absmaxCodes) : f32([blocks], absmax),
          map: f32([16], map),
          nested: f32([1], [0.5]),
          nestedMap: f32([256], nestedMap),
        },
      );
      const expected = product((n, k) => {
        const i = n * WIDTH + k;
        return at(map, at(codes, i)) * at(absmax, Math.floor(i / blockSize));
      }, true);
      expect(largestDifference(y, expected)).toBeLessThan(1e-4);
    },
  );

  it('Linear with a scale for each row', async () => {
    const codes = noise(N * WIDTH, 11).map((value) => Math.round(value * 127));
    const absmax = noise(N, 12).map((value) => Math.abs(value) + 0.1);
    const y = await linear(
      { codes: 'w', scales: 'absmax' },
      {
        format: { text: 'int8_rows' },
        block_size: { int: WIDTH },
        threshold: { float: 0.5 },
      },
      { w: i8([N, WIDTH], codes), absmax: f32([N], absmax) },
    );
    const expected = product((n, k) => (at(codes, n * WIDTH + k) * at(absmax, n)) / 127, true);
    expect(largestDifference(y, expected)).toBeLessThan(1e-4);
  });

  it.each([
    [8, 0],
    [8, 16],
    [4, 16],
  ])('Linear with integers of %i bits and blocks of %i', async (bits, blockSize) => {
    const perRow = blockSize === 0 ? 0 : Math.ceil(WIDTH / blockSize);
    const groups = blockSize === 0 ? 1 : N * perRow;
    const limit = bits === 8 ? 127 : 7;
    const codes = noise(N * WIDTH, 13).map((value) => Math.round(value * limit));
    const scales = noise(groups, 14).map((value) => Math.abs(value) / limit);
    const zeroPoints = noise(groups, 15).map((value) => Math.round(value * 3));
    const packed = countTo((N * WIDTH) / 2).map(
      (i) => (at(codes, 2 * i) + 8) * 16 + at(codes, 2 * i + 1) + 8,
    );
    const dims = blockSize === 0 ? [1] : [N, perRow];
    const y = await linear(
      { codes: 'w', scales: 'scales', zeroPoints: 'zeroPoints' },
      {
        format: { text: `int${bits}` },
        block_size: { int: blockSize },
      },
      {
        w: bits === 8 ? i8([N, WIDTH], codes) : u8([packed.length], packed),
        scales: f32(dims, scales),
        zeroPoints: i8(dims, zeroPoints),
      },
    );
    const expected = product((n, k) => {
      const group = blockSize === 0 ? 0 : n * perRow + Math.floor(k / blockSize);
      return (at(codes, n * WIDTH + k) - at(zeroPoints, group)) * at(scales, group);
    }, true);
    expect(largestDifference(y, expected)).toBeLessThan(1e-4);
  });
});
