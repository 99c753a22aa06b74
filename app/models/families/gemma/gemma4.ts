import { z } from 'zod';
import { decoderOf, gatedOf, layerModule, layersOf, rmsNorm } from '../../blocks.ts';
import type {
  Activation,
  Attention,
  DecoderLayer,
  FeedForward,
  GatedFeedForward,
  LayerEmbeddings,
  Matrix,
} from '../../decoder.ts';
import { expertStacks } from '../../expert-stacks.ts';
import { expertLayers, expertsOf } from '../../experts.ts';
import { oneOf, sevenLinearLayers, type Family } from '../../family.ts';
import { contradiction, readFields, unsupportedFeature } from '../../fields.ts';
import {
  readActivation,
  readBiases,
  readLayerTypes,
  readOutline,
  readWindow,
  width,
  windowOf,
  type Defaults,
  type LayerType,
  type Outline,
} from '../../outline.ts';
import { readRopeOfType, type RopeConfig } from '../../rope-config.ts';
import { embeddingScale } from './gemma.ts';

const defaults: Defaults = {
  vocabularySize: 262_144,
  hiddenSize: 2_304,
  intermediateSize: 9_216,
  layers: 30,
  heads: 8,
  contextLength: 131_072,
  kvHeads: 4,
  headDimension: 256,
  bosTokenId: 2,
  eosTokenId: 1,
  tied: true,
};

/** One layer in so many sees everything, where the config does not list them. */
const PATTERN = 6;
const DEFAULT_WINDOW = 512;
/** Elements of a head in layers that see everything, where the config does not say. */
const DEFAULT_GLOBAL_HEAD = 512;
const DEFAULT_ROWS_WIDTH = 256;
/** Bases of the rotation in layers that see everything, and in those that slide. */
const FULL_THETA = 1_000_000;
const SLIDING_THETA = 10_000;
/** Which share of a head turns in layers that see everything. */
const FULL_PROPORTION = 0.25;

const count = z.int().positive().max(4_096);

const gemma4Schema = z.looseObject({
  global_head_dim: width.nullish(),
  num_global_key_value_heads: width.nullish(),
  attention_k_eq_v: z.boolean().nullish(),
  num_kv_shared_layers: z.int().nonnegative().nullish(),
  use_double_wide_mlp: z.boolean().nullish(),
  enable_moe_block: z.boolean().nullish(),
  hidden_size_per_layer_input: z
    .int()
    .nonnegative()
    .max(1 << 20)
    .nullish(),
  vocab_size_per_layer_input: z
    .int()
    .positive()
    .max(1 << 24)
    .nullish(),
  num_experts: count.nullish(),
  top_k_experts: count.nullish(),
  moe_intermediate_size: width.nullish(),
  final_logit_softcapping: z.number().positive().nullish(),
  use_bidirectional_attention: z.unknown(),
  per_layer_config: z.record(z.string(), z.looseObject({})).nullish(),
});
type Fields = z.infer<typeof gemma4Schema>;

/** What a layer's heads are; those of one type may differ from those of the other. */
export interface Heads {
  readonly headDimension: number;
  readonly kvHeads: number;
}

const headsSchema = z.looseObject({
  head_dim: width.optional(),
  num_key_value_heads: width.optional(),
});

/** `per_layer_config`, as transformers 5 writes it. @throws AppError for what else it may change */
function givenHeads(layers: NonNullable<Fields['per_layer_config']>, outline: Outline): Heads[] {
  const known = new Set(['head_dim', 'num_key_value_heads']);
  const heads = layersOf<Heads>(outline, () => outline);
  for (const [key, own] of Object.entries(layers)) {
    const layer = Number(key);
    if (heads[layer] === undefined)
      throw contradiction('per_layer_config', key, `there is no layer ${key}.`);
    const other = Object.keys(own).find((field) => !known.has(field));
    if (other !== undefined)
      throw unsupportedFeature(
        `per_layer_config.${other}`.slice(0, 64),
        key,
        `config.json: layers that differ in ${JSON.stringify(other.slice(0, 64))} are not supported.`,
      );
    const { head_dim, num_key_value_heads } = readFields(headsSchema, own);
    heads[layer] = {
      headDimension: head_dim ?? outline.headDimension,
      kvHeads: num_key_value_heads ?? outline.kvHeads,
    };
  }
  return heads;
}

