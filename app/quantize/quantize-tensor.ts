import {
  quantize4bitFile,
  quantizeAffine,
  quantizeAffineFile,
  quantizeInt8Rows,
  quantizeInt8RowsFile,
} from '../../native-kernels/index.ts';
import type { ErrorStatistics, KernelOptions } from '../../native-kernels/index.ts';
import type { TensorPlace } from '../checkpoint/index.ts';
import { AppError, assertNever, toAppError } from '../contract/error.ts';
import { schemes } from '../contract/scheme.ts';
import type { SchemeName } from '../contract/scheme.ts';
import { quantStateText } from './output-tensors.ts';
import type { FloatDtype, Part } from './output-tensors.ts';
import type { PlannedTensor } from './plan.ts';

type QuantizedTensor = Extract<PlannedTensor, { treatment: 'quantized' }>;

/** A weight matrix in its new form. */
export interface TensorParts {
  /** The bytes of every part, as they are stored. */
  readonly parts: ReadonlyMap<Part, Uint8Array>;
  readonly statistics: ErrorStatistics;
}

/** The kernels' names of element types. */
export const floatTypes = { BF16: 'bf16', F16: 'f16', F32: 'f32' } as const satisfies Record<
  FloatDtype,
  string
>;

/** The bytes of a typed array, not copied. All platforms that Nibble runs on are little-endian, as the format is. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The stored text beside 4-bit codes. */
export function quantStateBytes(
  type: 'nf4' | 'fp4',
  tensor: QuantizedTensor,
  nestedOffset: number | null,
): Uint8Array {
  return Buffer.from(
    quantStateText(type, tensor.blockSize ?? 0, tensor.dtype, tensor.source.shape, nestedOffset),
  );
}

/**
 * Quantizes one weight matrix in memory, to a scheme of 8 bits or a linear one, for devices that do not read files.
 *
 * @param bytes The matrix as the checkpoint has it.
 * @throws AppError `invalid-weights`, naming tensor, row and column; `aborted`
 */
export async function quantizeTensor(
  bytes: Uint8Array,
  tensor: QuantizedTensor,
  scheme: SchemeName,
  options: KernelOptions,
): Promise<TensorParts> {
  const source = { bytes, type: floatTypes[tensor.dtype] };
  const { storage } = schemes[scheme];
  const [rows = 0, columns = 0] = tensor.source.shape;
  const shape = { rows, columns };
  const blockSize = tensor.blockSize ?? 0;
  try {
    switch (storage.kind) {
      case 'int8-rows': {
        const made = await quantizeInt8Rows(source, shape, options);
        const parts = new Map<Part, Uint8Array>([
          ['codes', bytesOf(made.codes)],
          ['row_absmax', bytesOf(made.rowAbsmax)],
        ]);
        return { parts, statistics: made.statistics };
      }
      case 'affine': {
        const { mode, bits } = storage;
        const spec = { mode, bits, granularity: granularityOf(blockSize) };
        const made = await quantizeAffine(source, shape, spec, options);
        const parts = new Map<Part, Uint8Array>([
          ['codes', bytesOf(made.codes)],
          ['scales', bytesOf(made.scales)],
        ]);
        if (made.zeroPoints !== null) parts.set('zero_points', bytesOf(made.zeroPoints));
        return { parts, statistics: made.statistics };
      }
      case '4bit':
      case 'kept':
        throw new AppError('internal', `${tensor.source.name} is not quantized in memory.`);
      default:
        return assertNever(storage);
    }
  } catch (error) {
    throw namingTensor(error, tensor, scheme);
  }
}

/** Where the parts of a tensor go. */
export interface PartPlaces {
  readonly path: string;
  /** @returns the position of a part in bytes */
  readonly placeOf: (part: Part) => number;
}

/** What was written of a weight matrix. */
export interface WrittenTensor {
  /** Tree hashes of the parts that grow with the weights. */
  readonly hashes: ReadonlyMap<Part, string>;
  /** Only with double quantization. */
  readonly nestedOffset: number | null;
  readonly statistics: ErrorStatistics;
}

