import { AppError } from '../../contract/error.ts';
import type { TransposedBlock } from '../../models/index.ts';
import { floatTypes, type GraphWriter } from './graph-writer.ts';
import type { Attribute } from './onnx.ts';
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
export function describesContribLayer(name: string): boolean {
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
  /** The module whose `bias` it has. @default its own */
  readonly biasModule?: string;
}

export interface LinearContext {
  readonly writer: GraphWriter;
  readonly details: LayerDetails;
  /** Activations from this magnitude on are outliers for LLM.int8. */
  readonly int8Threshold: number;
  /** Whether every matrix gets a node of its own. @default false */
  readonly separate?: boolean;
}

/** One matrix as the operators `Linear` and `Experts` take it. */
interface StoredMatrix {
  /** Its row of native-kernels/formats.def. */
  readonly format: string;
  readonly codes: string;
  readonly scales?: string;
  readonly zeroPoints?: string;
  readonly levels?: string;
  readonly nested?: Stored4bit['nested'];
  /** Weights that share a scale. */
  readonly blockSize?: number;
  /** Activations from this magnitude on are outliers. */
  readonly threshold?: number;
  /** Of floats that lie by columns: `Linear` turns them round while loading, `Experts` reads them so. */
  readonly transposed?: TransposedBlock;
}

/** How a file holds a matrix; of 4-bit codes with the name of the tensor that describes them. */
export type StoredForm =
  | { readonly kind: '4bit'; readonly stateName: string }
  | { readonly kind: 'int8-rows' | 'affine' | 'mxfp4' | 'float' };

/** The choice is made layer by layer. */
export function storedFormOf(writer: GraphWriter, module: string): StoredForm {
  const weight = `${module}.weight`;
  const stateName = quantStateSuffixes
    .map((suffix) => `${weight}.${suffix}`)
    .find((name) => writer.has(name));
  if (stateName !== undefined) return { kind: '4bit', stateName };
  if (writer.has(`${module}.SCB`)) return { kind: 'int8-rows' };
  if (writer.has(`${module}.blocks`)) return { kind: 'mxfp4' };
  return { kind: writer.has(`${weight}.scales`) ? 'affine' : 'float' };
}

/** Where a matrix lies in the file, and how large it is. */
export type MatrixShape = Pick<LinearOptions, 'module' | 'inFeatures' | 'outFeatures'>;

/** Refers to a matrix of floating-point numbers. */
export function floatWeight(
  writer: GraphWriter,
  { module, inFeatures, outFeatures }: MatrixShape,
): string {
  return writer.weight(`${module}.weight`, { types: floatTypes, shape: [outFeatures, inFeatures] });
}

/** How the file holds W: the choice is made layer by layer. */
function describeLinear(context: LinearContext, options: LinearOptions): StoredMatrix {
  const { writer } = context;
  const form = storedFormOf(writer, options.module);
  switch (form.kind) {
    case '4bit':
      return describeLevels(context, options, form.stateName);
    case 'int8-rows':
      return describeInt8Rows(context, options);
    case 'affine':
      return describeAffine(context, options);
    case 'mxfp4':
      return describeMxfp4(context, options);
    case 'float': {
      const codes = floatWeight(writer, options);
      const { dtype, transposed } = writer.tensor(codes);
      return { format: dtype.toLowerCase(), codes, ...(transposed ? { transposed } : {}) };
    }
  }
}

