import type { CheckpointReader } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';

/** Elements in one step: a few milliseconds of work, and a multiple of 256 blocks of every 4-bit block size. */
export const CHUNK_ELEMENTS = 1_048_576;

/** Weights of one tensor, read a range at a time. */
export interface WeightReader {
  readonly numel: number;
  /**
   * Elements [start, end) of the flattened tensor.
   *
   * @param start A multiple of `step`; `end` too, or `numel`.
   */
  readonly read: (
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ) => Promise<Float32Array>;
  /** Elements that can only be read as a whole. */
  readonly step: number;
}

/** The float32 value of each float16 pattern: the language converts one at a time, slowly. */
let halfValues: Float32Array | null = null;

function halves(): Float32Array {
  if (halfValues === null) {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);
    halfValues = Float32Array.from(new Float16Array(patterns.buffer));
  }
  return halfValues;
}

/** How weights of a type become float32; float64 is rounded. Bytes are little-endian, as are all our platforms. */
const converters: Readonly<Partial<Record<string, (bytes: Uint8Array) => Float32Array>>> = {
  BF16: (bytes) => {
    const patterns = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
    const bits = new Uint32Array(patterns.length);
    for (let i = 0; i < patterns.length; i++) bits[i] = (patterns[i] ?? 0) << 16;
    return new Float32Array(bits.buffer);
  },
  F16: (bytes) => {
    const patterns = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
    const table = halves();
    const values = new Float32Array(patterns.length);
    for (let i = 0; i < patterns.length; i++) values[i] = table[patterns[i] ?? 0] ?? 0;
    return values;
  },
  F32: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
  F64: (bytes) =>
    Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8)),
};

/**
 * Reads a tensor that is stored as plain numbers.
 *
 * @throws AppError `invalid-input` when its type holds no weights
 */
export function plainReader(checkpoint: CheckpointReader, tensor: TensorInfo): WeightReader {
  const convert = converters[tensor.dtype];
  if (convert === undefined)
    throw new AppError(
      'invalid-input',
      `${tensor.name} holds ${tensor.dtype} values; only floating-point weights can be looked at.`,
      { remedy: 'Choose another tensor.' },
    );
  const numel = tensor.shape.reduce((product, size) => product * size, 1);
  const bytesEach = numel === 0 ? 0 : tensor.byteLength / numel;
  return {
    numel,
    step: 1,
    read: async (start, end, signal) =>
      convert(await checkpoint.readRange(tensor, start * bytesEach, end * bytesEach, { signal })),
  };
}