/** The heads of every layer. */
function readLayerHeads(
  fields: Fields,
  outline: Outline,
  types: readonly LayerType[],
): readonly Heads[] {
  const { global_head_dim, num_global_key_value_heads, attention_k_eq_v } = fields;
  const kvHeads =
    attention_k_eq_v === true ? (num_global_key_value_heads ?? outline.kvHeads) : outline.kvHeads;
  const headDimension = global_head_dim ?? DEFAULT_GLOBAL_HEAD;
  const heads =
    fields.per_layer_config === null || fields.per_layer_config === undefined
      ? types.map((type) => (type === 'full_attention' ? { headDimension, kvHeads } : outline))
      : givenHeads(fields.per_layer_config, outline);
  const seen = new Map<LayerType, number>();
  heads.forEach((own, layer) => {
    const type = types[layer] ?? 'full_attention';
    if (own.headDimension % 2 !== 0)
      throw contradiction('head_dim', own.headDimension, 'heads of odd size cannot be rotated.');
    if (outline.heads % own.kvHeads !== 0)
      throw contradiction(
        'num_key_value_heads',
        own.kvHeads,
        `${outline.heads} attention heads cannot share ${own.kvHeads} key and value heads.`,
      );
    if ((seen.get(type) ?? own.headDimension) !== own.headDimension)
      throw unsupportedFeature(
        'per_layer_config.head_dim',
        String(own.headDimension),
        'config.json: layers of one type whose heads differ in size are not supported.',
      );
    seen.set(type, own.headDimension);
  });
  return heads;
}

/** Whose keys and values a layer reads: the last layer of its type in front of those that share. */
export function cacheOf(layer: number, shared: number, types: readonly LayerType[]): number | null {
  const firstShared = types.length - shared;
  if (layer < firstShared) return null;
  const source = types.slice(0, firstShared).lastIndexOf(types[layer] ?? 'full_attention');
  if (source >= 0) return source;
  throw contradiction(
    'num_kv_shared_layers',
    shared,
    `layer ${layer} has no layer of its type to share keys and values with.`,
  );
}

export function readLayerEmbeddings(
  fields: Pick<Fields, 'hidden_size_per_layer_input' | 'vocab_size_per_layer_input'>,
  { hiddenSize, layers, ...outline }: Outline,
): LayerEmbeddings | null {
  const size = fields.hidden_size_per_layer_input ?? DEFAULT_ROWS_WIDTH;
  if (size === 0) return null;
  return {
    module: 'model.embed_tokens_per_layer',
    vocabularySize: fields.vocab_size_per_layer_input ?? defaults.vocabularySize,
    width: size,
    tokenScale: embeddingScale(size),
    projection: {
      module: 'model.per_layer_model_projection',
      inFeatures: hiddenSize,
      outFeatures: layers * size,
      bias: false,
    },
    projectionScale: 1 / Math.sqrt(hiddenSize),
    norm: rmsNorm({ epsilon: outline.epsilon }, 'model.per_layer_projection_norm'),
    scale: Math.SQRT1_2,
  };
}

/** The two rotations: of layers that see everything, and of those that slide. */
function readRopes(
  { raw, contextLength }: Outline,
  types: readonly LayerType[],
  heads: readonly Heads[],
): { readonly rope: RopeConfig; readonly dimensions: number }[] {
  const fallback = {
    full_attention: {
      rope_type: 'proportional',
      rope_theta: FULL_THETA,
      partial_rotary_factor: FULL_PROPORTION,
    },
    sliding_attention: { rope_type: 'default', rope_theta: SLIDING_THETA },
  };
  const fields = { rope_parameters: raw.rope_parameters ?? fallback };
  return (['full_attention', 'sliding_attention'] as const).map((type) => {
    const headDimension = heads[types.indexOf(type)]?.headDimension ?? 2;
    const theta = type === 'full_attention' ? FULL_THETA : SLIDING_THETA;
    const rope = readRopeOfType(fields, type, { contextLength, headDimension }, theta, {});
    return { rope, dimensions: headDimension };
  });
}

