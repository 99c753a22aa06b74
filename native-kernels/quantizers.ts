import { errorStatistics } from './error-statistics.ts';
import type { ErrorStatistics } from './error-statistics.ts';
import { quantizerAddon } from './quantizers-addon.ts';
import type { NativeControl } from './quantizers-addon.ts';

export type { ErrorStatistics } from './error-statistics.ts';

/** Type of the weights of a checkpoint. */
export type FloatType = 'bf16' | 'f16' | 'f32';

/** 4-bit code tables: NormalFloat4 (Dettmers et al. 2023, QLoRA) and bitsandbytes' 4-bit float. */
export type FourBitType = 'nf4' | 'fp4';

/** Instruction sets that kernels exist for; `reference` is the plain code that defines the bits. */
export type InstructionSet = 'reference' | 'avx2' | 'avx512' | 'avx512-vnni' | 'neon';

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

/**
 * Quantizes to 4 bits exactly as bitsandbytes does on a CPU (Dettmers et al. 2023, QLoRA).
 *
 * code = nearest table entry to w * (1 / absmax) in float32, a tie taking the lower value; see README.md for incomplete
 * blocks and zeros. With `doubleQuant` the scales less their mean are quantized to 8 bits in blocks of 256.
 *
 * @throws (rejects) `invalid-weights` with `index`, the flat index of the first NaN or infinity; `invalid-input`; `aborted`
 */
export async function quantize4bit(
  source: Source,
  spec: FourBitSpec & { doubleQuant: true },
  options?: KernelOptions,
): Promise<DoubleQuantized4bit>;
export async function quantize4bit(
  source: Source,
  spec: FourBitSpec & { doubleQuant: false },
  options?: KernelOptions,
): Promise<Quantized4bit>;
export async function quantize4bit(
  source: Source,
  spec: FourBitSpec & { doubleQuant: boolean },
  options?: KernelOptions,
): Promise<Quantized4bit | DoubleQuantized4bit>;
export async function quantize4bit(
  source: Source,
  spec: FourBitSpec & { doubleQuant: boolean },
  options: KernelOptions = {},
): Promise<Quantized4bit | DoubleQuantized4bit> {
  const result = await controlled(options, (control) =>
    quantizerAddon().quantize4bit(
      source.bytes,
      source.type,
      spec.type,
      spec.blockSize,
      spec.doubleQuant,
      control,
    ),
  );
  const { codes, absmax, nestedAbsmax, nestedOffset, sums } = result;
  const statistics = errorStatistics(sums);
  if (nestedAbsmax === undefined || nestedOffset === undefined) {
    return { codes, absmax: absmax as Float32Array, nested: null, statistics };
  }
  const nested = { absmax: nestedAbsmax, offset: nestedOffset };
  return { codes, absmax: absmax as Uint8Array, nested, statistics };
}

/**
 * The weights that 4-bit codes stand for, float32.
 *
 * @param spec `numel`: number of weights, which odd tensors do not show in their codes
 * @returns [numel]
 */
export async function dequantize4bit(
  weights: FourBitWeights | DoubleFourBitWeights,
  spec: FourBitSpec & { numel: number },
  options: KernelOptions = {},
): Promise<Float32Array> {
  return await controlled(options, (control) =>
    quantizerAddon().dequantize4bit(
      weights.codes,
      weights.absmax,
      weights.nested?.absmax,
      weights.nested?.offset,
      spec.type,
      spec.blockSize,
      spec.numel,
      control,
    ),
  );
}

/**
 * Quantizes each row to int8 as bitsandbytes does for LLM.int8 (Dettmers et al. 2022).
 *
 * Weights are rounded to float16 first; code = round(w * (127 / rowAbsmax)), ties to even. Which activations are outliers
 * is decided when the weights are used, so nothing about them is kept here.
 *
 * @throws (rejects) `invalid-weights` with `index` for NaN, infinity or magnitudes that float16 cannot hold
 */
export async function quantizeInt8Rows(
  source: Source,
  shape: MatrixShape,
  options: KernelOptions = {},
): Promise<Int8RowsWeights & { statistics: ErrorStatistics }> {
  const { codes, rowAbsmax, sums } = await controlled(options, (control) =>
    quantizerAddon().quantizeInt8Rows(
      source.bytes,
      source.type,
      shape.rows,
      shape.columns,
      control,
    ),
  );
  return { codes, rowAbsmax, statistics: errorStatistics(sums) };
}

