import {
  attentionsOf,
  type Decoder,
  type LayerHeadNorm,
  type LayerNorm,
  type Norm,
  type RmsNorm,
} from '../../models/on-demand.ts';
import type { NamedMatrix, NodeOf, Plan, PlanNode } from '../plan/index.ts';
import { addProjection, addProjections } from './contrib-linear.ts';
import { toActivations, unfitForGpu, type ContribContext } from './contrib-weights.ts';
import { floatTypes } from './graph-writer.ts';
import { elementTypes, type OnnxValue } from './onnx.ts';
import { rotaryTable } from './rope.ts';
import { printGatedActivation, printStandardNode, type StandardPrinter } from './standard-nodes.ts';

/**
 * Prints a plan in operators that ONNX Runtime has kernels for on GPUs. Activations are [1, tokens, features]; keys and
 * values of every layer are inputs and outputs that share one buffer.
 */

/** Names of the graph's inputs and outputs: the runtime looks them up by these. */
export const pastName = (layer: number, part: 'key' | 'value'): string => `past.${layer}.${part}`;
export const presentName = (layer: number, part: 'key' | 'value'): string =>
  `present.${layer}.${part}`;

/** What transformers makes the buffers of xIELU with, where a file lacks them. */
const XIELU_BUFFERS = { beta: 0.5, eps: -1e-6 } as const;

/** What GroupQueryAttention asks of the elements of a head that it rotates. */
const HEAD_MULTIPLE = 16;

interface Printer extends ContribContext {
  readonly decoder: Decoder;
  /** Positions that the tables of the rotations have. */
  readonly contextLength: number;
  /** Products of queries, keys and values, by their names: attention decides how they are computed. */
  readonly attentionInputs: Map<string, { readonly part: NamedMatrix; readonly input: string }>;
}

/** Why no operator of ONNX Runtime computes a node on a GPU; null where one does. */
export function contribObstacle(node: PlanNode, contextLength: number): string | null {
  switch (node.op) {
    case 'experts':
      return 'it chooses among experts';
    case 'latent-attention':
      return 'its attention reads latent vectors';
    case 'positions':
      return 'it has learned its positions';
    case 'match-rms':
    case 'mix':
    case 'spread':
      return 'its layers compute one of several streams';
    case 'sparsify':
      return 'its gates are made sparse';
    case 'attention': {
      const { rope, headDimension, queryNorm, keyNorm, temperature, normsRotated } = node.attention;
      if (node.attention.sinks !== null) return 'its attention has sinks';
      if (node.attention.chunk !== undefined) return 'its attention ends at chunks of the text';
      if (node.own === null) return 'some of its layers read the keys and values of others';
      if (temperature !== null) return 'its queries grow with their position';
      if (normsRotated === true) return 'it normalizes queries and keys behind their rotation';
      if (rope === null) return 'some of its layers do not rotate queries and keys';
      if (headDimension % HEAD_MULTIPLE !== 0)
        return `its heads have ${headDimension} elements, no multiple of ${HEAD_MULTIPLE}`;
      return (queryNorm === null) === (keyNorm === null)
        ? null
        : 'it normalizes either queries or keys alone';
    }
    case 'rotary': {
      const { beyond } = rotaryTable(node.embedding.rope, node.embedding.dimensions);
      return beyond !== null && contextLength > beyond.length
        ? `its rotary embeddings change in texts of more than ${beyond.length} tokens`
        : null;
    }
    case 'embedding':
    case 'rms-norm':
    case 'layer-norm':
    case 'residual-norm':
    case 'add':
    case 'scale':
    case 'scale-stored':
    case 'softcap':
    case 'wanted-rows':
    case 'linear':
    case 'split':
    case 'gated':
    case 'activate':
    case 'xielu':
    case 'sigmoid-gate':
    case 'open':
    case 'concat':
    case 'multiply':
      return null;
    case 'convolution':
    case 'gated-delta':
    case 'state-space':
    case 'gated-norm':
      return 'some of its layers remember in a state instead of keys and values';
  }
}

function normWeight(
  context: ContribContext,
  { norm, width }: { readonly norm: Norm; readonly width: number },
): string {
  const { writer } = context;
  if (norm.module === null) {
    const ones = new Float32Array(width).fill(1);
    return toActivations(context, writer.table(`ones.${width}`, ones));
  }
  const name = (norm.kind === 'rms' ? norm.tensor : undefined) ?? `${norm.module}.weight`;
  const stored = writer.weight(name, { types: floatTypes, shape: [width] });
  const weight = toActivations(context, stored);
  if (norm.weightOffset === 0) return weight;
  return writer.standardOperator('Add', `${name}.shifted`, [
    weight,
    number(context, `${name}.offset`, norm.weightOffset),
  ]);
}

