import type { Activation, LayerNorm, Norm } from '../../models/index.ts';
import type { NodeOf, Plan, PlanNode } from '../plan/index.ts';
import { floatTypes, type GraphWriter } from './graph-writer.ts';
import { addExperts } from './experts.ts';
import { addLinears, storedMatrices, type LinearContext } from './linear.ts';
import type { Attribute, OnnxValue } from './onnx.ts';
import { rotaryTable } from './rope.ts';
import { printGatedActivation, printStandardNode, type StandardPrinter } from './standard-nodes.ts';
import { printStateNode } from './state-nodes.ts';
import { printStreamNode } from './stream-nodes.ts';

/** Prints a plan in our own operators (native-kernels/runtime/operators), for ONNX Runtime on the processor and for CUDA. */

/** Names of the graph's inputs and output: the runtime looks them up by these. */
const graphInputs: readonly OnnxValue[] = [
  { name: 'input_ids', type: 'I64', dims: ['tokens'] },
  { name: 'position', type: 'I64', dims: [1] },
  { name: 'logit_rows', type: 'I64', dims: ['rows'] },
];

/** Operators that multiply an activated gate with another product. */
const gatedOperators: Partial<Record<Activation, string>> = {
  silu: 'SiluMul',
  'gelu-tanh': 'GeluMul',
};

/** Names of the cosines and sines of a rotary embedding. */
function rotaryNames(index: number): readonly [cos: string, sin: string] {
  const name = index === 0 ? 'rotary' : `rotary.${index}`;
  return [`${name}.cos`, `${name}.sin`];
}

/** @param size A norm without weights gets so many ones. */
function normWeight(
  writer: GraphWriter,
  module: string | null,
  size: number,
  tensor = `${module}.weight`,
): string {
  if (module === null) return writer.table(`ones.${size}`, new Float32Array(size).fill(1));
  return writer.weight(tensor, { types: floatTypes, shape: [size] });
}

function normBias(writer: GraphWriter, { module, bias }: LayerNorm, size: number): string {
  return bias ? writer.weight(`${module}.bias`, { types: floatTypes, shape: [size] }) : '';
}

/** The attributes of a norm; an offset of 0 is not written, as it always was. */
function normAttributes(norm: Norm): Readonly<Record<string, Attribute>> {
  return {
    epsilon: { float: norm.epsilon },
    ...(norm.weightOffset === 0 ? {} : { weight_offset: { float: norm.weightOffset } }),
  };
}

/** Cosines and sines of the positions, by a table of frequencies and what changes it in long sequences. */
function printRotary(writer: GraphWriter, { index, embedding }: NodeOf<'rotary'>): void {
  const { inverseFrequencies, attentionScaling, beyond } = rotaryTable(
    embedding.rope,
    embedding.dimensions,
  );
  const [cos, sin] = rotaryNames(index);
  const table = cos.replace(/cos$/, '');
  const inputs = [
    'input_ids',
    'position',
    writer.table(`${table}inverse_frequencies`, inverseFrequencies),
  ];
  if (beyond?.kind === 'other')
    inputs.push(writer.table(`${table}long_inverse_frequencies`, beyond.inverseFrequencies));
  writer.operator(
    'Rotary',
    cos,
    inputs,
    {
      attention_scaling: { float: attentionScaling },
      ...(beyond === null ? {} : { original_length: { int: beyond.length } }),
      ...(beyond?.kind === 'growing'
        ? { growth: { float: beyond.factor }, theta: { float: beyond.theta } }
        : {}),
    },
    [sin],
  );
}

