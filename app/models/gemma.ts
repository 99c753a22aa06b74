import { z } from 'zod';
import type { Decoder, DecoderLayer } from './decoder.ts';
import { sevenLinearLayers, type Family, type ModelNames } from './family.ts';
import { readFields, unsupportedFeature } from './fields.ts';
import {
  attentionOf,
  decoderOf,
  gatedOf,
  layerModule,
  layersOf,
  readActivation,
  readLayerTypes,
  readOutline,
  readWindow,
  rmsNorm,
  windowOf,
  type Defaults,
  type LayerType,
  type Outline,
} from './outline.ts';
import { readRope, readRopeOfType } from './rope-config.ts';

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
  attention_bias: z.boolean().nullish(),
  query_pre_attn_scalar: positive.nullish(),
  attn_logit_softcapping: positive.nullish(),
  final_logit_softcapping: positive.nullish(),
  sliding_window_pattern: z.int().positive().nullish(),
  _sliding_window_pattern: z.int().positive().nullish(),
  rope_local_base_freq: positive.nullish(),
  use_bidirectional_attention: z.boolean().nullish(),
});

/** The square root of the width, in the type of the weights: bfloat16 rounds 55.43 to 55.5, and training did so. */
function embeddingScale({ hiddenSize, dtype }: Outline): number {
  const scale = Math.fround(Math.sqrt(hiddenSize));
  if (dtype !== 'bfloat16') return scale;
  const [bits = 0] = new Uint32Array(Float32Array.of(scale).buffer);
  // To nearest, ties to even.
  const rounded = ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) << 16;
  return new Float32Array(Uint32Array.of(rounded).buffer)[0] ?? scale;
}

function norm(outline: Outline, layer: number, module: string): ReturnType<typeof rmsNorm> {
  return rmsNorm(outline, layerModule(layer, module), WEIGHT_OFFSET);
}

/** What all of them have around their layers. */
function around(outline: Outline): Pick<Decoder, 'embeddingScale' | 'finalNorm'> {
  return {
    embeddingScale: embeddingScale(outline),
    finalNorm: rmsNorm(outline, 'model.norm', WEIGHT_OFFSET),
  };
}

/** The first Gemma: Llama's order of norms. */
export const gemma: Family = {
  classes: { gemma: 'GemmaForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    const outline = readOutline(config, {
      ...defaults,
      hiddenSize: 3_072,
      intermediateSize: 24_576,
      layers: 28,
      heads: 16,
      kvHeads: 16,
    });
    const bias = readFields(attentionSchema, config).attention_bias ?? false;
    const activation = readActivation(config, 'gelu-tanh');
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    return decoderOf(outline, names, {
      ...around(outline),
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) => ({
        attentionNorm: norm(outline, layer, 'input_layernorm'),
        attention: attentionOf(outline, layer, { biases: { qkv: bias, output: bias } }),
        afterAttentionNorm: null,
        feedForwardNorm: norm(outline, layer, 'post_attention_layernorm'),
        feedForward: gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
          activation,
        }),
        afterFeedForwardNorm: null,
        residualScale: 1,
      })),
    });
  },
};

/** A layer of Gemma 2 and 3: norms before and behind both blocks. */
function sandwich(
  outline: Outline,
  layer: number,
  { attention, feedForward }: Pick<DecoderLayer, 'attention' | 'feedForward'>,
): DecoderLayer {
  return {
    attentionNorm: norm(outline, layer, 'input_layernorm'),
    attention,
    afterAttentionNorm: norm(outline, layer, 'post_attention_layernorm'),
    feedForwardNorm: norm(outline, layer, 'pre_feedforward_layernorm'),
    feedForward,
    afterFeedForwardNorm: norm(outline, layer, 'post_feedforward_layernorm'),
    residualScale: 1,
  };
}

