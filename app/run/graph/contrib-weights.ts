import { AppError } from '../../contract/error.ts';
import { codebook } from '../../../native-kernels/index.ts';
import type { GraphWriter } from './graph-writer.ts';
import {
  affineLayout,
  describe4bit,
  detailOf,
  floatWeight,
  requireRowFormat,
  storedFormOf,
  type LinearContext,
  type MatrixShape,
} from './linear.ts';
import { elementTypes } from './onnx.ts';

/**
 * Weights as ONNX Runtime's own operators take them. The graph refers to the artifact's bytes as they are; what has to
 * be turned round, split or de-nested is written as nodes over them, which ONNX Runtime computes once, while it loads.
 */

/** How a GPU is given what an artifact holds. */
export interface ContribOptions {
  /** Element type of activations, norms and KV cache on the device. */
  readonly activations: 'F16' | 'F32';
  /**
   * How 4-bit values of a table (NF4, FP4) are multiplied: `table` by MatMulBnb4, from their 4 bits; `levels` by
   * MatMulNBits from 8 bits, the table rounded to 127ths of its largest value, as int8 activations on the CPU have it.
   */
  readonly tables: 'table' | 'levels';
  /** Whether MatMulNBits may round the activations of a prompt to int8. @default false */
  readonly int8Activations?: boolean;
}

export interface ContribContext extends LinearContext {
  readonly options: ContribOptions;
}

/** One matrix [N, K], ready to be an operator's input. */
export type ContribWeights =
  | {
      readonly kind: 'blocks';
      readonly bits: 4 | 8;
      /** [N, K / BLOCK, BLOCK * bits / 8]; a code's middle stands for 0 where there are no zero points. */
      readonly codes: string;
      /** [N, K / BLOCK] */
      readonly scales: string;
      /** [N, K / BLOCK * bits / 8, rounded up]; empty: none. */
      readonly zeroPoints: string;
    }
  | {
      readonly kind: 'table';
      readonly type: 'nf4' | 'fp4';
      readonly blockSize: number;
      /** [N * K / 2], the first of two codes in the high half. */
      readonly codes: string;
      /** One for each block of the flattened matrix. */
      readonly absmax: string;
    }
  | {
      readonly kind: 'dense';
      /** [N, K] */
      readonly weight: string;
    };

/** Columns that share a scale in MatMulNBits: the only size that all of its fast kernels know. */
export const BLOCK = 32;

/** Of MatMulNBits: the code that means 0 where none is given. */
const MIDDLE_8 = 0x80;
const MIDDLE_4 = 8;

const { U8, I32 } = elementTypes;

/** The error for what no operator can express. */
export function unfitForGpu(what: string, why: string): AppError {
  return new AppError('unsupported-model', `${what} cannot be computed on a GPU: ${why}.`, {
    remedy: 'Run this model on the CPU (--device cpu).',
  });
}

function cast(writer: GraphWriter, name: string, input: string, to: number): string {
  return writer.standardOperator('Cast', name, [input], { to: { int: to } });
}

/** `input` in the type of the activations. */
export function toActivations({ writer, options }: ContribContext, input: string): string {
  return cast(writer, `${input}.activations`, input, elementTypes[options.activations]);
}

function reshape(
  writer: GraphWriter,
  name: string,
  input: string,
  shape: readonly number[],
): string {
  const dims = writer.constant(`${name}.shape`, 'I64', [shape.length], shape);
  return writer.standardOperator('Reshape', name, [input, dims]);
}

/** Repeats each element of a matrix [rows, columns] `times` times, side by side. */
function repeatColumns(
  writer: GraphWriter,
  name: string,
  input: string,
  [rows, columns]: readonly [number, number],
  times: number,
): string {
  if (times === 1) return reshape(writer, name, input, [rows, columns]);
  const apart = reshape(writer, `${name}.apart`, input, [rows, columns, 1]);
  const dims = writer.constant(`${name}.repeated`, 'I64', [3], [rows, columns, times]);
  const expanded = writer.standardOperator('Expand', `${name}.expanded`, [apart, dims]);
  return reshape(writer, name, expanded, [rows, columns * times]);
}

