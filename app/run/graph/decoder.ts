import type { ModelConfig } from '../../checkpoint/index.ts';
import { floatTypes } from './graph-writer.ts';
import { addLinear, addLinears, type LinearContext, type LinearOptions } from './linear.ts';
import type { OnnxValue } from './onnx.ts';
import { rotaryTable } from './rope.ts';

/**
 * The decoder that Llama and its descendants share: embedding, then per layer attention and a gated MLP, each behind an
 * RMS norm and a residual sum, then a norm and the head. What differs between them is all in ModelConfig.
 */

/** Names of the graph's inputs and output: the runtime looks them up by these. */
const graphInputs: readonly OnnxValue[] = [
  { name: 'input_ids', type: 'I64', dims: ['tokens'] },
  { name: 'position', type: 'I64', dims: [1] },
  { name: 'logit_rows', type: 'I64', dims: ['rows'] },
];

interface LayerInput {
  /** The residual stream, and the same after this layer's first norm. */
  readonly stream: string;
  readonly normed: string;
}

/** What every block needs to add its nodes. */
interface Blocks extends LinearContext {
  readonly config: ModelConfig;
  readonly cos: string;
  readonly sin: string;
}

function normWeight({ writer }: LinearContext, name: string, size: number): string {
  return writer.weight(`${name}.weight`, { types: floatTypes, shape: [size] });
}

function addAttention(blocks: Blocks, layer: number, input: string): string {
  const { writer, config, cos, sin } = blocks;
  const { hiddenSize, heads, kvHeads, headDimension, biases } = config;
  const module = `model.layers.${layer}.self_attn`;
  const project = (part: string, outFeatures: number): LinearOptions => ({
    module: `${module}.${part}_proj`,
    name: `layers.${layer}.${part}`,
    input,
    inFeatures: hiddenSize,
    outFeatures,
    bias: biases.qkv,
  });
  const projections = addLinears(blocks, `layers.${layer}.qkv`, [
    project('q', heads * headDimension),
    project('k', kvHeads * headDimension),
    project('v', kvHeads * headDimension),
  ]);
  const headNorm = (part: string): string =>
    config.hasQkNorm ? normWeight(blocks, `${module}.${part}_norm`, headDimension) : '';
  return writer.operator(
    'Attention',
    `layers.${layer}.attention`,
    [...projections, cos, sin, 'position', headNorm('q'), headNorm('k')],
    {
      layer: { int: layer },
      heads: { int: heads },
      kv_heads: { int: kvHeads },
      head_dim: { int: headDimension },
      scale: { float: 1 / Math.sqrt(headDimension) },
      window: { int: config.windows[layer] ?? 0 },
      softcap: { float: 0 },
      epsilon: { float: config.rmsNormEpsilon },
    },
  );
}

function addMlp(blocks: Blocks, layer: number, input: string): string {
  const { hiddenSize, intermediateSize, biases } = blocks.config;
  const linear = (
    part: string,
    from: string,
    inFeatures: number,
    outFeatures: number,
  ): LinearOptions => ({
    module: `model.layers.${layer}.mlp.${part}_proj`,
    name: `layers.${layer}.${part}`,
    input: from,
    inFeatures,
    outFeatures,
    bias: biases.mlp,
  });
  const gateAndUp = addLinears(blocks, `layers.${layer}.gate_up`, [
    linear('gate', input, hiddenSize, intermediateSize),
    linear('up', input, hiddenSize, intermediateSize),
  ]);
  const gated = blocks.writer.operator('SiluMul', `layers.${layer}.gated`, gateAndUp);
  return addLinear(blocks, linear('down', gated, intermediateSize, hiddenSize));
}

/** Adds `added` to the residual stream and normalizes the sum for what comes next. */
function addResidualNorm(
  blocks: Blocks,
  name: string,
  added: string,
  stream: string,
  weight: string,
): LayerInput {
  const { writer, config } = blocks;
  const sum = `${name}.sum`;
  const normed = writer.operator(
    'SkipRmsNorm',
    name,
    [added, stream, normWeight(blocks, weight, config.hiddenSize)],
    { epsilon: { float: config.rmsNormEpsilon } },
    [sum],
  );
  return { stream: sum, normed };
}

function addLayer(blocks: Blocks, layer: number, input: LayerInput): LayerInput {
  const { writer, config } = blocks;
  const isLast = layer === config.layers - 1;
  // Behind the last attention nothing looks at other tokens any more: only the rows whose logits are wanted go on.
  const wanted = (value: string, name: string): string =>
    isLast
      ? writer.standardOperator('Gather', name, [value, 'logit_rows'], { axis: { int: 0 } })
      : value;
  const attention = wanted(addAttention(blocks, layer, input.normed), 'wanted.attention');
  const stream = wanted(input.stream, 'wanted.stream');
  const output = addLinear(blocks, {
    module: `model.layers.${layer}.self_attn.o_proj`,
    name: `layers.${layer}.o`,
    input: attention,
    inFeatures: config.heads * config.headDimension,
    outFeatures: config.hiddenSize,
    bias: config.biases.output,
  });
  const middle = addResidualNorm(
    blocks,
    `layers.${layer}.middle`,
    output,
    stream,
    `model.layers.${layer}.post_attention_layernorm`,
  );
  return addResidualNorm(
    blocks,
    `layers.${layer}.end`,
    addMlp(blocks, layer, middle.normed),
    middle.stream,
    isLast ? 'model.norm' : `model.layers.${layer + 1}.input_layernorm`,
  );
}

/**
 * Builds the graph of a decoder over the weights that `context.writer` knows.
 *
 * @param headModule The module whose weights are the head; `model.embed_tokens` when they are shared.
 * @returns the bytes of the .onnx file
 * @throws AppError `malformed-file` when a tensor is missing or does not fit
 */
export function buildDecoder(
  context: LinearContext,
  config: ModelConfig,
  headModule: string,
): Uint8Array {
  const { writer } = context;
  const { vocabularySize, hiddenSize } = config;
  const { inverseFrequencies, attentionScaling } = rotaryTable(
    config.rope,
    config.rotaryDimensions,
  );
  const sin = 'rotary.sin';
  const cos = writer.operator(
    'Rotary',
    'rotary.cos',
    ['input_ids', 'position', writer.table('rotary.inverse_frequencies', inverseFrequencies)],
    { attention_scaling: { float: attentionScaling } },
    [sin],
  );
  const blocks: Blocks = { ...context, config, cos, sin };
  const embedded = writer.operator(
    'Embedding',
    'embedded',
    [
      'input_ids',
      writer.weight('model.embed_tokens.weight', {
        types: floatTypes,
        shape: [vocabularySize, hiddenSize],
      }),
    ],
    { scale: { float: 1 } },
  );
  let input: LayerInput = {
    stream: embedded,
    normed: writer.operator(
      'RmsNorm',
      'layers.0.start',
      [embedded, normWeight(blocks, 'model.layers.0.input_layernorm', hiddenSize)],
      { epsilon: { float: config.rmsNormEpsilon } },
    ),
  };
  for (let layer = 0; layer < config.layers; layer++) input = addLayer(blocks, layer, input);
  const logits = addLinear(blocks, {
    module: headModule,
    name: 'logits',
    input: input.normed,
    inFeatures: hiddenSize,
    outFeatures: vocabularySize,
    bias: false,
  });
  return writer.finish(graphInputs, [
    { name: logits, type: 'F32', dims: ['rows', vocabularySize] },
  ]);
}
