import { loadAddon } from './addon.ts';
import type { InstructionSet, MatrixShape } from './quantizers.ts';

/**
 * A stored matrix, w = (value of its code - zero point) * scale of its block. Which of the parts there are, and of which
 * type, is said by the row of formats.def that is called `format`.
 */
export interface WeightView extends MatrixShape {
  format: string;
  /** The codes as the file holds them; floats as bytes. */
  codes: Uint8Array | Int8Array;
  /** Weights that share a scale; @default 0: one scale for all */
  blockSize?: number | undefined;
  /** One per block; where scales are nested their codes. */
  scales?: Float32Array | Uint8Array | undefined;
  /** One per block; @default all 0 */
  zeroPoints?: Int8Array | undefined;
  /** [16] the value of each code, of formats that store them. */
  levels?: Float32Array | undefined;
  /** Double quantization: scale = map[code] * scales[block / 256] + offset. */
  nested?: { scales: Float32Array; map: Float32Array; offset: number } | undefined;
  /** Of LLM.int8: activations of this magnitude and more stay float32 in fast mode; @default 0: none */
  threshold?: number | undefined;
}

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

/** The functions that addon/linear.cpp registers; each refuses arguments that do not fit. */
interface LinearAddon {
  multiply(
    weights: WeightView,
    call: {
      x: Float32Array;
      bias: Float32Array | undefined;
      y: Float32Array;
      mode: string;
      isa: string | undefined;
      threads: number | undefined;
    },
  ): void;
  readMemory(bytes: Uint8Array, threads: number | undefined): number;
}

let loaded: LinearAddon | undefined;

function linearAddon(): LinearAddon {
  loaded ??= loadAddon() as LinearAddon;
  return loaded;
}

/** y = x W^T + bias. @returns [tokens, rows] */
export function linear(weights: WeightView, product: Product): Float32Array {
  const { x, bias, mode, isa, threads, into } = product;
  const tokens = Math.ceil(x.length / weights.columns);
  const y = into ?? new Float32Array(tokens * weights.rows);
  linearAddon().multiply(weights, { x, bias, y, mode, isa, threads });
  return y;
}

/** Reads `bytes` once on all threads: the speed limit that benchmarks compare products with. */
export function readMemory(bytes: Uint8Array, threads?: number): void {
  linearAddon().readMemory(bytes, threads);
}
