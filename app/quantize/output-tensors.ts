import type { TensorSpec } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { assertNever } from '../contract/error.ts';
import type { SchemeKind } from '../contract/scheme.ts';
import { PythonFloat, pythonJson } from './python-json.ts';

/** Scales of double quantization always share a scale of their own in groups of this many. */
const NESTED_BLOCK_SIZE = 256;

/** Entries of the 4-bit tables and of the dynamic 8-bit map. */
const FOUR_BIT_CODES = 16;
const EIGHT_BIT_CODES = 256;

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
    dtype: pythonDtypes[dtype],
    shape,
    ...nested,
  });
}

/** The float32 with the longest text of all: 17 digits and an exponent, or four zeros instead of one. */
const LONGEST_OFFSET = 0.00012345678901234567;

/**
 * The tensors that stand for one linear layer's weight [rows, columns].
 *
 * @param blockSize Divides the columns; 0 for one scale per row; null where the scheme has no blocks.
 */
export function outputTensors(
  source: TensorInfo,
  dtype: FloatDtype,
  storage: Exclude<SchemeKind, { kind: 'kept' }>,
  blockSize: number | null,
): OutputTensor[] {
  const { name } = source;
  const [rows = 0, columns = 0] = source.shape;
  const numel = rows * columns;
  const block = blockSize === null || blockSize === 0 ? columns : blockSize;
  const blocks = block === 0 ? 0 : numel / block;
  switch (storage.kind) {
    case '4bit': {
      const { type, doubleQuant } = storage;
      const longest = quantStateText(
        type,
        block,
        dtype,
        source.shape,
        doubleQuant ? LONGEST_OFFSET : null,
      );
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
    case 'int8-rows': {
      const module = name.replace(/\.weight$/, '');
      return [
        { name, part: 'codes', dtype: 'I8', shape: [rows, columns] },
        { name: `${module}.SCB`, part: 'row_absmax', dtype: 'F32', shape: [rows] },
        { name: `${module}.weight_format`, part: 'weight_format', dtype: 'U8', shape: [] },
      ];
    }
    case 'affine': {
      const perRow = columns === 0 ? 0 : columns / block;
      const codes: OutputTensor =
        storage.bits === 8
          ? { name, part: 'codes', dtype: 'I8', shape: [rows, columns] }
          : { name, part: 'codes', dtype: 'U8', shape: [rows, columns / 2] };
      const scales: OutputTensor = {
        name: `${name}.scales`,
        part: 'scales',
        dtype: 'F32',
        shape: [rows, perRow],
      };
      if (storage.mode === 'absmax') return [codes, scales];
      return [
        codes,
        scales,
        { name: `${name}.zero_points`, part: 'zero_points', dtype: 'I8', shape: [rows, perRow] },
      ];
    }
    default:
      return assertNever(storage);
  }
}