/**
 * Quantizes one weight matrix from file to file, so that it never lies in memory as a whole. Tables and texts of
 * constant size are not written.
 *
 * @throws AppError as `quantizeTensor` does, and what the kernel throws of the files
 */
export async function quantizeTensorFile(
  source: TensorPlace,
  tensor: QuantizedTensor,
  scheme: SchemeName,
  { path, placeOf }: PartPlaces,
  options: KernelOptions,
): Promise<WrittenTensor> {
  const { storage } = schemes[scheme];
  const [rows = 0, columns = 0] = tensor.source.shape;
  const shape = { rows, columns };
  const blockSize = tensor.blockSize ?? 0;
  const type = floatTypes[tensor.dtype];
  const weights = { path: source.path, byteOffset: source.byteOffset, type };
  const codes = placeOf('codes');
  try {
    switch (storage.kind) {
      case '4bit': {
        const absmax = placeOf('absmax');
        const nestedAbsmax = storage.doubleQuant ? placeOf('nested_absmax') : null;
        const made = await quantize4bitFile(
          { ...weights, numel: tensor.numel },
          { path, codes, absmax, nestedAbsmax },
          { type: storage.type, blockSize },
          options,
        );
        const hashes = new Map<Part, string>([
          ['codes', made.codes],
          ['absmax', made.absmax],
        ]);
        if (made.nested !== null) hashes.set('nested_absmax', made.nested.absmax);
        const { statistics } = made;
        return { hashes, nestedOffset: made.nested?.offset ?? null, statistics };
      }
      case 'int8-rows': {
        const target = { path, codes, rowAbsmax: placeOf('row_absmax') };
        const made = await quantizeInt8RowsFile(weights, shape, target, options);
        const hashes = new Map<Part, string>([
          ['codes', made.codes],
          ['row_absmax', made.rowAbsmax],
        ]);
        return { hashes, nestedOffset: null, statistics: made.statistics };
      }
      case 'affine': {
        const { mode, bits } = storage;
        const zeroPoints = mode === 'absmax' ? null : placeOf('zero_points');
        const target = { path, codes, scales: placeOf('scales'), zeroPoints };
        const spec = { bits, granularity: granularityOf(blockSize) };
        const made = await quantizeAffineFile(weights, shape, target, spec, options);
        const hashes = new Map<Part, string>([
          ['codes', made.codes],
          ['scales', made.scales],
        ]);
        if (made.zeroPoints !== null) hashes.set('zero_points', made.zeroPoints);
        return { hashes, nestedOffset: null, statistics: made.statistics };
      }
      case 'kept':
        throw new AppError('internal', `${tensor.source.name} is not quantized.`);
      default:
        return assertNever(storage);
    }
  } catch (error) {
    throw namingTensor(error, tensor, scheme);
  }
}

/** One scale per block, or per row where there are none. */
function granularityOf(blockSize: number): { kind: 'row' } | { kind: 'block'; blockSize: number } {
  return blockSize === 0 ? { kind: 'row' } : { kind: 'block', blockSize };
}

/** Kernels know an index, not a name: here it becomes a place that a person can find. */
function namingTensor(error: unknown, tensor: QuantizedTensor, scheme: SchemeName): AppError {
  const known = toAppError(error);
  if (known.code !== 'invalid-weights') return known;
  const { name, shape } = tensor.source;
  const columns = shape[1] ?? 1;
  const index: unknown = error instanceof Error && 'index' in error ? error.index : undefined;
  const place =
    typeof index === 'number'
      ? ` at row ${Math.floor(index / columns)}, column ${index % columns}`
      : '';
  const what = scheme === 'llm-int8' ? 'NaN, infinite or too large for float16' : 'NaN or infinite';
  return invalidWeights(name, `${what}${place}`, error);
}

/** What is said of a weight that cannot be quantized. */
export function invalidWeights(name: string, what: string, cause: unknown): AppError {
  return new AppError('invalid-weights', `${name} has a weight that is ${what}.`, {
    remedy:
      'The checkpoint is damaged or was saved so: verify it, download it again, or choose another one.',
    cause,
  });
}