function printAttention(writer: GraphWriter, node: NodeOf<'attention'>): void {
  const { attention } = node;
  const { headDimension, queryNorm, keyNorm, valueNorm } = attention;
  const { own } = node;
  const sinks =
    attention.sinks === null
      ? ''
      : writer.weight(attention.sinks, { types: floatTypes, shape: [attention.heads] });
  const norms = [queryNorm, keyNorm].map((norm) =>
    norm === null ? '' : normWeight(writer, norm.module, headDimension),
  );
  const rotation = attention.rope === null ? ['', ''] : rotaryNames(attention.rope);
  const offset = queryNorm?.weightOffset ?? keyNorm?.weightOffset ?? 0;
  const { temperature } = attention;
  writer.operator(
    'Attention',
    node.name,
    [node.query, own?.key ?? '', own?.value ?? '', ...rotation, 'position', ...norms, sinks],
    {
      layer: { int: node.layer },
      heads: { int: attention.heads },
      kv_heads: { int: attention.kvHeads },
      head_dim: { int: headDimension },
      scale: { float: attention.scale },
      window: { int: attention.window ?? 0 },
      ...(attention.chunk === undefined ? {} : { chunk: { int: attention.chunk } }),
      softcap: { float: attention.softcap ?? 0 },
      epsilon: { float: node.epsilon },
      ...(offset === 0 ? {} : { norm_weight_offset: { float: offset } }),
      ...(node.interleaved ? { rotary_interleaved: { int: 1 } } : {}),
      ...(temperature === null
        ? {}
        : {
            temperature: { float: temperature.beta },
            temperature_length: { float: temperature.length },
            temperature_offset: { float: temperature.offset },
          }),
      ...(valueNorm === null ? {} : { value_norm: { int: 1 } }),
      ...(own === null ? { shared: { int: 1 } } : {}),
      ...(attention.normsRotated === true ? { norms_rotated: { int: 1 } } : {}),
    },
  );
}

function printLatentAttention(context: LinearContext, node: NodeOf<'latent-attention'>): void {
  const { writer } = context;
  const { attention, name } = node;
  const { latentNorm, expansion } = attention;
  const norm = normWeight(writer, latentNorm.module, attention.rank);
  const { inputs, attributes } = storedMatrices(context, [
    { ...expansion, name, input: node.latent },
  ]);
  const values = [node.query, node.latent, ...rotaryNames(attention.rope), 'position', norm];
  writer.operator('LatentAttention', name, [...values, ...inputs], {
    ...attributes,
    layer: { int: node.layer },
    heads: { int: attention.heads },
    key_dim: { int: attention.keyDimension },
    rotary_dim: { int: attention.rotaryDimension },
    value_dim: { int: attention.valueDimension },
    scale: { float: attention.scale },
    epsilon: { float: latentNorm.epsilon },
    ...(node.interleaved ? { rotary_interleaved: { int: 1 } } : {}),
  });
}

function printResidualNorm(writer: GraphWriter, node: NodeOf<'residual-norm'>): void {
  const { norm, width } = node;
  const inputs = [node.added, node.stream, normWeight(writer, norm.module, width)];
  if (norm.kind === 'layer') inputs.push(normBias(writer, norm, width));
  const operator = norm.kind === 'rms' ? 'SkipRmsNorm' : 'SkipLayerNorm';
  writer.operator(operator, node.name, inputs, normAttributes(norm), [node.sum]);
}

function printLayerNorm(writer: GraphWriter, node: NodeOf<'layer-norm'>): void {
  const { norm, width, heads = 1, name, input } = node;
  const head = width / heads;
  const shape = 'weights' in norm && norm.weights === 'rows' ? [heads, head] : [head];
  const modules =
    'weights' in norm && norm.weights === 'modules'
      ? Array.from({ length: heads }, (_, index) => `${norm.module}.${index}`)
      : [norm.module];
  const [first = '', ...others] = modules.map((module) =>
    writer.weight(`${module}.weight`, { types: floatTypes, shape }),
  );
  const bias = normBias(writer, norm, head);
  writer.operator('LayerNorm', name, [input, first, bias, ...others], {
    ...normAttributes(norm),
    ...(heads === 1 ? {} : { heads: { int: heads } }),
    ...(modules.length === 1 ? {} : { weights: { int: modules.length } }),
  });
}

