// What products promise beyond closeness: exact integers, the same bits for any number of threads, faults that show,
// agreement with bitsandbytes.
import { describe, expect, it } from 'vitest';
import { codebook, linear } from '../../native-kernels/index.ts';
import type { Product, WeightView } from '../../native-kernels/index.ts';
import { activations, affineLayer, isas, layersOf, misaligned } from './linear-data.ts';
import { bytesOf, goldenTensors, uniformFrom } from './quantizers-data.ts';

const seed = Number(process.env['NIBBLE_TEST_SEED'] ?? Date.now() % 2 ** 31);
const tokenCounts = [1, 2, 4, 8, 9, 17];

/** Activations that rounding keeps: whole numbers, with 127 in each lane of 4, so that every scale is 1. */
function wholeActivations(
  tokens: number,
  columns: number,
  value: (i: number) => number,
): Float32Array {
  return Float32Array.from({ length: tokens * columns }, (_, i) =>
    (i % columns) % 4 === 0 ? 127 : value(i),
  );
}

/** Activations in other groups of columns, or with other outlier channels: rounding to int8 anew, measured 1e-4. */
const NEIGHBOUR_NMSE = 1e-3;

/** Squared error over squared norm. */
function nmse(actual: Float32Array, wanted: Float32Array): number {
  const sum = (values: Float32Array): number => values.reduce((total, v) => total + v * v, 0);
  return sum(actual.map((value, i) => value - (wanted[i] ?? 0))) / sum(wanted);
}

describe(`integer products (seed ${seed})`, () => {
  const uniform = uniformFrom(seed);
  const signed = (): number => Math.floor(uniform() * 255) - 127;
  const columns = 416;
  const rows = 19;
  const patterns: [string, () => number, () => number][] = [
    ['random', () => signed(), () => signed()],
    // Where 16-bit sums of pairs would saturate.
    ['largest', () => 127, () => (uniform() < 0.5 ? -128 : 127)],
    ['most negative', () => -127, () => -128],
  ];
  it.each(patterns)('are exact on every instruction set: %s', (_, activation, weight) => {
    const codes = misaligned(Int8Array.from({ length: rows * columns }, weight));
    const zeroPoints = Int8Array.from({ length: rows }, () => Math.floor(uniform() * 9) - 4);
    for (const tokens of tokenCounts) {
      const x = wholeActivations(tokens, columns, activation);
      const products = (zeros: Int8Array | null): number[] =>
        Array.from({ length: tokens * rows }, (_, i) => {
          const [t, n] = [Math.floor(i / rows), i % rows];
          let sum = 0;
          for (let k = 0; k < columns; k++) {
            sum += ((codes[n * columns + k] ?? 0) - (zeros?.[n] ?? 0)) * (x[t * columns + k] ?? 0);
          }
          return sum;
        });
      const plain = products(null);
      const shifted = products(zeroPoints);
      for (const isa of isas) {
        const product: Product = { x, mode: 'fast', isa };
        const spec = { rows, columns };
        const scales = new Float32Array(rows).fill(1);
        const affine = (zeros: Int8Array | null): Float32Array =>
          linear(
            {
              ...{ ...spec, format: 'int8', blockSize: columns },
              ...{ codes, scales, zeroPoints: zeros ?? undefined },
            },
            product,
          );
        const int8Rows = linear(
          {
            ...{ ...spec, format: 'int8_rows', blockSize: columns, codes },
            scales: new Float32Array(rows).fill(127),
          },
          product,
        );
        expect(Array.from(affine(null)), `${isa}, ${tokens} tokens`).toEqual(plain);
        expect(Array.from(affine(zeroPoints)), `${isa}, ${tokens} tokens`).toEqual(shifted);
        expect(Array.from(int8Rows), `${isa}, ${tokens} tokens`).toEqual(plain);
      }
    }
  });
});