/** A scalar in the type of the activations. */
function number(context: ContribContext, name: string, value: number): string {
  return toActivations(context, context.writer.constant(name, 'F32', [], [value]));
}

function rmsNorm(
  { writer }: ContribContext,
  name: string,
  input: string,
  weight: string,
  epsilon: number,
): string {
  return writer.standardOperator('SimplifiedLayerNormalization', name, [input, weight], {
    axis: { int: -1 },
    epsilon: { float: epsilon },
    stash_type: { int: elementTypes.F32 },
  });
}

/** Norms every `width` elements of `input` [1, tokens, groups * width] by themselves. */
function groupNorm(
  printer: Printer,
  name: string,
  input: string,
  { norm, width }: Pick<NodeOf<'rms-norm'>, 'norm' | 'width'>,
): string {
  const { writer } = printer;
  const reshaped = (part: string, from: string, shape: readonly number[]): string =>
    writer.standardOperator('Reshape', `${name}.${part}`, [
      from,
      writer.constant(`${name}.${part}.shape`, 'I64', [shape.length], shape),
    ]);
  // A 0 keeps the dimension as it is.
  const separate = reshaped('heads', input, [0, 0, -1, width]);
  const weight = normWeight(printer, { norm, width });
  const normed = rmsNorm(printer, `${name}.normed`, separate, weight, norm.epsilon);
  return writer.standardOperator('Reshape', name, [
    normed,
    writer.constant(`${name}.shape`, 'I64', [3], [0, 0, -1]),
  ]);
}

/** A product that attention reads, computed by itself. */
function product(printer: Printer, name: string): string {
  const pending = printer.attentionInputs.get(name);
  if (pending === undefined) return name;
  printer.attentionInputs.delete(name);
  return addProjection(printer, { ...pending.part, input: pending.input });
}

/** Queries, keys and values: side by side in one value where nothing stands between products and attention. */
function attentionValues(printer: Printer, node: NodeOf<'attention'>): readonly string[] {
  const { name, attention } = node;
  const names = [node.query, node.own?.key ?? '', node.own?.value ?? ''];
  const pending = names.flatMap((each) => printer.attentionInputs.get(each) ?? []);
  const { queryNorm, keyNorm, valueNorm, headDimension: width } = attention;
  const isPlain = queryNorm === null && keyNorm === null && valueNorm === null;
  if (pending.length === names.length && isPlain) {
    for (const each of names) printer.attentionInputs.delete(each);
    const parts = pending.map(({ part, input }) => ({ ...part, input }));
    const [q = '', k = '', v = ''] = addProjections(printer, `${name}.qkv`, parts);
    return [q, k, v];
  }
  const [q = '', k = '', v = ''] = names.map((each) => product(printer, each));
  const normed = (part: string, input: string, norm: RmsNorm | null): string =>
    norm === null ? input : groupNorm(printer, `${name}.${part}_norm`, input, { norm, width });
  return [
    normed('q', q, queryNorm),
    normed('k', k, keyNorm),
    normed('v', v, valueNorm && { ...valueNorm, kind: 'rms', module: null, weightOffset: 0 }),
  ];
}

function printAttention(printer: Printer, node: NodeOf<'attention'>): void {
  const { attention, layer, name } = node;
  printer.writer.contributedOperator(
    'GroupQueryAttention',
    name,
    [
      ...attentionValues(printer, node),
      pastName(layer, 'key'),
      pastName(layer, 'value'),
      'last_position',
      'context_length',
      ...rotaryNames(attention.rope ?? 0),
    ],
    {
      num_heads: { int: attention.heads },
      kv_num_heads: { int: attention.kvHeads },
      do_rotary: { int: 1 },
      scale: { float: attention.scale },
      local_window_size: { int: attention.window ?? -1 },
      ...(node.interleaved ? { rotary_interleaved: { int: 1 } } : {}),
      ...(attention.softcap === null ? {} : { softcap: { float: attention.softcap } }),
    },
    [presentName(layer, 'key'), presentName(layer, 'value')],
  );
}