function standardPrinter(writer: GraphWriter): StandardPrinter {
  const number = (name: string, value: number): string => writer.constant(name, 'F32', [], [value]);
  return { writer, number, rowAxis: 0 };
}

function printGated(writer: GraphWriter, node: NodeOf<'gated'>): void {
  const operator = gatedOperators[node.activation];
  if (operator === undefined) printGatedActivation(standardPrinter(writer), node);
  else writer.operator(operator, node.name, [node.gate, node.up]);
}

function printXielu(writer: GraphWriter, { name, input, module }: NodeOf<'xielu'>): void {
  const parameter = (part: string, shape: readonly number[]): string =>
    writer.weight(`${module}.${part}`, { types: floatTypes, shape });
  const stored = [parameter('alpha_p', [1]), parameter('alpha_n', [1])];
  // Buffers, which a file may lack: the operator has the values that they are made with.
  const buffers = ['beta', 'eps'].map((part) =>
    writer.has(`${module}.${part}`) ? parameter(part, []) : '',
  );
  writer.operator('Xielu', name, [input, ...stored, ...buffers]);
}

/** Adds one node of a plan. @throws AppError `malformed-file` when a tensor is missing or does not fit */
export function printNode(context: LinearContext, node: PlanNode): void {
  const { writer } = context;
  switch (node.op) {
    case 'rotary':
      printRotary(writer, node);
      return;
    case 'embedding': {
      const shape = [node.vocabularySize, node.hiddenSize];
      const weight = writer.weight(`${node.module}.weight`, { types: floatTypes, shape });
      const scale = { float: node.scale };
      writer.operator('Embedding', node.name, ['input_ids', weight], { scale });
      return;
    }
    case 'positions': {
      const shape = [node.count, node.width];
      const weight = writer.weight(`${node.module}.weight`, { types: floatTypes, shape });
      writer.operator('AddPositions', node.name, [node.input, 'position', weight]);
      return;
    }
    case 'rms-norm': {
      const { module, tensor } = node.norm;
      const weight = normWeight(writer, module, node.width, tensor);
      const groups = node.groups === undefined ? {} : { groups: { int: node.groups } };
      writer.operator('RmsNorm', node.name, [node.input, weight], {
        ...normAttributes(node.norm),
        ...groups,
      });
      return;
    }
    case 'scale-stored': {
      const factor = writer.weight(node.tensor, { types: floatTypes, shape: [node.columns] });
      writer.operator('ScaleStored', node.name, [node.input, factor]);
      return;
    }
    case 'layer-norm':
      printLayerNorm(writer, node);
      return;
    case 'residual-norm':
      printResidualNorm(writer, node);
      return;
    case 'linear':
      addLinears(
        context,
        node.name,
        node.parts.map((part) => ({ ...part, input: node.input })),
      );
      return;
    case 'attention':
      printAttention(writer, node);
      return;
    case 'latent-attention':
      printLatentAttention(context, node);
      return;
    case 'gated':
      printGated(writer, node);
      return;
    case 'xielu':
      printXielu(writer, node);
      return;
    case 'experts':
      addExperts(context, node);
      return;
    case 'convolution':
    case 'gated-delta':
    case 'state-space':
    case 'gated-norm':
      printStateNode(writer, node);
      return;
    case 'match-rms':
    case 'mix':
    case 'spread':
    case 'sparsify':
      printStreamNode(standardPrinter(writer), node);
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
      printStandardNode(standardPrinter(writer), node);
      return;
  }
}

/**
 * Prints a plan as a graph over the weights that `context.writer` knows.
 *
 * @returns the bytes of the .onnx file
 * @throws AppError `malformed-file` when a tensor is missing or does not fit
 */
export function printNibbleGraph(
  context: LinearContext,
  plan: Plan,
  vocabularySize: number,
): Uint8Array {
  for (const node of plan.nodes) printNode(context, node);
  return context.writer.finish(graphInputs, [
    { name: plan.logits, type: 'F32', dims: ['rows', vocabularySize] },
  ]);
}