describe(`every kind of weights (seed ${seed})`, () => {
  const uniform = uniformFrom(seed + 1);
  const [rows, columns] = [150, 256];
  const layers = layersOf(rows, columns, uniform);
  const bias = Float32Array.from({ length: rows }, (_, i) => i - 70);
  const cases = layers.flatMap((layer) => isas.map((isa) => [layer.name, isa, layer] as const));

  it.each(cases)('gives the same bits for any number of threads: %s, %s', (_, isa, layer) => {
    for (const mode of ['fast', 'exact'] as const) {
      // Of 150 tokens three threads get parts.
      for (const tokens of [1, 3, 17, 150]) {
        const x = activations(tokens, columns, uniform);
        const [one, two, three] = [1, 2, 3].map((threads) =>
          bytesOf(layer.multiply({ x, bias, mode, isa, threads })),
        );
        expect(two).toEqual(one);
        expect(three).toEqual(one);
      }
    }
  });

  it.each(cases)(
    'gives the bias for zeros and keeps faults in their token: %s, %s',
    (_, isa, layer) => {
      for (const mode of ['fast', 'exact'] as const) {
        for (const tokens of [3, 11]) {
          const clean = activations(tokens, columns, uniform).fill(0, 0, columns);
          const faulty = clean.slice();
          faulty[columns + 100] = Number.NaN;
          faulty[2 * columns + 7] = Number.POSITIVE_INFINITY;
          const y = layer.multiply({ x: clean, bias, mode, isa });
          const z = layer.multiply({ x: faulty, bias, mode, isa });
          expect(y.subarray(0, rows)).toEqual(bias);
          expect(z.subarray(0, rows)).toEqual(bias);
          expect(z.subarray(rows, 3 * rows).some(Number.isFinite)).toBe(false);
          // Which channels are outliers is decided for all tokens together, so the fast mode may round the others anew.
          if (mode === 'exact')
            expect(bytesOf(z.subarray(3 * rows))).toEqual(bytesOf(y.subarray(3 * rows)));
          else if (tokens > 3)
            expect(nmse(z.subarray(3 * rows), y.subarray(3 * rows))).toBeLessThan(NEIGHBOUR_NMSE);
        }
      }
    },
  );

  it.each(isas)('bears scales near the ends of float32: %s', (isa) => {
    const layer = affineLayer(
      40,
      128,
      { bits: 8, granularity: { kind: 'row' }, zeroPoints: false },
      uniform,
    );
    const x = activations(1, 128, uniform);
    const scaled = (factor: number): Float32Array =>
      layer.multiply({ x: x.map((value) => value * factor), mode: 'fast', isa });
    const plain = scaled(1);
    // Powers of two change no rounding, only the exponent.
    for (const factor of [2 ** -80, 2 ** 80]) {
      expect(scaled(factor)).toEqual(plain.map((value) => value * factor));
    }
    expect(scaled(2 ** -149).every((value) => value === 0)).toBe(true);
  });
});

describe('outlier channels', () => {
  /** Rounding of the other columns: measured up to 5e-4, and above 0.1 when the channels stay among them. */
  const FAST_NMSE = 2e-3;
  const uniform = uniformFrom(seed + 1);

  it.each(isas)('leave the other columns their precision: %s', (isa) => {
    const columns = 256;
    for (const layer of layersOf(48, columns, uniform)) {
      // LLM.int8 has a threshold of its own instead, and 16-bit weights round nothing.
      if (!/fp4|nf4|per (block|tensor|row)/.test(layer.name)) continue;
      for (const tokens of [1, 5, 24]) {
        const x = activations(tokens, columns, uniform);
        // Three channels far above the rest. Their exact share is taken out of both, what is left is compared.
        const channels = [3, 70, 71];
        for (let t = 0; t < tokens; t++)
          for (const channel of channels) x[t * columns + channel] = 400 * (1 + t / 100);
        const only = x.map((value, i) => (channels.includes(i % columns) ? value : 0));
        const rest = (mode: 'fast' | 'exact'): Float32Array => {
          const all = layer.multiply({ x, mode, isa });
          const large = layer.multiply({ x: only, mode: 'exact', isa });
          return all.map((value, i) => value - (large[i] ?? 0));
        };
        expect(nmse(rest('fast'), rest('exact')), `${layer.name}, ${tokens} tokens`).toBeLessThan(
          FAST_NMSE,
        );
      }
    }
  });
});