/** What a node holds of several matrices: its stored inputs and its attributes. */
export interface NodeMatrices {
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

function matricesOf(
  { writer }: LinearContext,
  matrices: readonly { readonly options: LinearOptions; readonly matrix: StoredMatrix }[],
): NodeMatrices {
  const inputs: string[] = [];
  // Written one by one: this runs for every layer of a model before its first word, in code that is not warm yet.
  const attributes: Record<string, Attribute> = {};
  matrices.forEach(({ options, matrix }, part) => {
    const { codes, scales = '', zeroPoints = '', levels = '', nested, transposed } = matrix;
    inputs.push(codes, scales, zeroPoints, levels);
    inputs.push(nested?.absmax ?? '', nested?.map ?? '', biasOf(writer, options));
    // The number of a matrix in the node stands behind the names of its attributes; the first has none.
    const number = part === 0 ? '' : `${part}`;
    attributes[`format${number}`] = { text: matrix.format };
    attributes[`out_features${number}`] = { int: options.outFeatures };
    if (part === 0 || options.inFeatures !== matrices[0]?.options.inFeatures)
      attributes[`in_features${number}`] = { int: options.inFeatures };
    if (matrix.blockSize !== undefined)
      attributes[`block_size${number}`] = { int: matrix.blockSize };
    if (nested) attributes[`nested_offset${number}`] = { float: nested.offset };
    if (matrix.threshold !== undefined)
      attributes[`threshold${number}`] = { float: matrix.threshold };
    if (transposed !== undefined) {
      attributes[`transposed_width${number}`] = { int: transposed.width };
      attributes[`transposed_first${number}`] = { int: transposed.first };
      attributes[`transposed_step${number}`] = { int: transposed.step };
    }
  });
  return { inputs, attributes };
}

/** The same for matrices that the file holds in any form. */
export function storedMatrices(
  context: LinearContext,
  matrices: readonly LinearOptions[],
): NodeMatrices {
  const described = matrices.map((options) => ({
    options,
    matrix: describeLinear(context, options),
  }));
  return matricesOf(context, described);
}

/** Products of the same activations in one node. */
function addNode(
  context: LinearContext,
  name: string,
  matrices: readonly { readonly options: LinearOptions; readonly matrix: StoredMatrix }[],
): void {
  const { inputs, attributes } = matricesOf(context, matrices);
  const parts = matrices.length > 1 ? { parts: { int: matrices.length } } : {};
  context.writer.operatorOf(
    'Linear',
    name,
    [matrices[0]?.options.input ?? '', ...inputs],
    { ...attributes, ...parts },
    matrices.map(({ options }) => options.name),
  );
}

/** Whether one node is to hold them: floats gain nothing by it. */
function fitFused(matrices: readonly StoredMatrix[]): boolean {
  const [first] = matrices;
  return (
    first?.scales !== undefined &&
    matrices.every(
      ({ format, threshold }) => format === first.format && threshold === first.threshold,
    )
  );
}

/**
 * Up to three products of the same activations, in one node where their weights are stored in the same form.
 *
 * @param name Name of that node.
 * @param parts All with the same input and width.
 * @returns the names of the products, which are those of the parts
 */
export function addLinears(
  context: LinearContext,
  name: string,
  parts: readonly LinearOptions[],
): string[] {
  const stored = parts.map((options) => ({ options, matrix: describeLinear(context, options) }));
  if (
    stored.length > 1 &&
    context.separate !== true &&
    fitFused(stored.map(({ matrix }) => matrix))
  )
    addNode(context, name, stored);
  else for (const each of stored) addNode(context, each.options.name, [each]);
  return parts.map((part) => part.name);
}

/** The module's bias as it is stored; empty where it has none. */
export function biasOf(
  writer: GraphWriter,
  {
    module,
    outFeatures,
    bias,
    biasModule = module,
  }: Pick<LinearOptions, 'module' | 'outFeatures' | 'bias' | 'biasModule'>,
): string {
  const shape = [outFeatures];
  return bias ? writer.weight(`${biasModule}.bias`, { types: floatTypes, shape }) : '';
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
  { module, inFeatures, outFeatures }: MatrixShape,
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

function describeLevels(
  context: LinearContext,
  options: LinearOptions,
  stateName: string,
): StoredMatrix {
  const { blockSize, codes, map, absmax, nested } = describe4bit(context, options, stateName);
  return { format: 'levels4', codes, scales: absmax, levels: map, nested, blockSize };
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

function describeInt8Rows(context: LinearContext, options: LinearOptions): StoredMatrix {
  const { writer, int8Threshold } = context;
  const { module, inFeatures, outFeatures } = options;
  requireRowFormat(context, module);
  return {
    format: 'int8_rows',
    codes: writer.weight(`${module}.weight`, { types: ['I8'], shape: [outFeatures, inFeatures] }),
    scales: writer.weight(`${module}.SCB`, { types: ['F32'], shape: [outFeatures] }),
    blockSize: inFeatures,
    threshold: int8Threshold,
  };
}

/**
 * What the shapes of its tensors say of a matrix of integers with scales.
 *
 * @throws AppError `malformed-file` when they do not fit config.json
 */
export function affineLayout(
  writer: GraphWriter,
  { module, inFeatures }: MatrixShape,
): { readonly bits: 4 | 8; readonly blocksPerRow: number } {
  const weight = `${module}.weight`;
  const scales = `${weight}.scales`;
  // One column per block of the row, so the shape alone says how long a block is.
  const blocksPerRow = writer.tensor(scales).shape[1] ?? 0;
  if (blocksPerRow === 0 || inFeatures % blocksPerRow !== 0)
    throw new AppError(
      'malformed-file',
      `${scales} has ${blocksPerRow} scales per row, which do not divide ${inFeatures} columns.`,
    );
  return { bits: writer.tensor(weight).dtype === 'I8' ? 8 : 4, blocksPerRow };
}

/** Weights that share an exponent (OCP Microscaling Formats 1.0). */
const MX_BLOCK_SIZE = 32;

/** Floats of 4 bits as gpt-oss is published: [rows, blocks, 16 bytes] and an exponent of each block. */
function describeMxfp4({ writer }: LinearContext, options: LinearOptions): StoredMatrix {
  const { module, inFeatures, outFeatures } = options;
  const blocks = inFeatures / MX_BLOCK_SIZE;
  if (!Number.isInteger(blocks))
    throw new AppError(
      'malformed-file',
      `${module} has rows of ${inFeatures} weights, which are no whole blocks of ${MX_BLOCK_SIZE}.`,
    );
  return {
    format: 'mxfp4',
    codes: writer.bytes(`${module}.blocks`, (outFeatures * inFeatures) / 2),
    scales: writer.weight(`${module}.scales`, { types: ['U8'], shape: [outFeatures, blocks] }),
    blockSize: MX_BLOCK_SIZE,
  };
}

function describeAffine({ writer }: LinearContext, options: LinearOptions): StoredMatrix {
  const { module, inFeatures, outFeatures } = options;
  const { bits, blocksPerRow } = affineLayout(writer, options);
  const shape = [outFeatures, blocksPerRow];
  const weight = `${module}.weight`;
  const zeroPoints = `${weight}.zero_points`;
  return {
    format: `int${bits}`,
    codes:
      bits === 8
        ? writer.weight(weight, { types: ['I8'], shape: [outFeatures, inFeatures] })
        : writer.bytes(weight, Math.ceil((outFeatures * inFeatures) / 2)),
    scales: writer.weight(`${weight}.scales`, { types: ['F32'], shape }),
    ...(writer.has(zeroPoints)
      ? { zeroPoints: writer.weight(zeroPoints, { types: ['I8'], shape }) }
      : {}),
    blockSize: inFeatures / blocksPerRow,
  };
}
