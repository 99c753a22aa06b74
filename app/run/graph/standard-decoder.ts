import { EMBEDDINGS, type ModelConfig } from '../../checkpoint/index.ts';
import {
  addLayers,
  attentionInputs,
  gateAndUp,
  type DecoderOperators,
  type LayerInput,
} from './decoder-layers.ts';
import { floatTypes } from './graph-writer.ts';
import { elementTypes, type OnnxValue } from './onnx.ts';
import { rotaryTable } from './rope.ts';
import { addProjection, addProjections } from './standard-linear.ts';
import { toActivations, unfitForGpu, type StandardContext } from './standard-weights.ts';

/**
 * The decoder of decoder-layers.ts in operators that ONNX Runtime has kernels for on GPUs. Activations are
 * [1, tokens, features]; keys and values of every layer are inputs and outputs that share one buffer.
 */

/** Names of the graph's inputs and outputs: the runtime looks them up by these. */
export const pastName = (layer: number, part: 'key' | 'value'): string => `past.${layer}.${part}`;
export const presentName = (layer: number, part: 'key' | 'value'): string =>
  `present.${layer}.${part}`;

/** What GroupQueryAttention asks of the elements of a head that it rotates. */
const HEAD_MULTIPLE = 16;

interface Blocks extends StandardContext {
  readonly config: ModelConfig;
  /** Tables of the rotation, [positions, rotaryDimensions / 2]. */
  readonly cos: string;
  readonly sin: string;
}

function normWeight(context: StandardContext, name: string, size: number): string {
  const { writer } = context;
  const stored = writer.weight(`${name}.weight`, { types: floatTypes, shape: [size] });
  return toActivations(context, stored);
}

