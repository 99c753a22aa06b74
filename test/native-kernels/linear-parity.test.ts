// Every kind of weights on every instruction set, in both modes, against products in float64. Fresh random inputs each
// run; a failure names the seed, and NIBBLE_TEST_SEED repeats it.
import { describe, expect, it } from 'vitest';
import { activations, isas, layersOf } from './linear-data.ts';
import type { Layer } from './linear-data.ts';
import { gaussianFrom, uniformFrom } from './quantizers-data.ts';

const seed = Number(process.env['NIBBLE_TEST_SEED'] ?? Date.now() % 2 ** 31);
const tokenCounts = [1, 2, 3, 7, 8, 9, 17, 64];
/** Odd rows and columns, tails of every kernel, blocks of 4-bit weights that straddle rows. */
const shapes: [number, number][] = [
  [1, 24],
  [5, 37],
  [16, 96],
  [33, 160],
  [47, 250],
  [18, 1056],
];

/**
 * Float32 sums of K products err by at most about K * 2^-24 of the sum of magnitudes, in any order; half of it is ample
 * because errors do not all point one way. The few roundings of scales come on top.
 */
const floatBound = (columns: number): number => (columns / 2 + 16) * 2 ** -24;

interface Expected {
  /** [tokens, rows], products in float64. */
  readonly values: Float64Array;
  /** [tokens, rows], what float32 sums may differ by. */
  readonly float: Float64Array;
  /** [tokens, rows], what the rounding of fast mode may add. */
  readonly rounding: Float64Array;
}

function expected(layer: Layer, x: Float32Array, bias: Float32Array): Expected {
  const { rows, columns, weights } = layer;
  const tokens = x.length / columns;
  const [values, float, rounding] = [0, 0, 0].map(() => new Float64Array(tokens * rows)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let t = 0; t < tokens; t++) {
    const token = x.subarray(t * columns, (t + 1) * columns);
    const absmax = token.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const sum = token.reduce((total, value) => total + Math.abs(value), 0);
    // A code is at most half a step off, a step is at most the row's absmax / 127, and 1 % is for the division.
    const step = (0.505 * absmax) / 127;
    for (let n = 0; n < rows; n++) {
      let value = bias[n] ?? 0;
      let magnitude = Math.abs(value);
      let weight = 0;
      for (let k = 0; k < columns; k++) {
        const w = weights[n * columns + k] ?? 0;
        value += w * (token[k] ?? 0);
        magnitude += Math.abs(w * (token[k] ?? 0));
        weight += Math.abs(w);
      }
      values[t * rows + n] = value;
      float[t * rows + n] = magnitude * floatBound(columns);
      rounding[t * rows + n] =
        step * (weight + columns * layer.weightError) + sum * layer.weightError;
    }
  }
  return { values, float, rounding };
}

/** Largest of |actual - wanted| / bound. */
function worst(
  actual: Float32Array,
  wanted: ArrayLike<number>,
  bound: (i: number) => number,
): number {
  let most = 0;
  for (const [i, value] of actual.entries()) {
    const difference = Math.abs(value - (wanted[i] ?? Number.NaN));
    // Not `>`: NaN must not pass.
    if (difference !== 0 && !(difference / bound(i) <= most)) most = difference / bound(i);
  }
  return most;
}

describe.each(shapes)(`%i x %i (seed ${seed})`, (rows, columns) => {
  const uniform = uniformFrom(seed + rows * 7919 + columns);
  const gaussian = gaussianFrom(uniform);
  const layers = layersOf(rows, columns, uniform);
  const bias = Float32Array.from({ length: rows }, gaussian);
  const inputs = tokenCounts.map((tokens) => activations(tokens, columns, uniform));

  it.each(layers.map((layer) => [layer.name, layer] as const))('multiplies %s', (_, layer) => {
    const failures: string[] = [];
    for (const x of inputs) {
      const tokens = x.length / columns;
      const { values, float, rounding } = expected(layer, x, bias);
      const defined = layer.multiply({ x, bias, mode: 'fast', isa: 'reference' });
      for (const isa of isas) {
        const exact = layer.multiply({ x, bias, mode: 'exact', isa });
        const fast = layer.multiply({ x, bias, mode: 'fast', isa });
        const ratios = {
          exact: worst(exact, values, (i) => float[i] ?? 0),
          fast: worst(fast, values, (i) => (float[i] ?? 0) + (rounding[i] ?? 0)),
          // Instruction sets round activations alike: between them only the order of float32 sums differs.
          parity: worst(fast, defined, (i) => float[i] ?? 0),
        };
        for (const [what, ratio] of Object.entries(ratios)) {
          if (ratio > 1) failures.push(`${what} ${isa} ${tokens} tokens: ${ratio} of the bound`);
        }
      }
    }
    expect(failures).toEqual([]);
  });
});
