import type { KernelOptions } from '../../native-kernels/index.ts';
import type { TensorPlace } from '../checkpoint/index.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { SchemeName } from '../contract/scheme.ts';
import {
  formatOf,
  type PartPlaces,
  type Quantizer,
  type SourceMatrix,
  type TensorParts,
  type WrittenTensor,
} from '../formats/index.ts';

/** What makes the matrices of a scheme. @throws AppError `internal` for a scheme that quantizes nothing */
export function quantizerOf(scheme: SchemeName): Quantizer {
  const { quantizer } = formatOf(scheme);
  if (quantizer === null) throw new AppError('internal', `${scheme} quantizes nothing.`);
  return quantizer;
}

/**
 * Quantizes one weight matrix in memory, for devices that do not read files.
 *
 * @param bytes The matrix as the checkpoint has it.
 * @throws AppError `invalid-weights`, naming tensor, row and column; `aborted`
 */
export async function quantizeTensor(
  bytes: Uint8Array,
  tensor: SourceMatrix,
  scheme: SchemeName,
  options: KernelOptions,
): Promise<TensorParts> {
  const quantizer = quantizerOf(scheme);
  if (quantizer.quantizeBytes === null)
    throw new AppError('internal', `${tensor.source.name} is not quantized in memory.`);
  try {
    return await quantizer.quantizeBytes(bytes, tensor, options);
  } catch (error) {
    throw namingTensor(error, tensor, quantizer);
  }
}

/**
 * Quantizes one weight matrix from file to file, so that it never lies in memory as a whole. Tables and texts of
 * constant size are not written.
 *
 * @throws AppError as `quantizeTensor` does, and what the kernel throws of the files
 */
export async function quantizeTensorFile(
  source: TensorPlace,
  tensor: SourceMatrix,
  scheme: SchemeName,
  places: PartPlaces,
  options: KernelOptions,
): Promise<WrittenTensor> {
  const quantizer = quantizerOf(scheme);
  const weights = { path: source.path, byteOffset: source.byteOffset };
  try {
    return await quantizer.quantizeFile(weights, tensor, places, options);
  } catch (error) {
    throw namingTensor(error, tensor, quantizer);
  }
}

/** Kernels know an index, not a name: here it becomes a place that a person can find. */
function namingTensor(error: unknown, tensor: SourceMatrix, { refuses }: Quantizer): AppError {
  const known = toAppError(error);
  if (known.code !== 'invalid-weights') return known;
  const { name, shape } = tensor.source;
  const columns = shape[1] ?? 1;
  const index: unknown = error instanceof Error && 'index' in error ? error.index : undefined;
  const place =
    typeof index === 'number'
      ? ` at row ${Math.floor(index / columns)}, column ${index % columns}`
      : '';
  return invalidWeights(name, `${refuses}${place}`, error);
}

/** What is said of a weight that cannot be quantized. */
export function invalidWeights(name: string, what: string, cause: unknown): AppError {
  return new AppError('invalid-weights', `${name} has a weight that is ${what}.`, {
    remedy:
      'The checkpoint is damaged or was saved so: verify it, download it again, or choose another one.',
    cause,
  });
}
