import { z } from 'zod';
import {
  layerModule,
  preNormLayer,
  readPlain,
  rmsNorm,
  type AttentionDetails,
  type PlainModel,
} from '../../blocks.ts';
import type { Attention, Decoder, DecoderLayer, FeedForward, RmsNorm } from '../../decoder.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields, unsupportedFeature } from '../../fields.ts';
import {
  readActivation,
  readBiases,
  readLayerTypes,
  readWindow,
  windowOf,
  type Defaults,
  type LayerType,
  type Outline,
} from '../../outline.ts';
import { readRopeOfType } from '../../rope-config.ts';

/** Gemma stores the weights of its norms less one. */
const WEIGHT_OFFSET = 1;

const defaults: Defaults = {
  vocabularySize: 256_000,
  hiddenSize: 2_304,
  intermediateSize: 9_216,
  layers: 26,
  heads: 8,
  contextLength: 8_192,
  kvHeads: 4,
  headDimension: 256,
  bosTokenId: 2,
  eosTokenId: 1,
  tied: true,
};

/** The window of a config that has no `sliding_window` key. */
const DEFAULT_WINDOW = 4_096;
/** Of Gemma 2, where its config does not say. */
const DEFAULT_ATTENTION_SOFTCAP = 50;
const DEFAULT_LOGIT_SOFTCAP = 30;
/** `query_pre_attn_scalar` where a config does not say. */
const QUERY_SCALAR = 256;
/** Of Gemma 3: one layer in so many sees everything. */
const DEFAULT_PATTERN = 6;
/** Bases of the rotation in layers of Gemma 3 that see everything, and in those that slide. */
const FULL_THETA = 1_000_000;
const SLIDING_THETA = 10_000;

const positive = z.number().positive();
const attentionSchema = z.looseObject({
  query_pre_attn_scalar: positive.nullish(),
  attn_logit_softcapping: positive.nullish(),
  final_logit_softcapping: positive.nullish(),
  sliding_window_pattern: z.int().positive().nullish(),
  _sliding_window_pattern: z.int().positive().nullish(),
  rope_local_base_freq: positive.nullish(),
  use_bidirectional_attention: z.boolean().nullish(),
});

/**
 * The square root of the width, as transformers has it in a float32 run. In one of bfloat16 it would be rounded as everything
 * else there: 25.25 for the 25.298 of Gemma 3 270M, whose logits then differ by 3e-3 of the largest.
 */
export function embeddingScale(width: number): number {
  return Math.fround(Math.sqrt(width));
}

function norm(outline: Outline, layer: number, module: string): RmsNorm {
  return rmsNorm(outline, layerModule(layer, module), WEIGHT_OFFSET);
}

/** What all of them have around their layers. */
function around(outline: Outline): Pick<Decoder, 'embeddingScale' | 'finalNorm'> {
  return {
    embeddingScale: embeddingScale(outline.hiddenSize),
    finalNorm: rmsNorm(outline, 'model.norm', WEIGHT_OFFSET),
  };
}

/** The first Gemma: Llama's order of norms. */
export const gemma: Family = {
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    const own = {
      ...defaults,
      hiddenSize: 3_072,
      intermediateSize: 24_576,
      layers: 28,
      heads: 16,
      kvHeads: 16,
    };
    return readPlain(config, names, own, (outline) => {
      const { attention: bias } = readBiases(config);
      return {
        activation: readActivation(config, 'gelu-tanh'),
        attention: () => ({ biases: { qkv: bias, output: bias } }),
        layer: (sizes, layer, attention, feedForward) => ({
          ...preNormLayer(sizes, layer, attention, feedForward),
          attentionNorm: norm(sizes, layer, 'input_layernorm'),
          feedForwardNorm: norm(sizes, layer, 'post_attention_layernorm'),
        }),
        around: around(outline),
      };
    });
  },
};

/** A layer of Gemma 2 and 3: norms before and behind both blocks. */
function sandwich(
  outline: Outline,
  layer: number,
  attention: Attention,
  feedForward: FeedForward,
): DecoderLayer {
  return {
    attentionNorm: norm(outline, layer, 'input_layernorm'),
    mixer: attention,
    afterAttentionNorm: norm(outline, layer, 'post_attention_layernorm'),
    feedForwardNorm: norm(outline, layer, 'pre_feedforward_layernorm'),
    feedForward,
    afterFeedForwardNorm: norm(outline, layer, 'post_feedforward_layernorm'),
    residualScale: 1,
  };
}