/** How many of MatMulNBits' blocks lie in one of the artifact's. */
function blocksIn({ module, inFeatures }: MatrixShape, blockSize: number): number {
  if (inFeatures % blockSize !== 0)
    throw unfitForGpu(module, `its blocks of ${blockSize} do not divide its ${inFeatures} columns`);
  if (blockSize % BLOCK !== 0)
    throw unfitForGpu(module, `its blocks of ${blockSize} are no multiple of ${BLOCK} columns`);
  return blockSize / BLOCK;
}

/** The absmax of 4-bit weights in float32, de-nested. */
function absmaxOf(
  { writer }: ContribContext,
  weight: string,
  { absmax, blocks, nested }: ReturnType<typeof describe4bit>,
): string {
  if (nested === null) return absmax;
  const name = `${weight}.absmax.float`;
  const index = cast(writer, `${name}.index`, absmax, I32);
  const values = writer.standardOperator('Gather', `${name}.values`, [nested.map, index]);
  const groups = Math.ceil(blocks / nested.blockSize);
  const repeated = repeatColumns(
    writer,
    `${name}.scales`,
    nested.absmax,
    [1, groups],
    nested.blockSize,
  );
  const flat = reshape(writer, `${name}.flat`, repeated, [-1]);
  const cut = writer.standardOperator('Slice', `${name}.cut`, [
    flat,
    writer.constant(`${name}.from`, 'I64', [1], [0]),
    writer.constant(`${name}.to`, 'I64', [1], [blocks]),
  ]);
  const scaled = writer.standardOperator('Mul', `${name}.scaled`, [values, cut]);
  const offset = writer.constant(`${name}.offset`, 'F32', [1], [nested.offset]);
  return writer.standardOperator('Add', name, [scaled, offset]);
}

/** Both codes of every byte, high half first, as indices into the table. */
function codePairs(): number[] {
  return Array.from({ length: 512 }, (_, i) => (i % 2 === 0 ? i >> 5 : (i >> 1) & 15));
}

function prepare4bit(
  context: ContribContext,
  shape: MatrixShape,
  stateName: string,
): ContribWeights {
  const { writer, options } = context;
  const { module, inFeatures, outFeatures } = shape;
  const weight = `${module}.weight`;
  const described = describe4bit(context, shape, stateName);
  const { type, blockSize, codes, map } = described;
  const absmax = absmaxOf(context, weight, described);
  if (options.tables === 'table') {
    requireUsualTable(context, `${weight}.quant_map`, type, module);
    return { kind: 'table', type, blockSize, codes, absmax: toActivations(context, absmax) };
  }
  const times = blocksIn(shape, blockSize);
  const name = `${weight}.levels`;
  const largest = writer.constant(`${name}.largest`, 'F32', [1], [127]);
  const middle = writer.constant(`${name}.middle`, 'F32', [1], [MIDDLE_8]);
  const steps = writer.standardOperator('Mul', `${name}.steps`, [map, largest]);
  const rounded = writer.standardOperator('Round', `${name}.rounded`, [steps]);
  const shifted = writer.standardOperator('Add', `${name}.shifted`, [rounded, middle]);
  const table = cast(writer, `${name}.table`, shifted, U8);
  const pairs = writer.standardOperator('Gather', `${name}.pairs`, [
    table,
    writer.constant(`${name}.halves`, 'I32', [256, 2], codePairs()),
  ]);
  const index = cast(writer, `${name}.index`, codes, I32);
  const levels = writer.standardOperator('Gather', `${name}.flat`, [pairs, index], {
    axis: { int: 0 },
  });
  const perRow = inFeatures / blockSize;
  const scales = repeatColumns(
    writer,
    `${name}.repeated`,
    writer.standardOperator('Div', `${name}.step`, [absmax, largest]),
    [outFeatures, perRow],
    times,
  );
  return {
    kind: 'blocks',
    bits: 8,
    codes: reshape(writer, name, levels, [outFeatures, inFeatures / BLOCK, BLOCK]),
    scales: toActivations(context, scales),
    zeroPoints: '',
  };
}