export function attentionOf(
  outline: Outline,
  layer: number,
  own: Heads &
    Pick<Attention, 'window' | 'rope' | 'cacheOf'> & {
      readonly keysAreValues: boolean;
      readonly bias: boolean;
    },
): Attention {
  const { hiddenSize, heads, epsilon } = outline;
  const { headDimension, kvHeads, keysAreValues, bias } = own;
  const product = (part: string, outFeatures: number): Matrix => ({
    module: layerModule(layer, `self_attn.${part}_proj`),
    inFeatures: hiddenSize,
    outFeatures,
    bias,
  });
  const norm = (part: string): Attention['queryNorm'] => ({
    ...rmsNorm(outline, layerModule(layer, `self_attn.${part}_norm`)),
    extent: 'head',
  });
  const shares = own.cacheOf !== null;
  return {
    kind: 'attention',
    heads,
    kvHeads,
    headDimension,
    scale: 1,
    temperature: null,
    window: own.window,
    softcap: null,
    rope: own.rope,
    queryNorm: norm('q'),
    keyNorm: shares ? null : norm('k'),
    valueNorm: shares ? null : { epsilon },
    sinks: null,
    query: product('q', heads * headDimension),
    key: shares ? null : product('k', kvHeads * headDimension),
    value: shares || keysAreValues ? null : product('v', kvHeads * headDimension),
    cacheOf: own.cacheOf,
    outputGate: null,
    output: {
      module: layerModule(layer, 'self_attn.o_proj'),
      inFeatures: heads * headDimension,
      outFeatures: hiddenSize,
      bias,
    },
  };
}

/** The dense feed-forward, and a mixture beside it where the config asks for one. */
function withExperts(
  outline: Outline,
  layer: number,
  fields: Fields,
  dense: GatedFeedForward,
): FeedForward {
  if (fields.enable_moe_block !== true) return dense;
  const { num_experts: experts, top_k_experts: expertsPerToken } = fields;
  const { moe_intermediate_size: intermediateSize } = fields;
  const { activation } = dense;
  if (activation !== 'gelu-tanh' && activation !== 'silu')
    throw unsupportedFeature(
      'hidden_activation',
      activation,
      `config.json: experts with the activation ${activation} are not supported.`,
    );
  const missing = { num_experts: experts, top_k_experts: expertsPerToken, intermediateSize };
  if (!experts || !expertsPerToken || !intermediateSize || expertsPerToken > experts)
    throw contradiction(
      'enable_moe_block',
      missing,
      'a mixture needs num_experts, no more top_k_experts, and moe_intermediate_size.',
    );
  const norm = (module: string): ReturnType<typeof rmsNorm> =>
    rmsNorm(outline, layerModule(layer, module));
  const router = layerModule(layer, 'router');
  return {
    kind: 'dense-and-experts',
    dense,
    afterDense: norm('post_feedforward_layernorm_1'),
    routerNorm: { ...norm('router'), tensor: `${router}.scale` },
    routerScale: 1 / Math.sqrt(outline.hiddenSize),
    beforeExperts: norm('pre_feedforward_layernorm_2'),
    experts: expertsOf(
      outline,
      layer,
      { experts, expertsPerToken, normalized: true, intermediateSize },
      { router: 'router.proj', experts: 'experts' },
      activation,
      { expertScales: `${router}.per_expert_scale` },
    ),
    afterExperts: norm('post_feedforward_layernorm_2'),
  };
}

export const rowLayers = oneOf('per_layer_input_gate', 'per_layer_projection');