function printGated(printer: Printer, { name, activation, gate, up }: NodeOf<'gated'>): void {
  const { writer } = printer;
  if (activation !== 'silu' && activation !== 'gelu-tanh') {
    printGatedActivation(standardPrinter(printer), { op: 'gated', name, activation, gate, up });
    return;
  }
  if (activation === 'gelu-tanh') {
    const bent = writer.contributedOperator('FastGelu', `${name}.gelu`, [gate]);
    writer.standardOperator('Mul', name, [bent, up]);
    return;
  }
  // In these three nodes, because ONNX Runtime looks for them when it joins the two products before.
  const prefix = name.replace(/gated$/, '');
  const sigmoid = writer.standardOperator('Sigmoid', `${prefix}sigmoid`, [gate]);
  const silu = writer.standardOperator('Mul', `${prefix}silu`, [gate, sigmoid]);
  writer.standardOperator('Mul', name, [silu, up]);
}

function printXielu(printer: Printer, { name, input, module }: NodeOf<'xielu'>): void {
  const { writer } = printer;
  const parameter = (part: string, shape: readonly number[]): string =>
    toActivations(printer, writer.weight(`${module}.${part}`, { types: floatTypes, shape }));
  const buffer = (part: keyof typeof XIELU_BUFFERS): string =>
    writer.has(`${module}.${part}`)
      ? parameter(part, [])
      : number(printer, `${name}.${part}`, XIELU_BUFFERS[part]);
  const node = (operator: string, part: string, inputs: readonly string[]): string =>
    writer.standardOperator(operator, part === '' ? name : `${name}.${part}`, inputs);
  const beta = buffer('beta');
  const alphaP = node('Softplus', 'alpha_p', [parameter('alpha_p', [1])]);
  const alphaN = node('Add', 'alpha_n', [
    beta,
    node('Softplus', 'alpha_n.plain', [parameter('alpha_n', [1])]),
  ]);
  const squared = node('Mul', 'squared', [input, node('Relu', 'positive', [input])]);
  const above = node('Mul', 'above', [alphaP, squared]);
  const power = node('Exp', 'power', [node('Min', 'limited', [input, buffer('eps')])]);
  const less = node('Sub', 'less', [power, number(printer, `${name}.one`, 1)]);
  const below = node('Mul', 'below', [node('Sub', 'rest', [less, input]), alphaN]);
  const isAbove = node('Greater', 'is_above', [input, number(printer, `${name}.zero`, 0)]);
  const bent = node('Where', 'bent', [isAbove, above, below]);
  node('Add', '', [bent, node('Mul', 'straight', [beta, input])]);
}

/** Names of the tables of a rotary embedding. */
function rotaryNames(index: number): readonly [cos: string, sin: string] {
  const name = index === 0 ? 'rotary' : `rotary.${index}`;
  return [`${name}.Cos.scaled.activations`, `${name}.Sin.scaled.activations`];
}

/** Cosines and sines of every position, computed once while the graph is loaded. */
function printRotary(printer: Printer, { index, embedding }: NodeOf<'rotary'>): void {
  const { writer, decoder, contextLength } = printer;
  const sizes = decoder.layers
    .flatMap(({ mixer }) => attentionsOf(mixer).filter(({ rope }) => rope === index))
    .map((attention) => attention.headDimension);
  const { dimensions } = embedding;
  const [head = dimensions] = sizes;
  // Neighbours that are not to be rotated are rotated by nothing; halves would be paired in another way.
  const expected = embedding.interleaved === true ? head : dimensions;
  const partial = sizes.find((size) => size !== expected);
  if (partial !== undefined)
    throw unfitForGpu(
      `This ${decoder.className}`,
      `it rotates ${dimensions} of a head's ${partial} elements`,
    );
  const prefix = index === 0 ? 'rotary' : `rotary.${index}`;
  const scalar = (name: string, value: number): string =>
    writer.constant(`${prefix}.${name}`, 'F32', [], [value]);
  const { inverseFrequencies, attentionScaling } = rotaryTable(
    embedding.rope,
    embedding.dimensions,
  );
  const frequencies = new Float32Array(head / 2);
  frequencies.set(inverseFrequencies);
  const positions = writer.standardOperator('Range', `${prefix}.positions`, [
    scalar('first', 0),
    scalar('end', contextLength),
    scalar('step', 1),
  ]);
  const column = writer.standardOperator('Unsqueeze', `${prefix}.column`, [
    positions,
    writer.constant(`${prefix}.axis`, 'I64', [1], [1]),
  ]);
  const angles = writer.standardOperator('Mul', `${prefix}.angles`, [
    column,
    writer.table(`${prefix}.inverse_frequencies`, frequencies),
  ]);
  for (const operator of ['Cos', 'Sin'] as const) {
    const plain = writer.standardOperator(operator, `${prefix}.${operator}`, [angles]);
    const scaled = writer.standardOperator('Mul', `${prefix}.${operator}.scaled`, [
      plain,
      scalar('scaling', attentionScaling),
    ]);
    toActivations(printer, scaled);
  }
}

