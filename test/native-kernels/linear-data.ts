import { codebook, linear, processorFeatures } from '../../native-kernels/index.ts';
import type {
  FloatType,
  Granularity,
  InstructionSet,
  Product,
} from '../../native-kernels/index.ts';
import { gaussianFrom, sourceOf, weightsOf } from './quantizers-data.ts';

/** A matrix in one of the formats, its products, and the weights it stands for. */
export interface Layer {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns] */
  readonly weights: Float64Array;
  /** Most that fast mode's weights differ from `weights`, besides the rounding of activations. */
  readonly weightError: number;
  readonly multiply: (product: Product) => Float32Array;
}

/** Instruction sets that run here; 'avx512' shares AVX2's kernels, which its own pass still covers. */
export const isas: readonly InstructionSet[] = processorFeatures().available;

/** The elements of an array behind one byte, so that nothing is aligned by luck. */
export function misaligned<T extends Int8Array | Uint8Array>(array: T): T {
  const Type = array.constructor as new (length: number) => T;
  const moved = new Type(array.length + 1).subarray(1) as T;
  moved.set(array);
  return moved;
}

const bytes = (length: number, uniform: () => number): Uint8Array =>
  misaligned(Uint8Array.from({ length }, () => Math.floor(uniform() * 256)));
const signed = (length: number, uniform: () => number): Int8Array =>
  misaligned(Int8Array.from({ length }, () => Math.floor(uniform() * 256) - 128));
const positive = (length: number, uniform: () => number): Float32Array =>
  Float32Array.from({ length }, () => Math.exp(gaussianFrom(uniform)()));
const nibble = (codes: Uint8Array, element: number): number => {
  const byte = codes[element >> 1] ?? 0;
  return element % 2 === 0 ? byte >> 4 : byte & 15;
};

export function fourBitLayer(
  rows: number,
  columns: number,
  spec: { type: 'nf4' | 'fp4'; blockSize: number; nested: boolean },
  uniform: () => number,
): Layer {
  const { type, blockSize } = spec;
  const numel = rows * columns;
  const blocks = Math.ceil(numel / blockSize);
  const codes = bytes(Math.ceil(numel / 2), uniform);
  const nested = {
    absmax: positive(Math.ceil(blocks / 256), uniform),
    offset: Math.fround(uniform() + 1),
  };
  const absmaxCodes = bytes(blocks, uniform);
  const dynamic = codebook('dynamic8');
  const absmax = spec.nested
    ? Float32Array.from(absmaxCodes, (code, i) => {
        const product = Math.fround((dynamic[code] ?? 0) * (nested.absmax[i >> 8] ?? 0));
        return product + nested.offset;
      })
    : positive(blocks, uniform);
  const map = codebook(type);
  const weights = Float64Array.from({ length: numel }, (_, i) => {
    return (map[nibble(codes, i)] ?? 0) * (absmax[Math.floor(i / blockSize)] ?? 0);
  });
  const view = {
    ...{ format: 'levels4', rows, columns, blockSize, codes, levels: map },
    ...(spec.nested
      ? {
          scales: absmaxCodes,
          nested: { scales: nested.absmax, map: dynamic, offset: nested.offset },
        }
      : { scales: absmax }),
  };
  return {
    name: `${type}${spec.nested ? '-dq' : ''} block ${blockSize}`,
    rows,
    columns,
    weights,
    weightError: (0.501 / 127) * Math.max(...absmax.map(Math.abs)),
    multiply: (product) => linear(view, product),
  };
}

export function int8RowsLayer(
  rows: number,
  columns: number,
  threshold: number,
  uniform: () => number,
): Layer {
  const codes = signed(rows * columns, uniform);
  const rowAbsmax = positive(rows, uniform);
  const view = {
    format: 'int8_rows',
    rows,
    columns,
    blockSize: columns,
    codes,
    scales: rowAbsmax,
    threshold,
  };
  return {
    name: `llm-int8 threshold ${threshold}`,
    rows,
    columns,
    weights: Float64Array.from(codes, (code, i) => {
      return (code * (rowAbsmax[Math.floor(i / columns)] ?? 0)) / 127;
    }),
    weightError: 0,
    multiply: (product) => linear(view, product),
  };
}