describe('MXFP4', () => {
  // All bytes with all exponents whose 6 times is a float32.
  const exponents = Array.from({ length: 253 }, (_, i) => i);
  const columns = 512;
  const codes = Uint8Array.from({ length: (exponents.length * columns) / 2 }, (_, i) => i % 256);
  const scales = Uint8Array.from(exponents.flatMap((e) => new Array<number>(columns / 32).fill(e)));
  const view = { format: 'mxfp4', rows: exponents.length, columns, blockSize: 32, codes, scales };
  const levels = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const valueOf = (code: number): number => (code < 8 ? 1 : -1) * (levels[code % 8] ?? Number.NaN);

  it.each(isas)('decodes every byte with every exponent bit for bit: %s', (isa) => {
    // The product with a unit vector is a column.
    for (let k = 0; k < columns; k += 37) {
      const x = new Float32Array(columns);
      x[k] = 1;
      const byte = k >> 1;
      const code = k % 2 === 0 ? byte & 15 : byte >> 4;
      const expected = Float32Array.from(exponents, (e) => valueOf(code) * 2 ** (e - 127));
      const y = linear(view, { x, mode: 'exact', isa });
      expect(y.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
    }
  });

  it.each(isas)('shows a scale that is no number, in its row alone: %s', (isa) => {
    const spoilt = scales.slice();
    spoilt[3 * (columns / 32) + 5] = 255;
    const x = new Float32Array(columns).fill(2 ** -60);
    for (const mode of ['fast', 'exact'] as const) {
      const y = linear(
        { ...view, rows: 8, codes: codes.subarray(0, 2048), scales: spoilt.subarray(0, 128) },
        { x, mode, isa },
      );
      expect(Array.from(y, Number.isNaN)).toEqual(Array.from(y, (_, row) => row === 3));
    }
  });
});

describe('layers that bitsandbytes computed', () => {
  /** Both sides sum 256 products in float32, in different orders. */
  const FLOAT_NMSE = 1e-12;
  /** Rounding activations to int8 per 64 columns, and 4-bit values to 1/127: measured 7e-5, with room. */
  const FAST_4BIT_NMSE = 2e-4;
  /** Rounding to int8 per row after the outliers are taken out: measured 2e-5, with room. */
  const FAST_INT8_NMSE = 1e-4;

  const tensor = goldenTensors();
  const floats = (name: string): Float32Array =>
    new Float32Array(new Uint8Array(tensor(name)).buffer);
  it.each(isas)('has the same output for NF4 with double quantization: %s', (isa) => {
    const state = JSON.parse(
      tensor('linear4bit.weight.quant_state.bitsandbytes__nf4').toString(),
    ) as {
      nested_offset: number;
    };
    const weights = {
      ...{ format: 'levels4', rows: 96, columns: 256, blockSize: 64, levels: codebook('nf4') },
      codes: new Uint8Array(tensor('linear4bit.weight')),
      scales: new Uint8Array(tensor('linear4bit.weight.absmax')),
      nested: {
        scales: floats('linear4bit.weight.nested_absmax'),
        map: codebook('dynamic8'),
        offset: state.nested_offset,
      },
    };
    const multiply = (mode: 'exact' | 'fast'): number =>
      nmse(linear(weights, { x: floats('linear4bit.x'), mode, isa }), floats('linear4bit.y'));
    expect(multiply('exact')).toBeLessThan(FLOAT_NMSE);
    expect(multiply('fast')).toBeLessThan(FAST_4BIT_NMSE);
  });

  // On a CPU bitsandbytes dequantizes and multiplies in float32, so its output is that of exact mode; int8 activations
  // with outliers apart are what it does on a GPU.
  it.each(isas)('has the same output for LLM.int8: %s', (isa) => {
    const weights = {
      ...{ format: 'int8_rows', rows: 96, columns: 256, blockSize: 256 },
      codes: new Int8Array(tensor('linear8bit.weight')),
      scales: floats('linear8bit.SCB'),
    };
    const few = floats('linear8bit.x');
    const many = Float32Array.from({ length: 4 * few.length }, (_, i) => few[i % few.length] ?? 0);
    const multiply = (x: Float32Array, mode: 'exact' | 'fast', threshold = 6): number => {
      const y = linear({ ...weights, threshold }, { x, mode, isa });
      return nmse(y.subarray(0, floats('linear8bit.y').length), floats('linear8bit.y'));
    };
    expect(multiply(few, 'exact')).toBeLessThan(FLOAT_NMSE);
    expect(multiply(few, 'fast')).toBeLessThan(FAST_INT8_NMSE);
    expect(multiply(many, 'fast')).toBeLessThan(FAST_INT8_NMSE);
    // The sample has outliers of 24: where many tokens are multiplied they cost the other columns their precision,
    // unless they are decomposed. Few tokens have a scale for every lane.
    expect(multiply(many, 'fast', 0)).toBeGreaterThan(5 * multiply(many, 'fast'));
    expect(multiply(few, 'fast', 0)).toBeLessThan(FAST_INT8_NMSE);
  });
});

describe('arguments', () => {
  const x = new Float32Array(64);
  it('refuses arrays that do not fit the shape', () => {
    const bytes = new Uint8Array(64 * 8 * 2);
    const refusal = expect.objectContaining({ code: 'invalid-input' }) as unknown;
    const refused = (call: () => unknown): void => {
      let cause: unknown;
      try {
        call();
      } catch (error) {
        cause = error;
      }
      expect(cause).toEqual(refusal);
    };
    const weights = { format: 'bf16', rows: 8, columns: 64, codes: bytes };
    const multiply = (changes: Partial<WeightView>, product: Partial<Product> = {}): void => {
      refused(() => linear({ ...weights, ...changes }, { x, mode: 'fast', ...product }));
    };
    multiply({ codes: bytes.subarray(1) });
    multiply({ format: 'bf15' });
    multiply({}, { x: x.subarray(1) });
    multiply({}, { into: new Float32Array(7) });
    multiply({}, { bias: new Float32Array(9) });
    multiply({}, { threads: 0 });
    const fourBit = {
      ...{ format: 'levels4', blockSize: 64, codes: new Uint8Array(256) },
      ...{ scales: new Float32Array(8), levels: codebook('nf4') },
    };
    multiply({ ...fourBit, scales: new Float32Array(7) });
    multiply({ ...fourBit, scales: undefined });
    multiply({ ...fourBit, blockSize: undefined });
    multiply({ ...fourBit, levels: undefined });
    expect(linear({ ...weights, ...fourBit }, { x, mode: 'fast' })).toHaveLength(8);
  });
});
