import { EMBEDDINGS, type ModelConfig } from '../../checkpoint/index.ts';
import {
  addLayers,
  attentionInputs,
  gateAndUp,
  type DecoderOperators,
  type LayerInput,
} from './decoder-layers.ts';
import { floatTypes, type GraphWriter } from './graph-writer.ts';
import { addLinear, addLinears, type LinearContext } from './linear.ts';
import type { OnnxValue } from './onnx.ts';
import { rotaryTable } from './rope.ts';

/** The decoder of decoder-layers.ts in our own dialect. */

/** Names of the graph's inputs and output: the runtime looks them up by these. */
const graphInputs: readonly OnnxValue[] = [
  { name: 'input_ids', type: 'I64', dims: ['tokens'] },
  { name: 'position', type: 'I64', dims: [1] },
  { name: 'logit_rows', type: 'I64', dims: ['rows'] },
];

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
  const { heads, kvHeads, headDimension } = config;
  const module = `model.layers.${layer}.self_attn`;
  const projections = addLinears(
    blocks,
    `layers.${layer}.qkv`,
    attentionInputs(config, layer, input),
  );
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

function addGated(blocks: Blocks, layer: number, input: string): string {
  const products = addLinears(
    blocks,
    `layers.${layer}.gate_up`,
    gateAndUp(blocks.config, layer, input),
  );
  return blocks.writer.operator('SiluMul', `layers.${layer}.gated`, products);
}

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

/** Cosines and sines of the positions, by a table of frequencies and what changes it in long sequences. */
function addRotary(
  writer: GraphWriter,
  config: ModelConfig,
): { readonly cos: string; readonly sin: string } {
  const { inverseFrequencies, attentionScaling, beyond } = rotaryTable(
    config.rope,
    config.rotaryDimensions,
  );
  const inputs = [
    'input_ids',
    'position',
    writer.table('rotary.inverse_frequencies', inverseFrequencies),
  ];
  if (beyond?.kind === 'other')
    inputs.push(writer.table('rotary.long_inverse_frequencies', beyond.inverseFrequencies));
  const sin = 'rotary.sin';
  const cos = writer.operator(
    'Rotary',
    'rotary.cos',
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
  return { cos, sin };
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
  const { cos, sin } = addRotary(writer, config);
  const blocks: Blocks = { ...context, config, cos, sin };
  const embedded = writer.operator(
    'Embedding',
    'embedded',
    [
      'input_ids',
      writer.weight(EMBEDDINGS, {
        types: floatTypes,
        shape: [vocabularySize, hiddenSize],
      }),
    ],
    { scale: { float: 1 } },
  );
  const first: LayerInput = {
    stream: embedded,
    normed: writer.operator(
      'RmsNorm',
      'layers.0.start',
      [embedded, normWeight(blocks, 'model.layers.0.input_layernorm', hiddenSize)],
      { epsilon: { float: config.rmsNormEpsilon } },
    ),
  };
  const operators: DecoderOperators = {
    attention: (layer, input) => addAttention(blocks, layer, input),
    gated: (layer, input) => addGated(blocks, layer, input),
    linear: (options) => addLinear(blocks, options),
    wantedRows: (value, name) =>
      writer.standardOperator('Gather', name, [value, 'logit_rows'], { axis: { int: 0 } }),
    residualNorm: (name, added, stream, weight) =>
      addResidualNorm(blocks, name, added, stream, weight),
  };
  const logits = addLayers(operators, config, headModule, first);
  return writer.finish(graphInputs, [
    { name: logits, type: 'F32', dims: ['rows', vocabularySize] },
  ]);
}