/** A table may differ in its last bits from one version of a library to the next. */
const TABLE_TOLERANCE = 1e-6;

function requireUsualTable(
  context: ContribContext,
  name: string,
  type: 'nf4' | 'fp4',
  module: string,
): void {
  const bytes = detailOf(context, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // What bitsandbytes writes; MatMulBnb4 has its tables built in.
  const table = codebook(type);
  const fits =
    bytes.byteLength === table.byteLength &&
    table.every((value, i) => Math.abs(view.getFloat32(i * 4, true) - value) < TABLE_TOLERANCE);
  if (!fits) throw unfitForGpu(module, `its table of values is not the usual one of ${type}`);
}

function prepareInt8Rows(context: ContribContext, shape: MatrixShape): ContribWeights {
  const { writer } = context;
  const { module, inFeatures, outFeatures } = shape;
  requireRowFormat(context, module);
  const times = blocksIn(shape, inFeatures);
  const name = `${module}.weight.rows`;
  const absmax = writer.weight(`${module}.SCB`, { types: ['F32'], shape: [outFeatures] });
  const step = writer.standardOperator('Mul', `${name}.step`, [
    absmax,
    writer.constant(`${name}.inverse`, 'F32', [1], [Math.fround(1 / 127)]),
  ]);
  const scales = repeatColumns(writer, `${name}.scales`, step, [outFeatures, 1], times);
  return {
    kind: 'blocks',
    bits: 8,
    codes: unsignedCodes(writer, shape, name),
    scales: toActivations(context, scales),
    zeroPoints: '',
  };
}

/** Signed codes as MatMulNBits wants them: the sign turned round, so that 128 stands for 0. */
function unsignedCodes(
  writer: GraphWriter,
  { module, inFeatures, outFeatures }: MatrixShape,
  name: string,
): string {
  const codes = writer.bytes(`${module}.weight`, outFeatures * inFeatures);
  const turned = writer.standardOperator('BitwiseXor', `${name}.turned`, [
    codes,
    writer.constant(`${name}.sign`, 'U8', [1], [MIDDLE_8]),
  ]);
  return reshape(writer, name, turned, [outFeatures, inFeatures / BLOCK, BLOCK]);
}

/** Packed codes with the first of two in the low half, where MatMulNBits looks for it. */
function swappedCodes(
  writer: GraphWriter,
  { module, inFeatures, outFeatures }: MatrixShape,
  name: string,
): string {
  const codes = writer.bytes(`${module}.weight`, (outFeatures * inFeatures) / 2);
  const four = writer.constant(`${name}.four`, 'U8', [1], [4]);
  const [low, high] = [0, 1].map((right) =>
    writer.standardOperator('BitShift', `${name}.shifted.${right}`, [codes, four], {
      direction: { text: right === 1 ? 'RIGHT' : 'LEFT' },
    }),
  );
  const swapped = writer.standardOperator('BitwiseOr', `${name}.swapped`, [low ?? '', high ?? '']);
  return reshape(writer, name, swapped, [outFeatures, inFeatures / BLOCK, BLOCK / 2]);
}

/** Zero points of 4 bits, two in a byte along the row, the first in the low half. */
function packedZeroPoints(
  writer: GraphWriter,
  zeroPoints: string,
  [rows, columns]: readonly [number, number],
  name: string,
): string {
  const number = (part: string, value: number): string =>
    writer.constant(`${name}.${part}`, 'U8', [1], [value]);
  const low4 = writer.standardOperator('BitwiseAnd', `${name}.low4`, [
    zeroPoints,
    number('fifteen', 15),
  ]);
  // The low half of a signed code with its sign turned round is the code + 8.
  const unsigned = writer.standardOperator('BitwiseXor', `${name}.unsigned`, [
    low4,
    number('middle', MIDDLE_4),
  ]);
  const isOdd = columns % 2 === 1;
  const even = isOdd
    ? writer.standardOperator(
        'Concat',
        `${name}.even`,
        [
          unsigned,
          writer.standardOperator('Expand', `${name}.filling`, [
            number('zero', 0),
            writer.constant(`${name}.filled`, 'I64', [2], [rows, 1]),
          ]),
        ],
        { axis: { int: 1 } },
      )
    : unsigned;
  const pairs = reshape(writer, `${name}.pairs`, even, [rows, Math.ceil(columns / 2), 2]);
  const [first, second] = [0, 1].map((i) =>
    writer.standardOperator(
      'Gather',
      `${name}.half.${i}`,
      [pairs, writer.constant(`${name}.at.${i}`, 'I32', [], [i])],
      { axis: { int: 2 } },
    ),
  );
  const high = writer.standardOperator(
    'BitShift',
    `${name}.high`,
    [second ?? '', number('four', 4)],
    { direction: { text: 'LEFT' } },
  );
  return writer.standardOperator('BitwiseOr', name, [first ?? '', high]);
}

function prepareAffine(context: ContribContext, shape: MatrixShape): ContribWeights {
  const { writer } = context;
  const { module, inFeatures, outFeatures } = shape;
  const weight = `${module}.weight`;
  const { bits, blocksPerRow } = affineLayout(writer, shape);
  const times = blocksIn(shape, inFeatures / blocksPerRow);
  const stored = [outFeatures, blocksPerRow] as const;
  const name = `${weight}.blocks`;
  const scales = repeatColumns(
    writer,
    `${name}.scales`,
    writer.weight(`${weight}.scales`, { types: ['F32'], shape: stored }),
    stored,
    times,
  );
  return {
    kind: 'blocks',
    bits,
    codes: bits === 8 ? unsignedCodes(writer, shape, name) : swappedCodes(writer, shape, name),
    scales: toActivations(context, scales),
    zeroPoints: affineZeroPoints(writer, weight, stored, times, bits),
  };
}

function affineZeroPoints(
  writer: GraphWriter,
  weight: string,
  [rows, perRow]: readonly [number, number],
  times: number,
  bits: 4 | 8,
): string {
  const stored = `${weight}.zero_points`;
  if (!writer.has(stored)) return '';
  const name = `${weight}.zeros`;
  const bytes = writer.bytes(stored, rows * perRow);
  const repeated = repeatColumns(writer, `${name}.repeated`, bytes, [rows, perRow], times);
  if (bits === 4) return packedZeroPoints(writer, repeated, [rows, perRow * times], name);
  return writer.standardOperator('BitwiseXor', name, [
    repeated,
    writer.constant(`${name}.sign`, 'U8', [1], [MIDDLE_8]),
  ]);
}

/**
 * A matrix in whichever form the file holds it, the choice made layer by layer as for the CPU.
 *
 * @throws AppError `unsupported-model` for what no operator of ONNX Runtime can multiply, `malformed-file`
 */
export function prepareWeights(context: ContribContext, shape: MatrixShape): ContribWeights {
  const { writer } = context;
  const form = storedFormOf(writer, shape.module);
  switch (form.kind) {
    case '4bit':
      return prepare4bit(context, shape, form.stateName);
    case 'int8-rows':
      return prepareInt8Rows(context, shape);
    case 'affine':
      return prepareAffine(context, shape);
    case 'mxfp4':
      throw unfitForGpu(shape.module, 'its weights are stored as MXFP4');
    case 'float':
      return { kind: 'dense', weight: toActivations(context, floatWeight(writer, shape)) };
  }
}