export function affineLayer(
  rows: number,
  columns: number,
  spec: { bits: 8 | 4; granularity: Granularity; zeroPoints: boolean },
  uniform: () => number,
): Layer {
  const { bits, granularity } = spec;
  const numel = rows * columns;
  const blockSize = granularity.kind === 'block' ? granularity.blockSize : columns;
  const perRow = Math.ceil(columns / blockSize);
  const count = granularity.kind === 'tensor' ? 1 : rows * perRow;
  const indexOf = (i: number): number => {
    if (granularity.kind === 'tensor') return 0;
    return Math.floor(i / columns) * perRow + Math.floor((i % columns) / blockSize);
  };
  const codes = bits === 8 ? signed(numel, uniform) : bytes(Math.ceil(numel / 2), uniform);
  const codeOf = (i: number): number =>
    codes instanceof Uint8Array ? nibble(codes, i) - 8 : (codes[i] ?? 0);
  const zeroPoints = spec.zeroPoints
    ? misaligned(
        Int8Array.from(
          { length: count },
          () => Math.floor(uniform() * 2 ** bits) - 2 ** (bits - 1),
        ),
      )
    : null;
  const scales = positive(count, uniform);
  const view = {
    ...{ format: `int${bits}`, rows, columns, codes, scales, zeroPoints: zeroPoints ?? undefined },
    blockSize: granularity.kind === 'tensor' ? 0 : blockSize,
  };
  const block = granularity.kind === 'block' ? ` ${granularity.blockSize}` : '';
  return {
    name: `int${bits} per ${granularity.kind}${block}${spec.zeroPoints ? ' with zero points' : ''}`,
    rows,
    columns,
    weights: Float64Array.from({ length: numel }, (_, i) => {
      return (codeOf(i) - (zeroPoints?.[indexOf(i)] ?? 0)) * (scales[indexOf(i)] ?? 0);
    }),
    weightError: 0,
    multiply: (product) => linear(view, product),
  };
}

/** Values of E2M1: sign, two bits of exponent, one of mantissa. */
const e2m1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6].flatMap((value, i, all) =>
  i === all.length - 1 ? [value, ...all.map((each) => -each)] : [value],
);

/** MXFP4: floats of 4 bits, the first of two in the low half of a byte, powers of two as scales of 32. */
export function mxfp4Layer(rows: number, columns: number, uniform: () => number): Layer {
  const perRow = Math.ceil(columns / 32);
  const codes = bytes((rows * columns) / 2, uniform);
  const scales = Uint8Array.from({ length: rows * perRow }, () => 120 + Math.floor(uniform() * 12));
  return {
    name: 'mxfp4',
    rows,
    columns,
    weights: Float64Array.from({ length: rows * columns }, (_, i) => {
      const exponent =
        scales[Math.floor(i / columns) * perRow + Math.floor((i % columns) / 32)] ?? 0;
      return (e2m1[nibble(codes, i ^ 1)] ?? 0) * 2 ** (exponent - 127);
    }),
    weightError: 0,
    multiply: (product) =>
      linear({ format: 'mxfp4', rows, columns, blockSize: 32, codes, scales }, product),
  };
}

export function sixteenBitLayer(
  rows: number,
  columns: number,
  type: FloatType,
  uniform: () => number,
): Layer {
  const gaussian = gaussianFrom(uniform);
  const source = sourceOf(Float32Array.from({ length: rows * columns }, gaussian), type);
  return {
    name: type,
    rows,
    columns,
    weights: Float64Array.from(weightsOf(source)),
    weightError: 0,
    multiply: (product) => linear({ format: type, rows, columns, codes: source.bytes }, product),
  };
}

/** One layer of every kind and granularity, with fresh weights. */
export function layersOf(rows: number, columns: number, uniform: () => number): Layer[] {
  const fourBit = [32, 64, 128, 4096].flatMap((blockSize) => [
    fourBitLayer(rows, columns, { type: 'nf4', blockSize, nested: true }, uniform),
    fourBitLayer(rows, columns, { type: 'fp4', blockSize, nested: false }, uniform),
  ]);
  const granularities: Granularity[] = [
    { kind: 'tensor' },
    { kind: 'row' },
    { kind: 'block', blockSize: 16 },
    { kind: 'block', blockSize: 32 },
    { kind: 'block', blockSize: 64 },
    { kind: 'block', blockSize: 128 },
  ];
  const affine = granularities.flatMap((granularity, i) => [
    affineLayer(rows, columns, { bits: 8, granularity, zeroPoints: i % 2 === 0 }, uniform),
    affineLayer(rows, columns, { bits: 4, granularity, zeroPoints: i % 2 === 1 }, uniform),
    affineLayer(rows, columns, { bits: 8, granularity, zeroPoints: i % 2 === 1 }, uniform),
  ]);
  return [
    ...fourBit,
    ...affine,
    ...(columns % 2 === 0 ? [mxfp4Layer(rows, columns, uniform)] : []),
    int8RowsLayer(rows, columns, 0, uniform),
    int8RowsLayer(rows, columns, 6, uniform),
    int8RowsLayer(rows, columns, 0.5, uniform),
    ...(['bf16', 'f16', 'f32'] as const).map((type) =>
      sixteenBitLayer(rows, columns, type, uniform),
    ),
  ];
}

/** Activations as models have them: normal, some tokens tiny or all zero, a few outliers far above the rest. */
export function activations(tokens: number, columns: number, uniform: () => number): Float32Array {
  const gaussian = gaussianFrom(uniform);
  const x = new Float32Array(tokens * columns);
  for (let t = 0; t < tokens; t++) {
    const kind = t % 5;
    const scale = kind === 3 ? 0 : kind === 4 ? 1e-20 : 1;
    for (let k = 0; k < columns; k++) x[t * columns + k] = scale * gaussian();
    if (kind < 3) x[t * columns + Math.floor(uniform() * columns)] = 30 * gaussian();
  }
  return x;
}
