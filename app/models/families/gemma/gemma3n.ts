import { z } from 'zod';
import { decoderOf, gatedOf, layerModule, layersOf, rmsNorm } from '../../blocks.ts';
import type { Alternation, DecoderLayer, Matrix, Streams } from '../../decoder.ts';
import { oneOf, sevenLinearLayers, type Family } from '../../family.ts';
import { contradiction, readFields } from '../../fields.ts';
import {
  MAX_LAYERS,
  readActivation,
  readBiases,
  readLayerTypes,
  readOutline,
  readWindow,
  width,
  windowOf,
  type Defaults,
  type Outline,
} from '../../outline.ts';
import { readRopeOfType } from '../../rope-config.ts';
import { embeddingScale } from './gemma.ts';
import { attentionOf, cacheOf, layerInputOf, readLayerEmbeddings, rowLayers } from './gemma4.ts';

const defaults: Defaults = {
  vocabularySize: 262_400,
  hiddenSize: 2_048,
  intermediateSize: 16_384,
  layers: 35,
  heads: 8,
  contextLength: 32_768,
  kvHeads: 2,
  headDimension: 256,
  bosTokenId: 2,
  eosTokenId: 1,
  tied: true,
};

/** One layer in so many sees everything, where the config does not list them. */
const PATTERN = 5;
const DEFAULT_WINDOW = 512;
const DEFAULT_SHARED = 15;
const DEFAULT_STREAMS = 4;
const DEFAULT_SIDE_WIDTH = 64;
const DEFAULT_LOGIT_SOFTCAP = 30;
/** So many layers have sparse gates, of a model that has more, where the config does not say. */
const SPARSE_LAYERS = 10;
const SPARSITY = 0.95;
/** Bases of the rotation in layers that see everything, and in those that slide. */
const FULL_THETA = 1_000_000;
const SLIDING_THETA = 10_000;

const MAX_STREAMS = 64;

const gemma3nSchema = z.looseObject({
  intermediate_size: z.union([width, z.array(width).max(MAX_LAYERS)]).nullish(),
  activation_sparsity_pattern: z.array(z.number().min(0).lt(1)).max(MAX_LAYERS).nullish(),
  altup_active_idx: z.int().nonnegative().nullish(),
  altup_num_inputs: z.int().positive().max(MAX_STREAMS).nullish(),
  altup_correct_scale: z.boolean().nullish(),
  laurel_rank: width.nullish(),
  num_kv_shared_layers: z.int().nonnegative().nullish(),
  hidden_size_per_layer_input: width.nullish(),
  vocab_size_per_layer_input: z
    .int()
    .positive()
    .max(1 << 24)
    .nullish(),
  final_logit_softcapping: z.number().positive().nullish(),
  rope_local_base_freq: z.number().positive().nullish(),
});
type Fields = z.infer<typeof gemma3nSchema>;

/** A list with a value for every layer. @throws AppError `malformed-file` for one of another length */
function forLayers(field: string, list: readonly number[], { layers }: Outline): readonly number[] {
  if (list.length === layers) return list;
  throw contradiction(
    field,
    list.length,
    `${field} has ${list.length} entries for ${layers} layers.`,
  );
}

function readWidths({ intermediate_size: stated }: Fields, outline: Outline): readonly number[] {
  return Array.isArray(stated)
    ? forLayers('intermediate_size', stated, outline)
    : layersOf(outline, () => stated ?? outline.intermediateSize);
}

function readSparsities(fields: Fields, outline: Outline): readonly number[] {
  const { activation_sparsity_pattern: stated } = fields;
  if (stated !== null && stated !== undefined)
    return forLayers('activation_sparsity_pattern', stated, outline);
  const sparse = outline.layers > SPARSE_LAYERS ? SPARSE_LAYERS : 0;
  return layersOf(outline, (layer) => (layer < sparse ? SPARSITY : 0));
}

function matrix(module: string, inFeatures: number, outFeatures: number): Matrix {
  return { module, inFeatures, outFeatures, bias: false };
}

function readStreams(fields: Fields, { hiddenSize }: Outline): Streams {
  const count = fields.altup_num_inputs ?? DEFAULT_STREAMS;
  const active = fields.altup_active_idx ?? 0;
  if (active >= count)
    throw contradiction('altup_active_idx', active, `there are ${count} streams.`);
  const products = (module: string): Matrix[] =>
    Array.from({ length: count - 1 }, (_, i) =>
      matrix(`model.${module}.${i}`, hiddenSize, hiddenSize),
    );
  return {
    active,
    projections: products('altup_projections'),
    returns: products('altup_unembed_projections'),
  };
}

