import { AppError } from '../../contract/error.ts';
import { floatTypes, type GraphWriter } from './graph-writer.ts';
import { parseQuantState, quantStateSuffixes } from './quant-state.ts';

/** bitsandbytes stores the layout of 8-bit weights as a number; only rows (0) are written since 2024. */
const ROW_FORMAT = 0;

/** Blocks whose absmax share one nested scale. */
const NESTED_BLOCK_SIZE = 256;

/** The bytes of the few tensors whose content shapes the graph, by name (see `describesLayer`). */
export type LayerDetails = ReadonlyMap<string, Uint8Array>;

/** Whether the graph builder must see the bytes of this tensor, and not only its shape. */
export function describesLayer(name: string): boolean {
  return (
    name.endsWith('.weight_format') || quantStateSuffixes.some((suffix) => name.endsWith(suffix))
  );
}

/** The same for a graph of ONNX Runtime's operators, one of which has the tables of 4-bit values built in. */
export function describesStandardLayer(name: string): boolean {
  return describesLayer(name) || name.endsWith('.weight.quant_map');
}

export interface LinearOptions {
  /** Module path in the file, e.g. `model.layers.0.mlp.down_proj`. */
  readonly module: string;
  /** Name of the node and of its output. */
  readonly name: string;
  readonly input: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}

export interface LinearContext {
  readonly writer: GraphWriter;
  readonly details: LayerDetails;
  /** Activations from this magnitude on are outliers for LLM.int8. */
  readonly int8Threshold: number;
}

/** y = x W^T + b, in whichever form the file holds W: the choice is made layer by layer. */
export function addLinear(context: LinearContext, options: LinearOptions): string {
  const { writer } = context;
  const weight = `${options.module}.weight`;
  const state = quantStateSuffixes
    .map((suffix) => `${weight}.${suffix}`)
    .find((name) => writer.has(name));
  if (state !== undefined) return addLinear4(context, options, state);
  if (writer.has(`${options.module}.SCB`)) return addLinearInt8Rows(context, options);
  if (writer.has(`${weight}.scales`)) return addLinearAffine(context, options);
  const { inFeatures, outFeatures } = options;
  return writer.operator('Linear16', options.name, [
    options.input,
    writer.weight(weight, { types: floatTypes, shape: [outFeatures, inFeatures] }),
    biasOf(writer, options),
  ]);
}

/** The module's bias as it is stored; empty where it has none. */
export function biasOf(
  writer: GraphWriter,
  { module, outFeatures, bias }: Pick<LinearOptions, 'module' | 'outFeatures' | 'bias'>,
): string {
  return bias ? writer.weight(`${module}.bias`, { types: floatTypes, shape: [outFeatures] }) : '';
}

/** The bytes of a tensor for which `describesLayer` holds. */
export function detailOf({ details }: LinearContext, name: string): Uint8Array {
  const bytes = details.get(name);
  if (bytes === undefined) throw new AppError('internal', `The bytes of ${name} were not read.`);
  return bytes;
}

/** The tensors of one matrix of 4-bit codes, and what they mean. */
export interface Stored4bit {
  readonly type: 'nf4' | 'fp4';
  readonly blockSize: number;
  readonly blocks: number;
  /** [ceil(N * K / 2)] */
  readonly codes: string;
  /** The table of 16 values. */
  readonly map: string;
  /** [blocks] float32, or codes of it where it is nested. */
  readonly absmax: string;
  readonly nested: {
    readonly absmax: string;
    readonly map: string;
    readonly offset: number;
    readonly blockSize: number;
  } | null;
}

/**
 * Refers to the tensors of a matrix of 4-bit codes.
 *
 * @throws AppError `malformed-file` when they do not fit each other or config.json
 */
