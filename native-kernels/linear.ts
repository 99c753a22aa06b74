import { loadAddon } from './addon.ts';
import { codebook } from './quantizers.ts';
import type {
  AffineSpec,
  AffineWeights,
  DoubleFourBitWeights,
  FourBitSpec,
  FourBitWeights,
  InstructionSet,
  Int8RowsWeights,
  MatrixShape,
  Source,
} from './quantizers.ts';

/**
 * One matrix product, y = x W^T + bias. A model runs its products inside the runtime; these functions are for tests,
 * benchmarks and single layers. They block until the product is there.
 */
export interface Product {
  /** [tokens, columns]. */
  x: Float32Array;
  /** [rows]; @default none */
  bias?: Float32Array | undefined;
  /** `fast` rounds activations to int8, `exact` does not. 16-bit weights know only exact products. */
  mode: 'fast' | 'exact';
  /** @default the best that this processor has */
  isa?: InstructionSet | undefined;
  /** @default the number of cores. Results do not depend on it. */
  threads?: number | undefined;
  /** [tokens, rows], written and returned; @default a new array */
  into?: Float32Array | undefined;
}

/** What each product of the addon takes last. */
interface NativeProduct extends MatrixShape {
  x: Float32Array;
  bias: Float32Array | undefined;
  y: Float32Array;
  mode: string;
  isa: string | undefined;
  threads: number | undefined;
}

/** The functions that addon/linear.cpp registers; each refuses arguments that do not fit. */
interface LinearAddon {
  multiply4bit(
    codes: Uint8Array,
    absmax: Float32Array | Uint8Array,
    nestedAbsmax: Float32Array | undefined,
    nestedMap: Float32Array | undefined,
    nestedOffset: number | undefined,
    map: Float32Array,
    blockSize: number,
    call: NativeProduct,
  ): void;
  multiplyInt8Rows(
    codes: Int8Array,
    rowAbsmax: Float32Array,
    threshold: number,
    call: NativeProduct,
  ): void;
  multiplyAffine(
    codes: Int8Array | Uint8Array,
    scales: Float32Array,
    zeroPoints: Int8Array | undefined,
    bits: number,
    blockSize: number,
    call: NativeProduct,
  ): void;
  multiply16bit(bytes: Uint8Array, type: string, call: NativeProduct): void;
  readMemory(bytes: Uint8Array, threads: number | undefined): number;
}

let loaded: LinearAddon | undefined;

function linearAddon(): LinearAddon {
  loaded ??= loadAddon() as LinearAddon;
  return loaded;
}

let nestedMap: Float32Array | undefined;
const maps = new Map<string, Float32Array>();

/** The table of a 4-bit type, asked for once: a benchmark calls in a tight loop. */
function mapOf(type: FourBitSpec['type']): Float32Array {
  const map = maps.get(type) ?? codebook(type);
  maps.set(type, map);
  return map;
}

function nativeProduct(shape: MatrixShape, product: Product): NativeProduct {
  const tokens = product.x.length / shape.columns;
  return {
    rows: shape.rows,
    columns: shape.columns,
    x: product.x,
    bias: product.bias,
    y: product.into ?? new Float32Array(Math.ceil(tokens) * shape.rows),
    mode: product.mode,
    isa: product.isa,
    threads: product.threads,
  };
}

/** NF4 and FP4 weights, with plain or doubly quantized scales. @returns [tokens, rows] */
export function linear4(
  weights: FourBitWeights | DoubleFourBitWeights,
  spec: FourBitSpec & MatrixShape,
  product: Product,
): Float32Array {
  const call = nativeProduct(spec, product);
  const { codes, absmax, nested } = weights;
  if (nested !== null) nestedMap ??= codebook('dynamic8');
  linearAddon().multiply4bit(
    codes,
    absmax,
    nested?.absmax,
    nested === null ? undefined : nestedMap,
    nested?.offset,
    mapOf(spec.type),
    spec.blockSize,
    call,
  );
  return call.y;
}

/**
 * LLM.int8 weights.
 *
 * @param spec `threshold`: activations of this magnitude and more stay float32 in fast mode; 0 rounds all of them
 * @returns [tokens, rows]
 */
export function linearInt8Rows(
  weights: Int8RowsWeights,
  spec: MatrixShape & { threshold: number },
  product: Product,
): Float32Array {
  const call = nativeProduct(spec, product);
  linearAddon().multiplyInt8Rows(weights.codes, weights.rowAbsmax, spec.threshold, call);
  return call.y;
}

/** Linear int8 and int4 weights. @returns [tokens, rows] */
export function linearAffine(
  weights: AffineWeights,
  spec: Pick<AffineSpec, 'bits' | 'granularity'> & MatrixShape,
  product: Product,
): Float32Array {
  const call = nativeProduct(spec, product);
  const { granularity } = spec;
  const whole = granularity.kind === 'row' ? spec.columns : 0;
  const blockSize = granularity.kind === 'block' ? granularity.blockSize : whole;
  linearAddon().multiplyAffine(
    weights.codes,
    weights.scales,
    weights.zeroPoints ?? undefined,
    spec.bits,
    blockSize,
    call,
  );
  return call.y;
}

/** Weights as a checkpoint holds them, at any alignment. @returns [tokens, rows] */
export function linear16(weights: Source, shape: MatrixShape, product: Product): Float32Array {
  const call = nativeProduct(shape, product);
  linearAddon().multiply16bit(weights.bytes, weights.type, call);
  return call.y;
}

/** Reads `bytes` once on all threads: the speed limit that benchmarks compare products with. */
export function readMemory(bytes: Uint8Array, threads?: number): void {
  linearAddon().readMemory(bytes, threads);
}
