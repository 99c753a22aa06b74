import { controlled } from './controlled.ts';
import { errorStatistics } from './error-statistics.ts';
import type { ErrorStatistics } from './error-statistics.ts';
import type {
  AffineSpec,
  FloatType,
  FourBitSpec,
  KernelOptions,
  MatrixShape,
} from './quantizer-types.ts';
import { nativeBlockSize, quantizerAddon } from './quantizers-addon.ts';
import type { MatrixArguments } from './quantizers-addon.ts';
import type { FileRange } from './tree-hash.ts';

/** Weights in a checkpoint's file: a whole number of them. */
export interface FileSource {
  readonly path: string;
  readonly byteOffset: number;
  readonly numel: number;
  readonly type: FloatType;
}

/** Where the parts of a 4-bit tensor go in a file that exists: positions in bytes. */
export interface FourBitPlaces {
  readonly path: string;
  /** [ceil(numel / 2)] bytes. */
  readonly codes: number;
  /** [blocks] float32, or with double quantization [blocks] bytes. */
  readonly absmax: number;
  /** [ceil(blocks / 256)] float32; null without double quantization. */
  readonly nestedAbsmax: number | null;
}

/** The tree hashes of what was written, and what is not written. */
export interface Written4bit {
  readonly codes: string;
  readonly absmax: string;
  readonly nested: { readonly absmax: string; readonly offset: number } | null;
  readonly statistics: ErrorStatistics;
}

/**
 * `quantize4bit` from file to file: each core reads, quantizes, hashes and writes a piece at a time, so that no tensor
 * lies in memory as a whole. After a failure the same call may be made again.
 *
 * @throws (rejects) as `quantize4bit` does; `malformed-file` when the source ends too soon; `disk-full`; `not-found`;
 * `permission-denied`
 */
export async function quantize4bitFile(
  source: FileSource,
  target: FourBitPlaces,
  spec: FourBitSpec,
  options: KernelOptions = {},
): Promise<Written4bit> {
  const made = await controlled(options, (control) =>
    quantizerAddon().quantize4bitFile(
      source.path,
      source.byteOffset,
      source.type,
      source.numel,
      target.path,
      target.codes,
      target.absmax,
      target.nestedAbsmax ?? undefined,
      spec.type,
      spec.blockSize,
      control,
    ),
  );
  const { codes, absmax, nestedAbsmax, nestedOffset, sums } = made;
  const nested =
    nestedAbsmax === undefined || nestedOffset === undefined
      ? null
      : { absmax: nestedAbsmax, offset: nestedOffset };
  return { codes, absmax, nested, statistics: errorStatistics(sums) };
}

function matrixArguments(
  source: Omit<FileSource, 'numel'>,
  shape: MatrixShape,
  target: { readonly path: string; readonly codes: number },
): MatrixArguments {
  const { path, byteOffset, type } = source;
  return [path, byteOffset, type, shape.rows, shape.columns, target.path, target.codes];
}

/** Where the parts of a linearly quantized matrix go in a file that exists: positions in bytes. */
export interface AffinePlaces {
  readonly path: string;
  /** 8 bits: [rows, columns] bytes. 4 bits: [ceil(rows * columns / 2)] bytes. */
  readonly codes: number;
  /** [rows] or [rows * ceil(columns / blockSize)] float32. */
  readonly scales: number;
  /** As many bytes as there are scales; null for `absmax`. */
  readonly zeroPoints: number | null;
}

/** The tree hashes of what was written. */
export interface WrittenAffine {
  readonly codes: string;
  readonly scales: string;
  readonly zeroPoints: string | null;
  readonly statistics: ErrorStatistics;
}

/**
 * `quantizeAffine` from file to file, as `quantize4bitFile` does it, on the processor. Whether zero points are made
 * follows from their place. One scale for the whole tensor is refused: it takes two passes.
 *
 * @throws (rejects) as `quantize4bitFile` does
 */
export async function quantizeAffineFile(
  source: Omit<FileSource, 'numel'>,
  shape: MatrixShape,
  target: AffinePlaces,
  spec: Pick<AffineSpec, 'bits' | 'granularity'>,
  options: KernelOptions = {},
): Promise<WrittenAffine> {
  const made = await controlled(options, (control) =>
    quantizerAddon().quantizeAffineFile(
      ...matrixArguments(source, shape, target),
      target.scales,
      target.zeroPoints ?? undefined,
      spec.bits,
      nativeBlockSize(spec.granularity),
      control,
    ),
  );
  const { codes, scales, zeroPoints = null, sums } = made;
  return { codes, scales, zeroPoints, statistics: errorStatistics(sums) };
}

/** Where the parts of an LLM.int8 matrix go in a file that exists: positions in bytes. */
export interface Int8RowsPlaces {
  readonly path: string;
  /** [rows, columns] bytes. */
  readonly codes: number;
  /** [rows] float32. */
  readonly rowAbsmax: number;
}

/** The tree hashes of what was written. */
export interface WrittenInt8Rows {
  readonly codes: string;
  readonly rowAbsmax: string;
  readonly statistics: ErrorStatistics;
}

/**
 * `quantizeInt8Rows` from file to file, as `quantize4bitFile` does it, on the processor.
 *
 * @throws (rejects) as `quantize4bitFile` does
 */
export async function quantizeInt8RowsFile(
  source: Omit<FileSource, 'numel'>,
  shape: MatrixShape,
  target: Int8RowsPlaces,
  options: KernelOptions = {},
): Promise<WrittenInt8Rows> {
  const { codes, rowAbsmax, sums } = await controlled(options, (control) =>
    quantizerAddon().quantizeInt8RowsFile(
      ...matrixArguments(source, shape, target),
      target.rowAbsmax,
      control,
    ),
  );
  return { codes, rowAbsmax, statistics: errorStatistics(sums) };
}

/**
 * Copies bytes to a place in a file that exists, on all cores.
 *
 * @returns their tree hash
 * @throws (rejects) `aborted`, `malformed-file` when the source ends too soon, `disk-full`, `not-found`,
 * `permission-denied`
 */
export async function copyHashed(
  source: FileRange,
  target: { readonly path: string; readonly byteOffset: number },
  options: KernelOptions = {},
): Promise<string> {
  return await controlled(options, (control) =>
    quantizerAddon().copyHashed(
      source.path,
      source.byteOffset,
      source.byteLength,
      target.path,
      target.byteOffset,
      control,
    ),
  );
}

/** Gives back the memory that quantizers keep from one tensor for the next: to be called when a job has ended. */
export function releaseQuantizerMemory(): void {
  quantizerAddon().releaseMemory();
}