function rmsNorm(
  { writer }: StandardContext,
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

/** Norms every head of `input` [1, tokens, heads * headDimension] by itself. */
function headNorm(blocks: Blocks, name: string, input: string, weight: string): string {
  const { writer, config } = blocks;
  const reshaped = (part: string, from: string, shape: readonly number[]): string =>
    writer.standardOperator('Reshape', `${name}.${part}`, [
      from,
      writer.constant(`${name}.${part}.shape`, 'I64', [shape.length], shape),
    ]);
  // A 0 keeps the dimension as it is.
  const apart = reshaped('heads', input, [0, 0, -1, config.headDimension]);
  const norm = normWeight(blocks, weight, config.headDimension);
  const normed = rmsNorm(blocks, `${name}.normed`, apart, norm, config.rmsNormEpsilon);
  return reshaped('rows', normed, [0, 0, -1]);
}

function addAttention(blocks: Blocks, layer: number, input: string): string {
  const { writer, config, cos, sin } = blocks;
  const { heads, kvHeads, headDimension } = config;
  const module = `model.layers.${layer}.self_attn`;
  const name = `layers.${layer}.attention`;
  const parts = attentionInputs(config, layer, input);
  // Norms per head need queries and keys apart.
  const projected = config.hasQkNorm
    ? parts.map((part) => addProjection(blocks, part))
    : addProjections(blocks, `${name}.qkv`, parts);
  const [q = '', k = '', v = ''] = projected;
  const normed = config.hasQkNorm
    ? [
        headNorm(blocks, `${name}.q_norm`, q, `${module}.q_norm`),
        headNorm(blocks, `${name}.k_norm`, k, `${module}.k_norm`),
        v,
      ]
    : [q, k, v];
  const window = config.windows[layer] ?? null;
  return writer.contributedOperator(
    'GroupQueryAttention',
    name,
    [
      ...normed,
      pastName(layer, 'key'),
      pastName(layer, 'value'),
      'last_position',
      'context_length',
      cos,
      sin,
    ],
    {
      num_heads: { int: heads },
      kv_num_heads: { int: kvHeads },
      do_rotary: { int: 1 },
      scale: { float: 1 / Math.sqrt(headDimension) },
      local_window_size: { int: window ?? -1 },
    },
    [presentName(layer, 'key'), presentName(layer, 'value')],
  );
}

function addGated(blocks: Blocks, layer: number, input: string): string {
  const { writer, config } = blocks;
  const [gate = '', up = ''] = gateAndUp(config, layer, input).map((part) =>
    addProjection(blocks, part),
  );
  // In these three nodes, because ONNX Runtime looks for them when it joins the two products before.
  const sigmoid = writer.standardOperator('Sigmoid', `layers.${layer}.sigmoid`, [gate]);
  const silu = writer.standardOperator('Mul', `layers.${layer}.silu`, [gate, sigmoid]);
  return writer.standardOperator('Mul', `layers.${layer}.gated`, [silu, up]);
}

function addResidualNorm(
  blocks: Blocks,
  name: string,
  added: string,
  stream: string,
  weight: string,
  isLast: boolean,
): LayerInput {
  const { writer, config } = blocks;
  const sum = `${name}.sum`;
  const normed = writer.contributedOperator(
    'SkipSimplifiedLayerNormalization',
    name,
    [added, stream, normWeight(blocks, weight, config.hiddenSize)],
    { epsilon: { float: config.rmsNormEpsilon } },
    // The mean and the deviation between the two are for training.
    isLast ? [] : ['', '', sum],
  );
  return { stream: sum, normed };
}

/** Cosines and sines of every position, computed once while the graph is loaded. */
function addRotation(
  context: StandardContext,
  config: ModelConfig,
  contextLength: number,
): { readonly cos: string; readonly sin: string } {
  const { writer } = context;
  const { className, rotaryDimensions, headDimension } = config;
  const unfit =
    rotaryDimensions !== headDimension
      ? `it rotates ${rotaryDimensions} of a head's ${headDimension} elements`
      : headDimension % HEAD_MULTIPLE !== 0
        ? `its heads have ${headDimension} elements, no multiple of ${HEAD_MULTIPLE}`
        : null;
  if (unfit !== null) throw unfitForGpu(`This ${className}`, unfit);
  const { inverseFrequencies, attentionScaling, beyond } = rotaryTable(
    config.rope,
    config.rotaryDimensions,
  );
  if (beyond !== null && contextLength > beyond.length)
    throw unfitForGpu(
      `This ${className}`,
      `its rotary embeddings change in texts of more than ${beyond.length} tokens`,
    );
  const number = (name: string, value: number): string =>
    writer.constant(`rotary.${name}`, 'F32', [], [value]);
  const positions = writer.standardOperator('Range', 'rotary.positions', [
    number('first', 0),
    number('end', contextLength),
    number('step', 1),
  ]);
  const column = writer.standardOperator('Unsqueeze', 'rotary.column', [
    positions,
    writer.constant('rotary.axis', 'I64', [1], [1]),
  ]);
  const angles = writer.standardOperator('Mul', 'rotary.angles', [
    column,
    writer.table('rotary.inverse_frequencies', inverseFrequencies),
  ]);
  const table = (operator: 'Cos' | 'Sin'): string => {
    const plain = writer.standardOperator(operator, `rotary.${operator}`, [angles]);
    const scaled = writer.standardOperator('Mul', `rotary.${operator}.scaled`, [
      plain,
      number('scaling', attentionScaling),
    ]);
    return toActivations(context, scaled);
  };
  return { cos: table('Cos'), sin: table('Sin') };
}

/**
 * Builds the graph of a decoder in ONNX Runtime's own operators.
 *
 * Inputs: `input_ids` int32 [1, T]; `logit_rows` int32 [R]; `last_position` int32 [1], the absolute position of the last
 * of the T tokens; `context_length` int32 [], that plus one; per layer `past.N.key` and `past.N.value` [1, kvHeads,
 * positions, headDimension]. Outputs: `logits` [1, R, V], and `present.N.*` in the buffers of `past.N.*`. Logits and
 * cache have the type of the activations.
 *
 * @param headModule The module whose weights are the head; `model.embed_tokens` when they are shared.
 * @param contextLength Positions that the tables of the rotation have.
 * @returns the bytes of the .onnx file
 * @throws AppError `unsupported-model` for what no operator can express, `malformed-file`
 */
export function buildStandardDecoder(
  context: StandardContext,
  config: ModelConfig,
  headModule: string,
  contextLength: number,
): Uint8Array {
  const { writer, options } = context;
  const { vocabularySize, hiddenSize, kvHeads, headDimension } = config;
  const blocks: Blocks = { ...context, config, ...addRotation(context, config, contextLength) };
  const embedding = writer.weight(EMBEDDINGS, {
    types: floatTypes,
    shape: [vocabularySize, hiddenSize],
  });
  const embedded = writer.standardOperator(
    'Gather',
    'embedded',
    [toActivations(context, embedding), 'input_ids'],
    { axis: { int: 0 } },
  );
  const firstNorm = normWeight(blocks, 'model.layers.0.input_layernorm', hiddenSize);
  const first: LayerInput = {
    stream: embedded,
    normed: rmsNorm(blocks, 'layers.0.start', embedded, firstNorm, config.rmsNormEpsilon),
  };
  const operators: DecoderOperators = {
    attention: (layer, input) => addAttention(blocks, layer, input),
    gated: (layer, input) => addGated(blocks, layer, input),
    linear: (part) => addProjection(blocks, part),
    wantedRows: (value, name) =>
      writer.standardOperator('Gather', name, [value, 'logit_rows'], { axis: { int: 1 } }),
    residualNorm: (...norm) => addResidualNorm(blocks, ...norm),
  };
  const logits = addLayers(operators, config, headModule, first);
  const type = options.activations;
  const caches = (named: typeof pastName): OnnxValue[] =>
    Array.from({ length: config.layers }, (_, layer) =>
      (['key', 'value'] as const).map((part) => ({
        name: named(layer, part),
        type,
        dims: [1, kvHeads, 'positions', headDimension],
      })),
    ).flat();
  return writer.finishStandard(
    [
      { name: 'input_ids', type: 'I32', dims: [1, 'tokens'] },
      { name: 'logit_rows', type: 'I32', dims: ['rows'] },
      { name: 'last_position', type: 'I32', dims: [1] },
      { name: 'context_length', type: 'I32', dims: [] },
      ...caches(pastName),
    ],
    [{ name: logits, type, dims: [1, 'rows', vocabularySize] }, ...caches(presentName)],
  );
}
