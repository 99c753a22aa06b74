import type { ErrorStatistics, KernelOptions } from '../../native-kernels/index.ts';
import type { CheckpointReader, TensorSpec } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import type { SchemeDescription, SchemeName } from '../contract/scheme.ts';
import type { PythonJson } from './python-json.ts';

/** What an output tensor is to its weight matrix. */
export type Part =
  | 'kept'
  | 'codes'
  | 'absmax'
  | 'quant_map'
  | 'nested_absmax'
  | 'nested_quant_map'
  | 'quant_state'
  | 'row_absmax'
  | 'weight_format'
  | 'scales'
  | 'zero_points';

/** Constants of a format, the same for every tensor: they are stored, but do not count as bits of the weights. */
const constantParts: ReadonlySet<Part> = new Set([
  'quant_map',
  'nested_quant_map',
  'quant_state',
  'weight_format',
]);

export interface OutputTensor extends TensorSpec {
  readonly part: Part;
}

/** Whether the bytes of a part grow with the weights: codes and scales, or the weights themselves. */
export function countsAsWeight(part: Part): boolean {
  return !constantParts.has(part);
}

const pythonDtypes = { BF16: 'bfloat16', F16: 'float16', F32: 'float32' } as const;

/** The types of weights that the kernels quantize. */
export type FloatDtype = keyof typeof pythonDtypes;

export function isFloatDtype(dtype: string): dtype is FloatDtype {
  return Object.hasOwn(pythonDtypes, dtype);
}

/** A type's name in PyTorch. */
export function pythonDtype(dtype: FloatDtype): string {
  return pythonDtypes[dtype];
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

/** A weight matrix [rows, columns] that is to be quantized. */
export interface SourceMatrix {
  readonly source: TensorInfo;
  readonly dtype: FloatDtype;
  readonly numel: number;
  /** 0: one scale per row. Null where the format has no blocks. */
  readonly blockSize: number | null;
}

/** Rows and columns of a stored matrix. */
export function matrixShape({ shape }: Pick<TensorInfo, 'shape'>): {
  readonly rows: number;
  readonly columns: number;
} {
  const [rows = 0, columns = 0] = shape;
  return { rows, columns };
}

/** Where the weights of a matrix lie. */
export interface SourcePlace {
  readonly path: string;
  readonly byteOffset: number;
}

/** Where the parts of a matrix go. */
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

/** A weight matrix in its new form. */
export interface TensorParts {
  /** The bytes of every part, as they are stored. */
  readonly parts: ReadonlyMap<Part, Uint8Array>;
  readonly statistics: ErrorStatistics;
}

/** A matrix as an artifact stores it. */
export interface QuantizedMatrix {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Consecutive weights that share a scale; the columns where a row does. */
  readonly blockSize: number;
}

/** A quantized matrix, its weights restored as they are read. */
export interface QuantizedReader {
  readonly numel: number;
  /**
   * Elements [start, end) of the flattened matrix.
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
  /** What each code stands for on an axis where the block's absmax is 1, in the order of the codes. */
  readonly levels: (block: number, absmax: number) => Promise<number[]>;
}

/** What a format makes of one matrix, and how it is read back. */
export interface Quantizer {
  /**
   * The tensors that stand for a weight [rows, columns].
   *
   * @param blockSize Divides the columns; 0 for one scale per row; null where the format has no blocks.
   */
  readonly outputs: (
    source: TensorInfo,
    dtype: FloatDtype,
    blockSize: number | null,
  ) => OutputTensor[];
  /** What is stored beside every matrix, the same for all. */
  readonly tables: () => ReadonlyMap<Part, Uint8Array>;
  /** The text beside the codes of a matrix (part `quant_state`); null where there is none. */
  readonly stateText: ((matrix: SourceMatrix, nestedOffset: number | null) => Uint8Array) | null;
  /**
   * Quantizes from file to file, so that the matrix never lies in memory as a whole. Tables and texts are not written.
   *
   * @throws what the kernel throws; see app/quantize/quantize-tensor.ts
   */
  readonly quantizeFile: (
    weights: SourcePlace,
    matrix: SourceMatrix,
    places: PartPlaces,
    options: KernelOptions,
  ) => Promise<WrittenTensor>;
  /** The same in memory, for devices that do not read files; null where their kernels do. */
  readonly quantizeBytes:
    | ((bytes: Uint8Array, matrix: SourceMatrix, options: KernelOptions) => Promise<TensorParts>)
    | null;
  /** What a weight must not be, in words. */
  readonly refuses: string;
  /** @throws AppError `malformed-file` when a part is missing or has the wrong size */
  readonly reader: (
    artifact: CheckpointReader,
    matrix: QuantizedMatrix,
  ) => Promise<QuantizedReader>;
}

/** What `quantization_config` is made of. */
export interface ConfigFacts {
  readonly scheme: SchemeName;
  readonly blockSize: number | null;
  /** Of the weights that were quantized, in PyTorch's words. */
  readonly computeDtype: string;
  /** Modules that transformers must leave alone; null lets it find the output layer by itself. */
  readonly skipModules: readonly string[] | null;
}

/** The label, the sentence and the place in lists of a scheme, and what may be chosen of it. */
export type SchemeWords = Pick<
  SchemeDescription,
  'name' | 'label' | 'explanation' | 'blockSizes' | 'recommendation'
>;

/** How the weights of a scheme are stored: everything that is particular to it. */
export interface WeightFormat extends SchemeWords, Pick<SchemeDescription, 'family' | 'bits'> {
  /** Stored bits of a weight in a large matrix, scales included. @param blockSize As in `SourceMatrix`. */
  readonly bitsPerWeight: (blockSize: number | null) => number;
  /** Null where every tensor stays as it was published. */
  readonly quantizer: Quantizer | null;
  /** One sentence that pins down every bit of the codes. */
  readonly roundingRule: string;
  /** `quantization_config` of config.json; null for none. */
  readonly config: (facts: ConfigFacts) => PythonJson;
  /** Whether transformers and bitsandbytes load what is made. */
  readonly isReadElsewhere: boolean;
}
