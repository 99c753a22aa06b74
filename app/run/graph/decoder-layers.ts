import type { ModelConfig } from '../../checkpoint/index.ts';
import type { LinearOptions } from './linear.ts';

/**
 * The decoder that Llama and its descendants share: embedding, then per layer attention and a gated MLP, each behind an
 * RMS norm and a residual sum, then a norm and the head. What differs between them is all in ModelConfig; what differs
 * between the operators that it is written in is in DecoderOperators.
 */

export interface LayerInput {
  /** The residual stream, and the same after this layer's first norm. */
  readonly stream: string;
  readonly normed: string;
}

/** The blocks of a decoder in one set of operators. Every function adds nodes and returns the name of their output. */
export interface DecoderOperators {
  /** Attention over `input`, before the output projection. */
  readonly attention: (layer: number, input: string) => string;
  /** silu(gate) * up of `input`. */
  readonly gated: (layer: number, input: string) => string;
  readonly linear: (options: LinearOptions) => string;
  /** Only the rows of `value` whose logits are wanted. */
  readonly wantedRows: (value: string, name: string) => string;
  /**
   * Adds `added` to the residual stream and normalizes the sum for what comes next.
   *
   * @param weight Module of the norm.
   * @param isLast Whether nothing is added to that sum any more.
   */
  readonly residualNorm: (
    name: string,
    added: string,
    stream: string,
    weight: string,
    isLast: boolean,
  ) => LayerInput;
}

/** The products whose inputs are one layer's queries, keys and values. */
export function attentionInputs(
  { hiddenSize, heads, kvHeads, headDimension, biases }: ModelConfig,
  layer: number,
  input: string,
): LinearOptions[] {
  return (['q', 'k', 'v'] as const).map((part) => ({
    module: `model.layers.${layer}.self_attn.${part}_proj`,
    name: `layers.${layer}.${part}`,
    input,
    inFeatures: hiddenSize,
    outFeatures: (part === 'q' ? heads : kvHeads) * headDimension,
    bias: biases.qkv,
  }));
}

function mlpPart(
  { hiddenSize, intermediateSize, biases }: ModelConfig,
  layer: number,
  part: 'gate' | 'up' | 'down',
  input: string,
): LinearOptions {
  const [inFeatures, outFeatures] =
    part === 'down' ? [intermediateSize, hiddenSize] : [hiddenSize, intermediateSize];
  return {
    module: `model.layers.${layer}.mlp.${part}_proj`,
    name: `layers.${layer}.${part}`,
    input,
    inFeatures,
    outFeatures,
    bias: biases.mlp,
  };
}

/** The products that an MLP joins: gate and up. */
export function gateAndUp(config: ModelConfig, layer: number, input: string): LinearOptions[] {
  return (['gate', 'up'] as const).map((part) => mlpPart(config, layer, part, input));
}

function addLayer(
  operators: DecoderOperators,
  config: ModelConfig,
  layer: number,
  input: LayerInput,
): LayerInput {
  const isLast = layer === config.layers - 1;
  // Behind the last attention nothing looks at other tokens any more: only the rows whose logits are wanted go on.
  const wanted = (value: string, name: string): string =>
    isLast ? operators.wantedRows(value, name) : value;
  const attention = wanted(operators.attention(layer, input.normed), 'wanted.attention');
  const stream = wanted(input.stream, 'wanted.stream');
  const output = operators.linear({
    module: `model.layers.${layer}.self_attn.o_proj`,
    name: `layers.${layer}.o`,
    input: attention,
    inFeatures: config.heads * config.headDimension,
    outFeatures: config.hiddenSize,
    bias: config.biases.output,
  });
  const middle = operators.residualNorm(
    `layers.${layer}.middle`,
    output,
    stream,
    `model.layers.${layer}.post_attention_layernorm`,
    false,
  );
  const gated = operators.gated(layer, middle.normed);
  return operators.residualNorm(
    `layers.${layer}.end`,
    operators.linear(mlpPart(config, layer, 'down', gated)),
    middle.stream,
    isLast ? 'model.norm' : `model.layers.${layer + 1}.input_layernorm`,
    isLast,
  );
}

/**
 * Adds all layers and the head.
 *
 * @param headModule The module whose weights are the head; `model.embed_tokens` when they are shared.
 * @returns the name of the logits
 */
export function addLayers(
  operators: DecoderOperators,
  config: ModelConfig,
  headModule: string,
  first: LayerInput,
): string {
  let input = first;
  for (let layer = 0; layer < config.layers; layer++)
    input = addLayer(operators, config, layer, input);
  return operators.linear({
    module: headModule,
    name: 'logits',
    input: input.normed,
    inFeatures: config.hiddenSize,
    outFeatures: config.vocabularySize,
    bias: false,
  });
}