function alternationOf(
  outline: Outline,
  layer: number,
  fields: Fields,
  { projections }: Streams,
): Alternation {
  const { hiddenSize } = outline;
  const count = projections.length + 1;
  const rank = fields.laurel_rank ?? DEFAULT_SIDE_WIDTH;
  const within = (module: string): string => layerModule(layer, module);
  return {
    routerNorm: rmsNorm(outline, within('altup.router_norm')),
    routerScale: 1 / hiddenSize,
    router: matrix(within('altup.modality_router'), hiddenSize, count),
    prediction: matrix(within('altup.prediction_coefs'), count, count * count),
    correction: matrix(within('altup.correction_coefs'), count, count),
    inputFactors:
      fields.altup_correct_scale === false ? null : within('altup.correct_output_scale'),
    left: matrix(within('laurel.linear_left'), hiddenSize, rank),
    right: matrix(within('laurel.linear_right'), rank, hiddenSize),
    sideNorm: rmsNorm(outline, within('laurel.post_laurel_norm')),
  };
}

const sideLayers = oneOf('laurel.linear_left', 'laurel.linear_right');

/** Gemma 3n without eyes and ears: several streams, of which every layer computes one. */
export const gemma3n: Family = {
  isLinear: (module) => sevenLinearLayers(module) || rowLayers(module) || sideLayers(module),
  normType: 'keep',
  read(config, names) {
    const fields = readFields(gemma3nSchema, config);
    // Its width may be a list, one for every layer.
    const outline = readOutline({ ...fields, intermediate_size: undefined }, defaults);
    const { headDimension, kvHeads, contextLength, raw } = outline;
    const types = readLayerTypes(config, outline.layers, (layer) =>
      (layer + 1) % PATTERN === 0 ? 'full_attention' : 'sliding_attention',
    );
    const sizes = { contextLength, headDimension };
    const full = readRopeOfType(raw, 'full_attention', sizes, FULL_THETA, raw);
    const sliding = readRopeOfType(raw, 'sliding_attention', sizes, SLIDING_THETA, {
      rope_theta: fields.rope_local_base_freq,
    });
    const window = readWindow(config, DEFAULT_WINDOW);
    const shared = fields.num_kv_shared_layers ?? DEFAULT_SHARED;
    const { attention: bias } = readBiases(config);
    const activation = readActivation(config, 'gelu-tanh', 'hidden_activation');
    const widths = readWidths(fields, outline);
    const sparsities = readSparsities(fields, outline);
    const rows = readLayerEmbeddings(fields, outline);
    const streams = readStreams(fields, outline);
    const layerOf = (layer: number): DecoderLayer => {
      const type = types[layer] ?? 'full_attention';
      const norm = (module: string): ReturnType<typeof rmsNorm> =>
        rmsNorm(outline, layerModule(layer, module));
      const sparsity = sparsities[layer] ?? 0;
      const intermediateSize = widths[layer] ?? outline.intermediateSize;
      return {
        attentionNorm: norm('input_layernorm'),
        mixer: attentionOf(outline, layer, {
          headDimension,
          kvHeads,
          window: windowOf(type, window),
          rope: type === 'full_attention' ? 0 : 1,
          cacheOf: cacheOf(layer, shared, types),
          keysAreValues: false,
          bias,
        }),
        afterAttentionNorm: norm('post_attention_layernorm'),
        feedForwardNorm: norm('pre_feedforward_layernorm'),
        feedForward: {
          ...gatedOf(outline, layerModule(layer, 'mlp'), intermediateSize, { activation }),
          ...(sparsity === 0 ? {} : { sparsity }),
        },
        afterFeedForwardNorm: norm('post_feedforward_layernorm'),
        residualScale: 1,
        alternation: alternationOf(outline, layer, fields, streams),
        ...(rows === null ? {} : { layerInput: layerInputOf(outline, layer, rows, activation) }),
      };
    };
    return decoderOf(outline, names, {
      rotaryEmbeddings: [full, sliding].map((rope) => ({ rope, dimensions: headDimension })),
      layers: layersOf(outline, layerOf),
      embeddingScale: embeddingScale(outline.hiddenSize),
      logitSoftcap:
        fields.final_logit_softcapping === undefined
          ? DEFAULT_LOGIT_SOFTCAP
          : fields.final_logit_softcapping,
      longestContext: contextLength,
      streams,
      ...(rows === null ? {} : { layerEmbeddings: rows }),
    });
  },
};