/** What Gemma 2 and 3 differ in. */
interface SandwichModel {
  readonly typeOf: (layer: number) => LayerType;
  /** Where the config does not say; an explicit null means none. */
  readonly attentionSoftcap: number | null;
  readonly logitSoftcap: number | null;
  readonly norms: AttentionDetails['norms'];
  readonly rotaryEmbeddings?: Decoder['rotaryEmbeddings'];
  /** @default the one rotary embedding */
  readonly ropeOf?: (type: LayerType) => number;
  readonly around?: Partial<Decoder>;
}

function sandwichModel(config: unknown, outline: Outline, own: SandwichModel): PlainModel {
  const fields = readFields(attentionSchema, config);
  if (fields.use_bidirectional_attention === true)
    throw unsupportedFeature(
      'use_bidirectional_attention',
      'true',
      'config.json: a model whose tokens see what follows them makes embeddings, not text.',
    );
  const { attention: bias } = readBiases(config);
  const scale = 1 / Math.sqrt(fields.query_pre_attn_scalar ?? QUERY_SCALAR);
  const capped = (given: number | null | undefined, fallback: number | null): number | null =>
    given === undefined ? fallback : given;
  const types = readLayerTypes(config, outline.layers, own.typeOf);
  const window = readWindow(config, DEFAULT_WINDOW);
  return {
    activation: readActivation(config, 'gelu-tanh', 'hidden_activation'),
    ...(own.rotaryEmbeddings === undefined ? {} : { rotaryEmbeddings: own.rotaryEmbeddings }),
    attention: (layer) => {
      const type = types[layer] ?? 'full_attention';
      return {
        scale,
        window: windowOf(type, window),
        softcap: capped(fields.attn_logit_softcapping, own.attentionSoftcap),
        rope: own.ropeOf?.(type) ?? 0,
        norms: own.norms ?? null,
        biases: { qkv: bias, output: bias },
      };
    },
    layer: sandwich,
    around: {
      ...around(outline),
      logitSoftcap: capped(fields.final_logit_softcapping, own.logitSoftcap),
      ...own.around,
    },
  };
}

/** Gemma 2: every other layer slides, and scores and logits are limited. */
export const gemma2: Family = {
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    return readPlain(config, names, defaults, (outline) =>
      sandwichModel(config, outline, {
        typeOf: (layer) => (layer % 2 === 0 ? 'sliding_attention' : 'full_attention'),
        attentionSoftcap: DEFAULT_ATTENTION_SOFTCAP,
        logitSoftcap: DEFAULT_LOGIT_SOFTCAP,
        norms: null,
      }),
    );
  },
};

/** Gemma 3 without its eyes: five layers slide for one that does not, with a rotation of their own. */
export const gemma3: Family = {
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    const own = { ...defaults, vocabularySize: 262_208, contextLength: 131_072 };
    return readPlain(config, names, own, (outline) => {
      const { headDimension, contextLength, raw } = outline;
      const fields = readFields(attentionSchema, config);
      const pattern =
        fields.sliding_window_pattern ?? fields._sliding_window_pattern ?? DEFAULT_PATTERN;
      const sizes = { contextLength, headDimension };
      const full = readRopeOfType(raw, 'full_attention', sizes, FULL_THETA, raw);
      const sliding = readRopeOfType(raw, 'sliding_attention', sizes, SLIDING_THETA, {
        rope_theta: fields.rope_local_base_freq,
      });
      return sandwichModel(config, outline, {
        typeOf: (layer) => ((layer + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention'),
        attentionSoftcap: null,
        logitSoftcap: null,
        norms: {
          query: 'self_attn.q_norm',
          key: 'self_attn.k_norm',
          weightOffset: WEIGHT_OFFSET,
        },
        rotaryEmbeddings: [full, sliding].map((rope) => ({ rope, dimensions: headDimension })),
        ropeOf: (type) => (type === 'full_attention' ? 0 : 1),
        // max_position_embeddings counts the stretching of its full layers already.
        around: { longestContext: contextLength },
      });
    });
  },
};