function printEmbedding(printer: Printer, node: NodeOf<'embedding'>): void {
  const { writer } = printer;
  const { name, module, scale, vocabularySize, hiddenSize } = node;
  const shape = [vocabularySize, hiddenSize];
  const weight = writer.weight(`${module}.weight`, { types: floatTypes, shape });
  const row = scale === 1 ? name : `${name}.row`;
  writer.standardOperator('Gather', row, [toActivations(printer, weight), 'input_ids'], {
    axis: { int: 0 },
  });
  if (scale !== 1)
    writer.standardOperator('Mul', name, [row, number(printer, `${name}.scale`, scale)]);
}

function normBias(context: ContribContext, { module, bias }: LayerNorm, width: number): string {
  if (!bias) return '';
  const stored = context.writer.weight(`${module}.bias`, { types: floatTypes, shape: [width] });
  return toActivations(context, stored);
}

/** A layer norm of whole rows, or of every head by itself. */
function printLayerNorm(printer: Printer, node: NodeOf<'layer-norm'>): void {
  const { writer } = printer;
  const { name, norm, heads = 1 } = node;
  const width = node.width / heads;
  const input = product(printer, node.input);
  const reshaped = (part: string, from: string, shape: readonly number[], own: string): string =>
    writer.standardOperator('Reshape', own, [
      from,
      writer.constant(`${name}.${part}.shape`, 'I64', [shape.length], shape),
    ]);
  const attributes = { axis: { int: -1 }, epsilon: { float: norm.epsilon } };
  if (heads === 1) {
    const inputs = [input, normWeight(printer, { norm, width }), normBias(printer, norm, width)];
    writer.standardOperator('LayerNormalization', name, inputs, attributes);
    return;
  }
  // A 0 keeps the dimension as it is.
  const separate = reshaped('heads', input, [0, 0, heads, width], `${name}.heads`);
  const weight = headWeights(printer, name, norm, { heads, width });
  const ones = toActivations(
    printer,
    writer.constant(
      `${name}.ones`,
      'F32',
      [width],
      Array.from({ length: width }, () => 1),
    ),
  );
  const centered = writer.standardOperator(
    'LayerNormalization',
    `${name}.centered`,
    [separate, ones],
    attributes,
  );
  const scaled = writer.standardOperator('Mul', `${name}.scaled`, [centered, weight]);
  const moved = norm.bias
    ? writer.standardOperator('Add', `${name}.moved`, [scaled, normBias(printer, norm, width)])
    : scaled;
  reshaped('rows', moved, [0, 0, -1], name);
}

/** [width], or [heads, width] where each has its own. */
function headWeights(
  printer: Printer,
  name: string,
  norm: LayerNorm | LayerHeadNorm,
  { heads, width }: { readonly heads: number; readonly width: number },
): string {
  const { writer } = printer;
  if (!('weights' in norm) || norm.weights === 'shared')
    return normWeight(printer, { norm, width });
  if (norm.weights === 'rows') {
    const shape = [heads, width];
    const stored = writer.weight(`${norm.module}.weight`, { types: floatTypes, shape });
    return toActivations(printer, stored);
  }
  const rows = Array.from({ length: heads }, (_, head) =>
    normWeight(printer, { norm: { ...norm, module: `${norm.module}.${head}` }, width }),
  );
  const shape = writer.constant(`${name}.weights.shape`, 'I64', [2], [heads, width]);
  const joined = writer.standardOperator('Concat', `${name}.joined`, rows, { axis: { int: 0 } });
  return writer.standardOperator('Reshape', `${name}.weights`, [joined, shape]);
}

function printResidualNorm(printer: Printer, node: NodeOf<'residual-norm'>): void {
  const { norm, width } = node;
  if (norm.kind === 'layer') {
    printer.writer.contributedOperator(
      'SkipLayerNormalization',
      node.name,
      [node.added, node.stream, normWeight(printer, node), normBias(printer, norm, width)],
      { epsilon: { float: norm.epsilon } },
      node.isLast ? [] : ['', '', node.sum],
    );
    return;
  }
  printer.writer.contributedOperator(
    'SkipSimplifiedLayerNormalization',
    node.name,
    [node.added, node.stream, normWeight(printer, node)],
    { epsilon: { float: node.norm.epsilon } },
    // The mean and the deviation between the two are for training.
    node.isLast ? [] : ['', '', node.sum],
  );
}

