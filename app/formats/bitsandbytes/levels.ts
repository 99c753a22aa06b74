import { z } from 'zod';
import { codebook, dequantize4bit, quantize4bitFile } from '../../../native-kernels/index.ts';
import type { CheckpointReader } from '../../checkpoint/index.ts';
import { AppError } from '../../contract/error.ts';
import {
  bytesOf,
  floatTypes,
  pythonDtype,
  type FloatDtype,
  type OutputTensor,
  type Part,
  type QuantizedMatrix,
  type QuantizedReader,
  type SchemeWords,
  type WeightFormat,
} from '../format.ts';
import { floatsOf, kernelOptions, partOf } from '../parts.ts';
import { PythonFloat, pythonJson } from '../python-json.ts';
import { bitsandbytesConfig } from './config.ts';

/** Codes of 4 bits that stand for 16 levels, with an absmax for every block of the flattened matrix (Dettmers et al. 2023). */

/** Scales of double quantization always share a scale of their own in groups of this many. */
const NESTED_BLOCK_SIZE = 256;

/** What bitsandbytes reads; 64 is what it makes where nothing else is asked. */
const BLOCK_SIZES = [64, 32, 128, 256, 512, 1024, 2048, 4096] as const;

/** Entries of the 4-bit tables and of the dynamic 8-bit map. */
const FOUR_BIT_CODES = 16;
const EIGHT_BIT_CODES = 256;

export interface LevelsParameters {
  readonly type: 'nf4' | 'fp4';
  readonly doubleQuant: boolean;
}

/** The part of bitsandbytes' text that is needed here; it comes from a file that anybody may have changed. */
const quantStateSchema = z.looseObject({ nested_offset: z.number() });

/**
 * The text that bitsandbytes keeps beside 4-bit codes, byte for byte.
 *
 * @param nestedOffset Only with double quantization: a float32 value.
 */
export function quantStateText(
  type: 'nf4' | 'fp4',
  blockSize: number,
  dtype: FloatDtype,
  shape: readonly number[],
  nestedOffset: number | null,
): string {
  const nested =
    nestedOffset === null
      ? {}
      : {
          nested_blocksize: NESTED_BLOCK_SIZE,
          nested_dtype: 'float32',
          nested_offset: new PythonFloat(nestedOffset),
        };
  return pythonJson({
    quant_type: type,
    blocksize: blockSize,
    dtype: pythonDtype(dtype),
    shape,
    ...nested,
  });
}

/** The float32 with the longest text of all: 17 digits and an exponent, or four zeros instead of one. */
const LONGEST_OFFSET = 0.00012345678901234567;

function outputs(
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
  dtype: FloatDtype,
  block: number,
  { type, doubleQuant }: LevelsParameters,
): OutputTensor[] {
  const [rows = 0, columns = 0] = shape;
  const numel = rows * columns;
  const blocks = block === 0 ? 0 : numel / block;
  const longest = quantStateText(type, block, dtype, shape, doubleQuant ? LONGEST_OFFSET : null);
  const nested: OutputTensor[] = doubleQuant
    ? [
        {
          name: `${name}.nested_absmax`,
          part: 'nested_absmax',
          dtype: 'F32',
          shape: [Math.ceil(blocks / NESTED_BLOCK_SIZE)],
        },
        {
          name: `${name}.nested_quant_map`,
          part: 'nested_quant_map',
          dtype: 'F32',
          shape: [EIGHT_BIT_CODES],
        },
      ]
    : [];
  return [
    { name, part: 'codes', dtype: 'U8', shape: [numel / 2, 1] },
    {
      name: `${name}.absmax`,
      part: 'absmax',
      dtype: doubleQuant ? 'U8' : 'F32',
      shape: [blocks],
    },
    { name: `${name}.quant_map`, part: 'quant_map', dtype: 'F32', shape: [FOUR_BIT_CODES] },
    ...nested,
    {
      name: `${name}.quant_state.bitsandbytes__${type}`,
      part: 'quant_state',
      dtype: 'U8',
      shape: [Buffer.byteLength(longest)],
      isVariable: doubleQuant,
    },
  ];
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
  { type, doubleQuant }: LevelsParameters,
): Promise<QuantizedReader> {
  const numel = rows * columns;
  const blocks = numel / blockSize;
  const codes = partOf(artifact, name, numel / 2);
  const absmax = partOf(artifact, `${name}.absmax`, doubleQuant ? blocks : blocks * 4);
  const nested = doubleQuant
    ? {
        absmax: partOf(
          artifact,
          `${name}.nested_absmax`,
          Math.ceil(blocks / NESTED_BLOCK_SIZE) * 4,
        ),
        offset: await nestedOffset(artifact, name, type),
      }
    : null;
  return {
    numel,
    step: blockSize * (doubleQuant ? NESTED_BLOCK_SIZE : 1),
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
      const group = first / NESTED_BLOCK_SIZE;
      const groupEnd = Math.ceil(last / NESTED_BLOCK_SIZE);
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

/** NF4 and FP4, byte for byte as bitsandbytes stores them. */
export function levels(
  parameters: LevelsParameters,
  words: Omit<SchemeWords, 'blockSizes'>,
): WeightFormat {
  const { type, doubleQuant } = parameters;
  return {
    ...words,
    family: 'bitsandbytes',
    bits: 4,
    blockSizes: [...BLOCK_SIZES],
    bitsPerWeight: (blockSize) => {
      const block = blockSize ?? BLOCK_SIZES[0];
      return 4 + (doubleQuant ? 8 + 32 / NESTED_BLOCK_SIZE : 32) / block;
    },
    quantizer: {
      outputs: (source, dtype, blockSize) =>
        outputs(
          source,
          dtype,
          blockSize === null || blockSize === 0 ? (source.shape[1] ?? 0) : blockSize,
          parameters,
        ),
      tables: () => {
        const tables = new Map<Part, Uint8Array>([['quant_map', bytesOf(codebook(type))]]);
        if (doubleQuant) tables.set('nested_quant_map', bytesOf(codebook('dynamic8')));
        return tables;
      },
      stateText: ({ blockSize, dtype, source }, nestedOffset) =>
        Buffer.from(quantStateText(type, blockSize ?? 0, dtype, source.shape, nestedOffset)),
      quantizeFile: async (weights, matrix, { path, placeOf }, options) => {
        const absmax = placeOf('absmax');
        const nestedAbsmax = doubleQuant ? placeOf('nested_absmax') : null;
        const made = await quantize4bitFile(
          { ...weights, type: floatTypes[matrix.dtype], numel: matrix.numel },
          { path, codes: placeOf('codes'), absmax, nestedAbsmax },
          { type, blockSize: matrix.blockSize ?? 0 },
          options,
        );
        const hashes = new Map<Part, string>([
          ['codes', made.codes],
          ['absmax', made.absmax],
        ]);
        if (made.nested !== null) hashes.set('nested_absmax', made.nested.absmax);
        const { statistics } = made;
        return { hashes, nestedOffset: made.nested?.offset ?? null, statistics };
      },
      quantizeBytes: null,
      refuses: 'NaN or infinite',
      reader: (artifact, matrix) => fourBitReader(artifact, matrix, parameters),
    },
    roundingRule: `nearest ${type} value to w * (1 / absmax) in float32, ties to the lower value${
      doubleQuant
        ? '; absmax - mean(absmax) in the dynamic 8-bit map, blocks of 256, as bitsandbytes on a CPU'
        : ''
    }`,
    config: (facts) => bitsandbytesConfig(facts, parameters),
    isReadElsewhere: true,
  };
}