/** @returns [rows * columns] code * rowAbsmax / 127, float32 */
export async function dequantizeInt8Rows(
  weights: Int8RowsWeights,
  shape: MatrixShape,
  options: KernelOptions = {},
): Promise<Float32Array> {
  return await controlled(options, (control) =>
    quantizerAddon().dequantizeInt8Rows(
      weights.codes,
      weights.rowAbsmax,
      shape.rows,
      shape.columns,
      control,
    ),
  );
}

/**
 * Linear quantization to int8 or int4.
 *
 * - `absmax`: scale = absmax / 127 (4 bits: / 7), code = round(w / scale).
 * - `zero-point`: [min, max], widened to hold 0, is mapped to [-128, 127] (4 bits: [-8, 7]): scale = (max - min) / 255
 *   (15), zeroPoint = round(-128 - min / scale), code = round(w / scale) + zeroPoint. A range symmetric about 0 is
 *   quantized as with `absmax`.
 *
 * Ties go to even, codes are clamped; a group of zeros has scale 0 and codes 0.
 *
 * @throws (rejects) `invalid-weights` with `index` for NaN or infinity
 */
export async function quantizeAffine(
  source: Source,
  shape: MatrixShape,
  spec: AffineSpec,
  options: KernelOptions = {},
): Promise<AffineWeights & { statistics: ErrorStatistics }> {
  const result = await controlled(options, (control) =>
    quantizerAddon().quantizeAffine(
      source.bytes,
      source.type,
      shape.rows,
      shape.columns,
      spec.mode === 'absmax',
      spec.bits,
      nativeBlockSize(spec.granularity),
      control,
    ),
  );
  const { codes, scales, zeroPoints = null, sums } = result;
  return { codes, scales, zeroPoints, statistics: errorStatistics(sums) };
}

/** @returns [rows * columns] (code - zeroPoint) * scale, float32 */
export async function dequantizeAffine(
  weights: AffineWeights,
  shape: MatrixShape,
  spec: Pick<AffineSpec, 'bits' | 'granularity'>,
  options: KernelOptions = {},
): Promise<Float32Array> {
  return await controlled(options, (control) =>
    quantizerAddon().dequantizeAffine(
      weights.codes,
      weights.scales,
      weights.zeroPoints ?? undefined,
      shape.rows,
      shape.columns,
      spec.bits,
      nativeBlockSize(spec.granularity),
      control,
    ),
  );
}

/**
 * Counts weights in equal bins over their range, for a view of a tensor's distribution.
 *
 * @param bins 1 to 65,536
 */
export async function histogram(
  source: Source,
  bins: number,
  options: KernelOptions = {},
): Promise<Histogram> {
  const { counts, min, max } = await controlled(options, (control) =>
    quantizerAddon().histogram(source.bytes, source.type, bins, control),
  );
  return { counts, min, max, absmax: Math.max(-min, max) };
}

/**
 * A code table: the value of each code.
 *
 * @returns [16] for `nf4` and `fp4`; [256] for `dynamic8`, the map that double quantization stores scales with
 */
export function codebook(name: FourBitType | 'dynamic8'): Float32Array {
  return quantizerAddon().codebook(name);
}

/** What the processor offers: the instruction set that kernels use, all it could use, and its feature flags. */
export function processorFeatures(): {
  isa: InstructionSet;
  available: InstructionSet[];
  features: string[];
} {
  const { isa, available, features } = quantizerAddon().processorFeatures();
  return { isa: isa as InstructionSet, available: available as InstructionSet[], features };
}

function nativeBlockSize(granularity: Granularity): number | undefined {
  switch (granularity.kind) {
    case 'tensor':
      return 0;
    case 'row':
      return undefined;
    case 'block':
      // The addon keeps 0 for the whole tensor; as a block size it is as wrong as any other bad number.
      return granularity.blockSize === 0 ? -1 : granularity.blockSize;
  }
}

/** Runs a call of the addon with its options: an aborted signal sets the flag that the kernels look at. */
async function controlled<Result>(
  options: KernelOptions,
  call: (control: NativeControl) => Promise<Result>,
): Promise<Result> {
  const { signal, threads, isa, onProgress } = options;
  const addon = quantizerAddon();
  const cancellation = signal === undefined ? undefined : addon.createCancellation();
  const cancel = () => {
    if (cancellation !== undefined) addon.cancel(cancellation);
  };
  let settled = false;
  // A report may be under way when the promise settles; nobody expects it then.
  const report = (fraction: number) => {
    if (!settled) onProgress?.(fraction);
  };
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await call({
      threads,
      isa,
      cancellation,
      onProgress: onProgress === undefined ? undefined : report,
    });
  } finally {
    settled = true;
    signal?.removeEventListener('abort', cancel);
  }
}