function standardPrinter(printer: Printer): StandardPrinter {
  const { writer } = printer;
  return { writer, number: (name, value) => number(printer, name, value), rowAxis: 1 };
}

function printNode(printer: Printer, node: PlanNode): void {
  switch (node.op) {
    case 'rotary':
      printRotary(printer, node);
      return;
    case 'embedding':
      printEmbedding(printer, node);
      return;
    case 'rms-norm': {
      const input = product(printer, node.input);
      if (node.groups !== undefined) {
        groupNorm(printer, node.name, input, node);
        return;
      }
      rmsNorm(printer, node.name, input, normWeight(printer, node), node.norm.epsilon);
      return;
    }
    case 'layer-norm':
      printLayerNorm(printer, node);
      return;
    case 'residual-norm':
      printResidualNorm(printer, node);
      return;
    case 'linear':
      printLinear(printer, node);
      return;
    case 'attention':
      printAttention(printer, node);
      return;
    case 'gated':
      printGated(printer, node);
      return;
    case 'scale-stored': {
      const { writer } = printer;
      const stored = writer.weight(node.tensor, { types: floatTypes, shape: [node.columns] });
      writer.standardOperator('Mul', node.name, [node.input, toActivations(printer, stored)]);
      return;
    }
    case 'xielu':
      printXielu(printer, node);
      return;
    case 'add':
    case 'scale':
    case 'softcap':
    case 'wanted-rows':
    case 'split':
    case 'activate':
    case 'sigmoid-gate':
    case 'open':
    case 'concat':
    case 'multiply':
      printStandardNode(standardPrinter(printer), node);
      return;
    case 'positions':
    case 'experts':
    case 'latent-attention':
    case 'match-rms':
    case 'mix':
    case 'spread':
    case 'sparsify':
    case 'convolution':
    case 'gated-delta':
    case 'state-space':
    case 'gated-norm':
      // contribObstacle has refused it.
      return;
  }
}

function printLinear(printer: Printer, { name, input, parts }: NodeOf<'linear'>): void {
  if (name.endsWith('.qkv')) {
    for (const part of parts) printer.attentionInputs.set(part.name, { part, input });
    return;
  }
  for (const part of parts) addProjection(printer, { ...part, input });
}

/**
 * Prints a plan as a graph of ONNX Runtime's own operators.
 *
 * Inputs: `input_ids` int32 [1, T]; `logit_rows` int32 [R]; `last_position` int32 [1], the absolute position of the last
 * of the T tokens; `context_length` int32 [], that plus one; per layer `past.N.key` and `past.N.value` [1, kvHeads,
 * positions, headDimension]. Outputs: `logits` [1, R, V], and `present.N.*` in the buffers of `past.N.*`. Logits and
 * cache have the type of the activations.
 *
 * @param contextLength Positions that the tables of the rotations have.
 * @returns the bytes of the .onnx file
 * @throws AppError `unsupported-model` for what no operator can express, `malformed-file`
 */
export function printContribGraph(
  context: ContribContext,
  plan: Plan,
  decoder: Decoder,
  contextLength: number,
): Uint8Array {
  const { writer, options } = context;
  for (const node of plan.nodes) {
    const obstacle = contribObstacle(node, contextLength);
    if (obstacle !== null) throw unfitForGpu(`This ${decoder.className}`, obstacle);
  }
  const printer: Printer = { ...context, decoder, contextLength, attentionInputs: new Map() };
  for (const node of plan.nodes) printNode(printer, node);
  const type = options.activations;
  const caches = (named: typeof pastName): OnnxValue[] =>
    decoder.layers.flatMap(({ mixer }, layer) =>
      attentionsOf(mixer).flatMap(({ kvHeads, headDimension }) =>
        (['key', 'value'] as const).map((part) => ({
          name: named(layer, part),
          type,
          dims: [1, kvHeads, 'positions', headDimension],
        })),
      ),
    );
  return writer.finishContrib(
    [
      { name: 'input_ids', type: 'I32', dims: [1, 'tokens'] },
      { name: 'logit_rows', type: 'I32', dims: ['rows'] },
      { name: 'last_position', type: 'I32', dims: [1] },
      { name: 'context_length', type: 'I32', dims: [] },
      ...caches(pastName),
    ],
    [
      { name: plan.logits, type, dims: [1, 'rows', decoder.vocabularySize] },
      ...caches(presentName),
    ],
  );
}
