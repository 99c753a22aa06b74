import { loadAddon } from './addon.ts';
import type { ErrorSums } from './error-statistics.ts';
import type { Granularity, InstructionSet, KernelGroup } from './quantizer-types.ts';

/** A flag of the addon's; opaque here. */
export interface Cancellation {
  readonly kind: unique symbol;
}

/** What each call of the addon takes last. */
export interface NativeControl {
  threads?: number | undefined;
  isa?: string | undefined;
  cancellation?: Cancellation | undefined;
  onProgress?: ((fraction: number) => void) | undefined;
  devices?: readonly number[] | undefined;
}

/** What the calls for a matrix from file to file begin with. */
export type MatrixArguments = readonly [
  sourcePath: string,
  sourceOffset: number,
  sourceType: string,
  rows: number,
  columns: number,
  targetPath: string,
  codesOffset: number,
];

/** One scale per `n > 0` columns, per row (undefined), or for the tensor (0). */
type NativeBlockSize = number | undefined;

/** What the addon calls it. */
export function nativeBlockSize(granularity: Granularity): NativeBlockSize {
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

/** The functions that addon/quantizers.cpp, addon/quantize_files.cpp and addon/hashes.cpp register; each refuses arguments that do not fit. */
export interface QuantizerAddon {
  kernelVersions(): Record<InstructionSet, Record<KernelGroup, InstructionSet>>;
  quantize4bit(
    bytes: Uint8Array,
    sourceType: string,
    type: string,
    blockSize: number,
    doubleQuant: boolean,
    control: NativeControl,
  ): Promise<{
    codes: Uint8Array;
    absmax: Float32Array | Uint8Array;
    nestedAbsmax?: Float32Array;
    nestedOffset?: number;
    sums: ErrorSums;
  }>;
  dequantize4bit(
    codes: Uint8Array,
    absmax: Float32Array | Uint8Array,
    nestedAbsmax: Float32Array | undefined,
    nestedOffset: number | undefined,
    type: string,
    blockSize: number,
    numel: number,
    control: NativeControl,
  ): Promise<Float32Array>;
  quantizeInt8Rows(
    bytes: Uint8Array,
    sourceType: string,
    rows: number,
    columns: number,
    control: NativeControl,
  ): Promise<{ codes: Int8Array; rowAbsmax: Float32Array; sums: ErrorSums }>;
  dequantizeInt8Rows(
    codes: Int8Array,
    rowAbsmax: Float32Array,
    rows: number,
    columns: number,
    control: NativeControl,
  ): Promise<Float32Array>;
  quantizeAffine(
    bytes: Uint8Array,
    sourceType: string,
    rows: number,
    columns: number,
    symmetric: boolean,
    bits: number,
    blockSize: NativeBlockSize,
    control: NativeControl,
  ): Promise<{
    codes: Int8Array | Uint8Array;
    scales: Float32Array;
    zeroPoints?: Int8Array;
    sums: ErrorSums;
  }>;
  dequantizeAffine(
    codes: Int8Array | Uint8Array,
    scales: Float32Array,
    zeroPoints: Int8Array | undefined,
    rows: number,
    columns: number,
    bits: number,
    blockSize: NativeBlockSize,
    control: NativeControl,
  ): Promise<Float32Array>;
  histogram(
    bytes: Uint8Array,
    sourceType: string,
    bins: number,
    control: NativeControl,
  ): Promise<{ counts: Float64Array; min: number; max: number }>;
  quantize4bitFile(
    sourcePath: string,
    sourceOffset: number,
    sourceType: string,
    numel: number,
    targetPath: string,
    codesOffset: number,
    absmaxOffset: number,
    nestedAbsmaxOffset: number | undefined,
    type: string,
    blockSize: number,
    control: NativeControl,
  ): Promise<{
    codes: string;
    absmax: string;
    nestedAbsmax?: string;
    nestedOffset?: number;
    sums: ErrorSums;
  }>;
  quantizeAffineFile(
    ...rest: [
      ...matrix: MatrixArguments,
      scalesOffset: number,
      zeroPointsOffset: number | undefined,
      bits: number,
      blockSize: NativeBlockSize,
      control: NativeControl,
    ]
  ): Promise<{ codes: string; scales: string; zeroPoints?: string; sums: ErrorSums }>;
  quantizeInt8RowsFile(
    ...rest: [...matrix: MatrixArguments, rowAbsmaxOffset: number, control: NativeControl]
  ): Promise<{ codes: string; rowAbsmax: string; sums: ErrorSums }>;
  copyHashed(
    sourcePath: string,
    sourceOffset: number,
    length: number,
    targetPath: string,
    targetOffset: number,
    control: NativeControl,
  ): Promise<string>;
  treeHash(bytes: Uint8Array, control: NativeControl): Promise<string>;
  releaseMemory(): void;
  treeHashNow(bytes: Uint8Array): string;
  treeHashFile(
    path: string,
    offset: number,
    length: number,
    control: NativeControl,
  ): Promise<string>;
  codebook(name: string): Float32Array;
  processorFeatures(): { isa: string; available: string[]; features: string[] };
  createCancellation(): Cancellation;
  cancel(cancellation: Cancellation): void;
}

let loaded: QuantizerAddon | undefined;

/** The addon, loaded on first use, so that importing the door costs nothing and fails nowhere. */
export function quantizerAddon(): QuantizerAddon {
  loaded ??= loadAddon() as QuantizerAddon;
  return loaded;
}
