import { z } from 'zod';
import {
  codebook,
  dequantize4bit,
  dequantizeAffine,
  dequantizeInt8Rows,
} from '../../native-kernels/index.ts';
import type { KernelOptions } from '../../native-kernels/index.ts';
import type { CheckpointReader } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { AppError, assertNever } from '../contract/error.ts';
import type { SchemeKind } from '../contract/scheme.ts';
import type { WeightReader } from './weight-reader.ts';

/** Blocks that share a scale of scales. */
const NESTED_BLOCKS = 256;

/** The part of bitsandbytes' text that is needed here; it comes from a file that anybody may have changed. */
const quantStateSchema = z.looseObject({ nested_offset: z.number() });

/** A matrix as an artifact stores it. */
export interface QuantizedMatrix {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Consecutive weights that share a scale; the columns where a row does. */
  readonly blockSize: number;
  readonly storage: Exclude<SchemeKind, { kind: 'kept' }>;
}

/** A quantized matrix, its weights restored as they are read. */
export interface QuantizedReader extends WeightReader {
  /** What each code stands for on an axis where the block's absmax is 1, in the order of the codes. */
  readonly levels: (block: number, absmax: number) => Promise<number[]>;
}

/** A part of an artifact, checked to have the bytes that its matrix needs. */
function partOf(artifact: CheckpointReader, name: string, byteLength: number): TensorInfo {
  const part = artifact.tensors.find((tensor) => tensor.name === name);
  if (part?.byteLength === byteLength) return part;
  throw new AppError(
    'malformed-file',
    part === undefined
      ? `The artifact in ${artifact.directory} has no tensor ${name}.`
      : `${name} has ${part.byteLength} bytes instead of ${byteLength}.`,
    { remedy: 'Run `nibble verify` on the artifact, or make it again.' },
  );
}

const floatsOf = (bytes: Uint8Array): Float32Array =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const signedOf = (bytes: Uint8Array): Int8Array =>
  new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function kernelOptions(signal: AbortSignal | undefined): KernelOptions {
  return signal === undefined ? {} : { signal };
}

async function nestedOffset(
  artifact: CheckpointReader,
  name: string,
  type: string,
): Promise<number> {
  const stateName = `${name}.quant_state.bitsandbytes__${type}`;
  const state = artifact.tensors.find((tensor) => tensor.name === stateName);
  const text = state === undefined ? '' : Buffer.from(await artifact.readTensor(state)).toString();
  try {
    return quantStateSchema.parse(JSON.parse(text)).nested_offset;
  } catch (cause) {
    throw new AppError('malformed-file', `${stateName} does not tell the offset of its scales.`, {
      remedy: 'Run `nibble verify` on the artifact, or make it again.',
      cause,
    });
  }
}

async function fourBitReader(
  artifact: CheckpointReader,
  { name, rows, columns, blockSize }: QuantizedMatrix,
  { type, doubleQuant }: Extract<SchemeKind, { kind: '4bit' }>,
): Promise<QuantizedReader> {
  const numel = rows * columns;
  const blocks = numel / blockSize;
  const codes = partOf(artifact, name, numel / 2);
  const absmax = partOf(artifact, `${name}.absmax`, doubleQuant ? blocks : blocks * 4);
  const nested = doubleQuant
    ? {
        absmax: partOf(artifact, `${name}.nested_absmax`, Math.ceil(blocks / NESTED_BLOCKS) * 4),
        offset: await nestedOffset(artifact, name, type),
      }
    : null;
  return {
    numel,
    step: blockSize * (doubleQuant ? NESTED_BLOCKS : 1),
    read: async (start, end, signal) => {
      const spec = { type, blockSize, numel: end - start };
      const [first, last] = [start / blockSize, end / blockSize];
      const codeBytes = await artifact.readRange(codes, start / 2, end / 2, { signal });
      if (nested === null) {
        const scales = await artifact.readRange(absmax, first * 4, last * 4, { signal });
        return dequantize4bit(
          { codes: codeBytes, absmax: floatsOf(scales), nested: null },
          spec,
          kernelOptions(signal),
        );
      }
      const scales = await artifact.readRange(absmax, first, last, { signal });
      const group = first / NESTED_BLOCKS;
      const groupEnd = Math.ceil(last / NESTED_BLOCKS);
      const outer = await artifact.readRange(nested.absmax, group * 4, groupEnd * 4, { signal });
      return dequantize4bit(
        {
          codes: codeBytes,
          absmax: scales,
          nested: { absmax: floatsOf(outer), offset: nested.offset },
        },
        spec,
        kernelOptions(signal),
      );
    },
    levels: () => Promise.resolve([...codebook(type)]),
  };
}