/** Gemma 2: every other layer slides, and scores and logits are limited. */
export const gemma2: Family = {
  classes: { gemma2: 'Gemma2ForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    const outline = readOutline(config, defaults);
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    return readSandwich(config, names, outline, {
      typeOf: (layer) => (layer % 2 === 0 ? 'sliding_attention' : 'full_attention'),
      attentionSoftcap: DEFAULT_ATTENTION_SOFTCAP,
      logitSoftcap: DEFAULT_LOGIT_SOFTCAP,
      hasHeadNorms: false,
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      ropeOf: () => 0,
    });
  },
};

/** Gemma 3 without its eyes: five layers slide for one that does not, with a rotation of their own. */
export const gemma3: Family = {
  classes: { gemma3_text: 'Gemma3ForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    const outline = readOutline(config, {
      ...defaults,
      vocabularySize: 262_208,
      contextLength: 131_072,
    });
    const { headDimension, contextLength, raw } = outline;
    const fields = readFields(attentionSchema, config);
    const pattern =
      fields.sliding_window_pattern ?? fields._sliding_window_pattern ?? DEFAULT_PATTERN;
    const sizes = { contextLength, headDimension };
    const full = readRopeOfType(raw, 'full_attention', sizes, FULL_THETA, raw);
    const sliding = readRopeOfType(raw, 'sliding_attention', sizes, SLIDING_THETA, {
      rope_theta: fields.rope_local_base_freq,
    });
    const decoder = readSandwich(config, names, outline, {
      typeOf: (layer) => ((layer + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention'),
      attentionSoftcap: null,
      logitSoftcap: null,
      hasHeadNorms: true,
      rotaryEmbeddings: [
        { rope: full, dimensions: headDimension },
        { rope: sliding, dimensions: headDimension },
      ],
      ropeOf: (type) => (type === 'full_attention' ? 0 : 1),
    });
    // max_position_embeddings counts the stretching of its full layers already.
    return { ...decoder, longestContext: contextLength };
  },
};

function readSandwich(
  config: unknown,
  names: ModelNames,
  outline: Outline,
  own: {
    readonly typeOf: (layer: number) => LayerType;
    /** Where the config does not say; an explicit null means none. */
    readonly attentionSoftcap: number | null;
    readonly logitSoftcap: number | null;
    readonly hasHeadNorms: boolean;
    readonly rotaryEmbeddings: Decoder['rotaryEmbeddings'];
    readonly ropeOf: (type: LayerType) => number;
  },
): Decoder {
  const fields = readFields(attentionSchema, config);
  if (fields.use_bidirectional_attention === true)
    throw unsupportedFeature(
      'use_bidirectional_attention',
      'true',
      'config.json: a model whose tokens see what follows them makes embeddings, not text.',
    );
  const activation = readActivation(config, 'gelu-tanh', 'hidden_activation');
  const bias = fields.attention_bias ?? false;
  const scale = 1 / Math.sqrt(fields.query_pre_attn_scalar ?? QUERY_SCALAR);
  const capped = (given: number | null | undefined, fallback: number | null): number | null =>
    given === undefined ? fallback : given;
  const types = readLayerTypes(config, outline.layers, own.typeOf);
  const window = readWindow(config, DEFAULT_WINDOW);
  const norms = {
    query: 'self_attn.q_norm',
    key: 'self_attn.k_norm',
    weightOffset: WEIGHT_OFFSET,
  };
  return decoderOf(outline, names, {
    ...around(outline),
    logitSoftcap: capped(fields.final_logit_softcapping, own.logitSoftcap),
    rotaryEmbeddings: own.rotaryEmbeddings,
    layers: types.map((type, layer) =>
      sandwich(outline, layer, {
        attention: attentionOf(outline, layer, {
          scale,
          window: windowOf(type, window),
          softcap: capped(fields.attn_logit_softcapping, own.attentionSoftcap),
          rope: own.ropeOf(type),
          norms: own.hasHeadNorms ? norms : null,
          biases: { qkv: bias, output: bias },
        }),
        feedForward: gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
          activation,
        }),
      }),
    ),
  });
}