export function describe4bit(
  context: LinearContext,
  { module, inFeatures, outFeatures }: Pick<LinearOptions, 'module' | 'inFeatures' | 'outFeatures'>,
  stateName: string,
): Stored4bit {
  const { writer } = context;
  const weight = `${module}.weight`;
  const { type, blockSize, shape, nestedOffset } = parseQuantState(
    detailOf(context, stateName),
    stateName,
  );
  if (shape[0] !== outFeatures || shape[1] !== inFeatures)
    throw new AppError(
      'malformed-file',
      `${stateName} describes a [${shape.join(', ')}] matrix but config.json asks for [${outFeatures}, ${inFeatures}].`,
    );
  const count = outFeatures * inFeatures;
  const blocks = Math.ceil(count / blockSize);
  const codes = writer.bytes(weight, Math.ceil(count / 2));
  const map = writer.weight(`${weight}.quant_map`, { types: ['F32'], shape: [16] });
  const absmaxName = `${weight}.absmax`;
  const isNested = writer.tensor(absmaxName).dtype === 'U8';
  if (isNested && nestedOffset === null)
    throw new AppError(
      'malformed-file',
      `${absmaxName} is quantized but ${stateName} has no nested_offset.`,
    );
  const absmax = writer.weight(absmaxName, { types: [isNested ? 'U8' : 'F32'], shape: [blocks] });
  const nested = isNested
    ? {
        absmax: writer.weight(`${weight}.nested_absmax`, {
          types: ['F32'],
          shape: [Math.ceil(blocks / NESTED_BLOCK_SIZE)],
        }),
        map: writer.weight(`${weight}.nested_quant_map`, { types: ['F32'], shape: [256] }),
        offset: nestedOffset ?? 0,
        blockSize: NESTED_BLOCK_SIZE,
      }
    : null;
  return { type, blockSize, blocks, codes, map, absmax, nested };
}

function addLinear4(context: LinearContext, options: LinearOptions, stateName: string): string {
  const { writer } = context;
  const { name, input, inFeatures, outFeatures } = options;
  const { blockSize, codes, map, absmax, nested } = describe4bit(context, options, stateName);
  return writer.operator(
    'Linear4',
    name,
    [input, codes, absmax, map, nested?.absmax ?? '', nested?.map ?? '', biasOf(writer, options)],
    {
      in_features: { int: inFeatures },
      out_features: { int: outFeatures },
      block_size: { int: blockSize },
      nested_offset: { float: nested?.offset ?? 0 },
    },
  );
}

/** @throws AppError `malformed-file` for the layouts of int8 weights that bitsandbytes no longer writes */
export function requireRowFormat(context: LinearContext, module: string): void {
  const format = `${module}.weight_format`;
  if (context.writer.has(format) && detailOf(context, format)[0] !== ROW_FORMAT)
    throw new AppError(
      'malformed-file',
      `${format} names a layout that bitsandbytes gave up; only rows can be read.`,
      { remedy: 'Quantize the original checkpoint again.' },
    );
}

function addLinearInt8Rows(context: LinearContext, options: LinearOptions): string {
  const { writer, int8Threshold } = context;
  const { module, name, input, inFeatures, outFeatures } = options;
  requireRowFormat(context, module);
  return writer.operator(
    'LinearInt8Rows',
    name,
    [
      input,
      writer.weight(`${module}.weight`, { types: ['I8'], shape: [outFeatures, inFeatures] }),
      writer.weight(`${module}.SCB`, { types: ['F32'], shape: [outFeatures] }),
      biasOf(writer, options),
    ],
    { threshold: { float: int8Threshold } },
  );
}

function addLinearAffine({ writer }: LinearContext, options: LinearOptions): string {
  const { module, name, input, inFeatures, outFeatures } = options;
  const weight = `${module}.weight`;
  const scalesName = `${weight}.scales`;
  const zeroPointsName = `${weight}.zero_points`;
  const bits = writer.tensor(weight).dtype === 'I8' ? 8 : 4;
  // One column per block of the row, so the shape alone says how long a block is.
  const blocksPerRow = writer.tensor(scalesName).shape[1] ?? 0;
  if (blocksPerRow === 0 || inFeatures % blocksPerRow !== 0)
    throw new AppError(
      'malformed-file',
      `${scalesName} has ${blocksPerRow} scales per row, which do not divide ${inFeatures} columns.`,
    );
  const shape = [outFeatures, blocksPerRow];
  return writer.operator(
    'LinearAffine',
    name,
    [
      input,
      bits === 8
        ? writer.weight(weight, { types: ['I8'], shape: [outFeatures, inFeatures] })
        : writer.bytes(weight, Math.ceil((outFeatures * inFeatures) / 2)),
      writer.weight(scalesName, { types: ['F32'], shape }),
      writer.has(zeroPointsName) ? writer.weight(zeroPointsName, { types: ['I8'], shape }) : '',
      biasOf(writer, options),
    ],
    {
      in_features: { int: inFeatures },
      out_features: { int: outFeatures },
      bits: { int: bits },
      block_size: { int: inFeatures / blocksPerRow },
    },
  );
}