function rowsReader(
  artifact: CheckpointReader,
  { name, rows, columns }: QuantizedMatrix,
): QuantizedReader {
  const codes = partOf(artifact, name, rows * columns);
  const absmax = partOf(artifact, `${name.replace(/\.weight$/, '')}.SCB`, rows * 4);
  return {
    numel: rows * columns,
    step: columns,
    read: async (start, end, signal) => {
      const [first, last] = [start / columns, end / columns];
      const codeBytes = await artifact.readRange(codes, start, end, { signal });
      const scales = await artifact.readRange(absmax, first * 4, last * 4, { signal });
      return dequantizeInt8Rows(
        { codes: signedOf(codeBytes), rowAbsmax: floatsOf(scales) },
        { rows: last - first, columns },
        kernelOptions(signal),
      );
    },
    levels: () => Promise.resolve(Array.from({ length: 255 }, (_, i) => (i - 127) / 127)),
  };
}

function affineReader(
  artifact: CheckpointReader,
  { name, rows, columns, blockSize }: QuantizedMatrix,
  { mode, bits }: Extract<SchemeKind, { kind: 'affine' }>,
): QuantizedReader {
  const perRow = columns / blockSize;
  const bytesPerRow = (columns * bits) / 8;
  const codes = partOf(artifact, name, rows * bytesPerRow);
  const scales = partOf(artifact, `${name}.scales`, rows * perRow * 4);
  const zeroPoints =
    mode === 'zero-point' ? partOf(artifact, `${name}.zero_points`, rows * perRow) : null;
  const granularity =
    blockSize === columns ? { kind: 'row' as const } : { kind: 'block' as const, blockSize };
  const most = 2 ** (bits - 1) - 1;
  return {
    numel: rows * columns,
    step: columns,
    read: async (start, end, signal) => {
      const [first, last] = [start / columns, end / columns];
      const codeBytes = await artifact.readRange(codes, first * bytesPerRow, last * bytesPerRow, {
        signal,
      });
      const [from, to] = [first * perRow, last * perRow];
      const scaleBytes = await artifact.readRange(scales, from * 4, to * 4, { signal });
      return dequantizeAffine(
        {
          codes: bits === 8 ? signedOf(codeBytes) : codeBytes,
          scales: floatsOf(scaleBytes),
          zeroPoints:
            zeroPoints === null
              ? null
              : signedOf(await artifact.readRange(zeroPoints, from, to, { signal })),
        },
        { rows: last - first, columns },
        { bits, granularity },
        kernelOptions(signal),
      );
    },
    levels: async (block, absmax) => {
      if (zeroPoints === null)
        return Array.from({ length: 2 * most + 1 }, (_, i) => (i - most) / most);
      const scaleBytes = await artifact.readRange(scales, block * 4, block * 4 + 4);
      const scale = floatsOf(scaleBytes)[0] ?? 0;
      const zero = signedOf(await artifact.readRange(zeroPoints, block, block + 1))[0] ?? 0;
      return Array.from({ length: 2 * most + 2 }, (_, i) =>
        absmax === 0 ? 0 : ((i - most - 1 - zero) * scale) / absmax,
      );
    },
  };
}

/**
 * Reads a matrix of an artifact, dequantized by the kernels.
 *
 * @throws AppError `malformed-file` when a part is missing or has the wrong size
 */
export async function quantizedReader(
  artifact: CheckpointReader,
  matrix: QuantizedMatrix,
): Promise<QuantizedReader> {
  switch (matrix.storage.kind) {
    case '4bit':
      return fourBitReader(artifact, matrix, matrix.storage);
    case 'int8-rows':
      return rowsReader(artifact, matrix);
    case 'affine':
      return affineReader(artifact, matrix, matrix.storage);
    default:
      return assertNever(matrix.storage);
  }
}
