import { controlled } from './controlled.ts';
import { errorStatistics } from './error-statistics.ts';
import type { ErrorStatistics } from './error-statistics.ts';
import { nativeBlockSize, quantizerAddon } from './quantizers-addon.ts';
import type {
  AffineSpec,
  AffineWeights,
  DoubleFourBitWeights,
  DoubleQuantized4bit,
  FourBitSpec,
  FourBitType,
  FourBitWeights,
  Histogram,
  InstructionSet,
  Int8RowsWeights,
  KernelOptions,
  MatrixShape,
  Quantized4bit,
  Source,
  KernelGroup,
} from './quantizer-types.ts';

export type * from './quantizer-types.ts';
export type { ErrorStatistics } from './error-statistics.ts';

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

/**
 * For every instruction set that kernels were compiled for, whether or not this processor has it: of each group, the set
 * whose version runs there.
 */
export function kernelVersions(): Record<InstructionSet, Record<KernelGroup, InstructionSet>> {
  return quantizerAddon().kernelVersions();
}

/** What the processor offers: the instruction set that kernels use, all it could use, and its feature flags. */
export function processorFeatures(): {
  isa: InstructionSet;
  available: InstructionSet[];
  features: string[];
} {
  return quantizerAddon().processorFeatures();
}
