import type { ErrorStatistics } from './error-statistics.ts';

/** Type of the weights of a checkpoint. */
export type FloatType = 'bf16' | 'f16' | 'f32';

/** 4-bit code tables: NormalFloat4 (Dettmers et al. 2023, QLoRA) and bitsandbytes' 4-bit float. */
export type FourBitType = 'nf4' | 'fp4';

/** An instruction set that kernels exist for (isas.def); `reference` is the plain code that defines the bits. */
export type InstructionSet = string;

/** What every kernel call takes beside its data. */
export interface KernelOptions {
  /** Aborting it rejects the promise with code `aborted`; nothing is returned. */
  signal?: AbortSignal;
  /** @default the number of cores. Results do not depend on it. */
  threads?: number;
  /** @default the best that this processor has. Results do not depend on it. */
  isa?: InstructionSet;
  /** Called with a growing fraction in 0..1, at most some hundred times. */
  onProgress?: (fraction: number) => void;
  /**
   * Numbers of the CUDA devices that a tensor may be quantized on (`probeGpus`); the least busy one takes it.
   *
   * @default none: the processor. Codes and scales do not depend on it; error statistics agree to five digits, with
   * double quantization of weights unlike a model's to two.
   */
  devices?: readonly number[];
  /** Called with the reason when no device could be used and the processor did the work. */
  onFallback?: (reason: string) => void;
}

/**
 * Weights as they lie in a checkpoint.
 *
 * The bytes need not be aligned. They must not be changed, transferred or detached until the promise settles.
 */
export interface Source {
  /** Little-endian values, row-major. */
  bytes: Uint8Array;
  type: FloatType;
}

/** Rows are output features, columns input features. */
export interface MatrixShape {
  rows: number;
  columns: number;
}

/** 4-bit codes with one float32 scale per block. */
export interface FourBitWeights {
  /** [ceil(numel / 2)], element 0 of a pair in the high nibble. */
  codes: Uint8Array;
  /** [ceil(numel / blockSize)], largest magnitude of each block. */
  absmax: Float32Array;
  nested: null;
}

/** 4-bit codes whose scales are quantized once more (double quantization, Dettmers et al. 2023). */
export interface DoubleFourBitWeights {
  /** [ceil(numel / 2)], element 0 of a pair in the high nibble. */
  codes: Uint8Array;
  /** [ceil(numel / blockSize)], codes of the dynamic 8-bit map. */
  absmax: Uint8Array;
  nested: {
    /** [ceil(blocks / 256)] */
    absmax: Float32Array;
    /** Mean of the float32 scales, taken off before they were quantized; a float32 value. */
    offset: number;
  };
}

export interface Quantized4bit extends FourBitWeights {
  statistics: ErrorStatistics;
}

export interface DoubleQuantized4bit extends DoubleFourBitWeights {
  statistics: ErrorStatistics;
}

/** LLM.int8 weights: w = code * rowAbsmax / 127. */
export interface Int8RowsWeights {
  /** [rows, columns], -127..127. */
  codes: Int8Array;
  /** [rows], the `SCB` of bitsandbytes. */
  rowAbsmax: Float32Array;
}

/** What shares one scale: the tensor, a row, or `blockSize` columns within a row (the last block may be shorter). */
export type Granularity =
  { kind: 'tensor' } | { kind: 'row' } | { kind: 'block'; blockSize: number };

/** Linear weights: w = (code - zeroPoint) * scale. */
export interface AffineWeights {
  /** 8 bits: Int8Array [rows, columns]. 4 bits: Uint8Array [ceil(rows * columns / 2)], code + 8, element 0 in the high nibble. */
  codes: Int8Array | Uint8Array;
  /** [1], [rows] or [rows * ceil(columns / blockSize)]. */
  scales: Float32Array;
  /** Like scales; null for `absmax`. */
  zeroPoints: Int8Array | null;
}

export interface AffineSpec {
  /** `absmax`: symmetric, no zero point. `zero-point`: [min, max] is mapped to the whole range of codes. */
  mode: 'absmax' | 'zero-point';
  bits: 8 | 4;
  granularity: Granularity;
}

export interface FourBitSpec {
  type: FourBitType;
  /** Consecutive weights that share a scale: a power of two, 32 to 4096. Blocks run over the flattened tensor. */
  blockSize: number;
}

/** Distribution of the weights of a tensor. */
export interface Histogram {
  /** [bins], equal bins from min to max, both included. */
  counts: Float64Array;
  min: number;
  max: number;
  absmax: number;
}

/** Groups of kernels, each of which is written for some of the instruction sets. */
export type KernelGroup = 'linear' | 'vectors' | 'quantizers' | 'treeHash' | 'scores';
