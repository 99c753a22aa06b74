import {
  codebook,
  quantize4bitFile,
  quantizeAffine,
  quantizeInt8Rows,
} from '../../native-kernels/index.ts';
import type {
  ErrorStatistics,
  FourBitPlaces,
  KernelOptions,
  Written4bit,
} from '../../native-kernels/index.ts';
import type { TensorPlace } from '../checkpoint/index.ts';
import { AppError, assertNever, toAppError } from '../contract/error.ts';
import { schemes } from '../contract/scheme.ts';
import type { SchemeKind, SchemeName } from '../contract/scheme.ts';
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

/** The tables that are stored beside every tensor of a 4-bit scheme, the same for all. */
export function sharedTables({
  type,
  doubleQuant,
}: Extract<SchemeKind, { kind: '4bit' }>): Map<Part, Uint8Array> {
  const tables = new Map<Part, Uint8Array>([['quant_map', bytesOf(codebook(type))]]);
  if (doubleQuant) tables.set('nested_quant_map', bytesOf(codebook('dynamic8')));
  return tables;
}

/**
 * Quantizes one weight matrix in memory, to a scheme of 8 bits or a linear one; those of NF4 and FP4 are made from file
 * to file.
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
          // 0 is the row-major layout, the only one that bitsandbytes still reads.
          ['weight_format', Uint8Array.of(0)],
        ]);
        return { parts, statistics: made.statistics };
      }
      case 'affine': {
        const { mode, bits } = storage;
        const granularity =
          blockSize === 0 ? { kind: 'row' as const } : { kind: 'block' as const, blockSize };
        const made = await quantizeAffine(source, shape, { mode, bits, granularity }, options);
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

/**
 * Quantizes one weight matrix to 4 bits from file to file, so that it never lies in memory as a whole.
 *
 * @throws AppError as `quantizeTensor` does, and what the kernel throws of the files
 */
export async function quantizeTensorFile(
  source: TensorPlace,
  tensor: QuantizedTensor,
  scheme: SchemeName,
  target: FourBitPlaces,
  options: KernelOptions,
): Promise<Written4bit> {
  const { storage } = schemes[scheme];
  if (storage.kind !== '4bit')
    throw new AppError('internal', `${scheme} cannot be made from file to file.`);
  const { path, byteOffset } = source;
  const weights = { path, byteOffset, numel: tensor.numel, type: floatTypes[tensor.dtype] };
  const spec = { type: storage.type, blockSize: tensor.blockSize ?? 0 };
  try {
    return await quantize4bitFile(weights, target, spec, options);
  } catch (error) {
    throw namingTensor(error, tensor, scheme);
  }
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