/** Norms in front of and behind both blocks, and rows of a second embedding that the small ones add in every layer. */
export const gemma4: Family = {
  isLinear: expertLayers(
    (module) => sevenLinearLayers(module) || rowLayers(module),
    /^experts\.\d+\.(?:gate|up|down)_proj$/,
  ),
  stacks: expertStacks('experts', 'rows'),
  normType: 'keep',
  read(config, names) {
    const outline = readOutline(config, defaults);
    const fields = readFields(gemma4Schema, config);
    if (fields.use_bidirectional_attention === 'all')
      throw unsupportedFeature(
        'use_bidirectional_attention',
        'all',
        'config.json: a model whose tokens see what follows them makes embeddings, not text.',
      );
    const types = readLayerTypes(config, outline.layers, (layer) =>
      (layer + 1) % PATTERN === 0 ? 'full_attention' : 'sliding_attention',
    );
    // As in transformers, whatever the config says of it.
    types[types.length - 1] = 'full_attention';
    const heads = readLayerHeads(fields, outline, types);
    const window = readWindow(config, DEFAULT_WINDOW);
    const shared = fields.num_kv_shared_layers ?? 0;
    const { attention: bias } = readBiases(config);
    const activation = readActivation(config, 'gelu-tanh', 'hidden_activation');
    const rows = readLayerEmbeddings(fields, outline);
    const layerOf = (layer: number): DecoderLayer => {
      const type = types[layer] ?? 'full_attention';
      const source = cacheOf(layer, shared, types);
      const isFull = type === 'full_attention';
      const wide = source !== null && fields.use_double_wide_mlp === true;
      const norm = (module: string): ReturnType<typeof rmsNorm> =>
        rmsNorm(outline, layerModule(layer, module));
      return {
        attentionNorm: norm('input_layernorm'),
        mixer: attentionOf(outline, layer, {
          ...(heads[layer] ?? outline),
          window: windowOf(type, window),
          rope: isFull ? 0 : 1,
          cacheOf: source,
          keysAreValues: isFull && fields.attention_k_eq_v === true,
          bias,
        }),
        afterAttentionNorm: norm('post_attention_layernorm'),
        feedForwardNorm: norm('pre_feedforward_layernorm'),
        feedForward: withExperts(
          outline,
          layer,
          fields,
          gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize * (wide ? 2 : 1), {
            activation,
          }),
        ),
        afterFeedForwardNorm: norm('post_feedforward_layernorm'),
        residualScale: 1,
        outputFactor: layerModule(layer, 'layer_scalar'),
        ...(rows === null ? {} : { layerInput: layerInputOf(outline, layer, rows, activation) }),
      };
    };
    return decoderOf(outline, names, {
      rotaryEmbeddings: readRopes(outline, types, heads),
      layers: layersOf(outline, layerOf),
      embeddingScale: embeddingScale(outline.hiddenSize),
      logitSoftcap: fields.final_logit_softcapping ?? null,
      longestContext: outline.contextLength,
      ...(rows === null ? {} : { layerEmbeddings: rows }),
    });
  },
};

/** Of Gemma 4 12B, where the config does not say. */
const UNIFIED_WINDOW = 1_024;
const UNIFIED_CONTEXT = 262_144;

const unifiedSchema = z.looseObject({
  sliding_window: z.unknown(),
  max_position_embeddings: z.unknown(),
});

/** Gemma 4 12B, whose class reads neither rows of every layer nor a mixture, without eyes and ears. */
export const gemma4Unified: Family = {
  ...gemma4,
  stacks: [],
  read(config, names) {
    const fields = readFields(unifiedSchema, config);
    const { sliding_window: window = UNIFIED_WINDOW } = fields;
    const own = {
      ...fields,
      sliding_window: window,
      max_position_embeddings: fields.max_position_embeddings ?? UNIFIED_CONTEXT,
      hidden_size_per_layer_input: 0,
      enable_moe_block: false,
    };
    return gemma4.read(own, names);
  },
};

export function layerInputOf(
  outline: Outline,
  layer: number,
  { width: size }: LayerEmbeddings,
  activation: Activation,
): NonNullable<DecoderLayer['layerInput']> {
  const { hiddenSize } = outline;
  return {
    activation,
    gate: {
      module: layerModule(layer, 'per_layer_input_gate'),
      inFeatures: hiddenSize,
      outFeatures: size,
      bias: false,
    },
    project: {
      module: layerModule(layer, 'per_layer_projection'),
      inFeatures: size,
      outFeatures: hiddenSize,
      bias: false,
    },
    norm: rmsNorm(outline, layerModule(layer, 'post_per_layer_input_norm')),
  };
}
