import { z } from 'zod';
import { layerNorm, layerModule, readPlain, type PlainModel } from '../../blocks.ts';
import type { Attention, DecoderLayer, FeedForward } from '../../decoder.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import {
  readBiases,
  readLayerTypes,
  readWindow,
  windowOf,
  type Defaults,
  type Outline,
} from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

const defaults: Defaults = {
  vocabularySize: 256_000,
  hiddenSize: 8_192,
  intermediateSize: 22_528,
  layers: 40,
  heads: 64,
  contextLength: 8_192,
  kvHeads: 'heads',
  headDimension: 'ratio',
  bosTokenId: 5,
  eosTokenId: 255_001,
  epsilon: 1e-5,
  epsilonField: 'layer_norm_eps',
  tied: true,
};

/** Factor of the logits, and base of the first family's rotation, where a config does not say. */
const DEFAULT_LOGIT_SCALE = 0.0625;
const COHERE_THETA = 500_000;
const DEFAULT_WINDOW = 4_096;
/** One layer in so many sees everything, where the config does not list them. */
const DEFAULT_PATTERN = 4;

const fieldsSchema = z.looseObject({
  logit_scale: z.number().optional(),
  use_qk_norm: z.boolean().nullish(),
  sliding_window_pattern: z.int().positive().optional(),
});

/** Attention and feed-forward beside each other, behind one norm that has no bias. */
function besides(
  outline: Outline,
  layer: number,
  attention: Attention,
  feedForward: FeedForward,
): DecoderLayer {
  return {
    attentionNorm: layerNorm(outline, layerModule(layer, 'input_layernorm'), { bias: false }),
    mixer: attention,
    afterAttentionNorm: null,
    feedForwardNorm: null,
    feedForward,
    afterFeedForwardNorm: null,
    residualScale: 1,
    isParallel: true,
  };
}

/** What both have; neighbouring elements of a head are rotated together. */
function model(
  config: unknown,
  outline: Outline,
  theta: number,
): Required<Pick<PlainModel, 'rotaryEmbeddings' | 'layer' | 'around'>> {
  const { raw, contextLength, headDimension: dimensions } = outline;
  const rope = readRope(raw, contextLength, dimensions, theta);
  const { logit_scale: logitScale = DEFAULT_LOGIT_SCALE } = readFields(fieldsSchema, config);
  const finalNorm = layerNorm(outline, 'model.norm', { bias: false });
  return {
    rotaryEmbeddings: [{ rope, dimensions, interleaved: true }],
    layer: besides,
    around: { finalNorm, logitScale },
  };
}

/** Command R. */
export const cohere: Family = {
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    return readPlain(config, names, defaults, (outline) => {
      const { attention: bias } = readBiases(config);
      const isNormed = readFields(fieldsSchema, config).use_qk_norm === true;
      const norms = {
        query: 'self_attn.q_norm',
        key: 'self_attn.k_norm',
        layer: { weights: 'rows', bias: false },
      } as const;
      return {
        ...model(config, outline, COHERE_THETA),
        attention: () => ({
          norms: isNormed ? norms : null,
          biases: { qkv: bias, output: bias },
        }),
      };
    });
  },
};

/** Command R7B and A: layers that slide rotate, those that see everything know no positions. */
export const cohere2: Family = {
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    return readPlain(config, names, defaults, (outline) => {
      const { attention: bias } = readBiases(config);
      const { sliding_window_pattern: pattern = DEFAULT_PATTERN } = readFields(
        fieldsSchema,
        config,
      );
      const window = readWindow(config, DEFAULT_WINDOW);
      const types = readLayerTypes(config, outline.layers, (layer) =>
        (layer + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention',
      );
      return {
        ...model(config, outline, 10_000),
        attention: (layer) => {
          const type = types[layer] ?? 'full_attention';
          return {
            rope: type === 'full_attention' ? null : 0,
            window: windowOf(type, window),
            biases: { qkv: bias, output: bias },
          };
        },
      };
    });
  },
};
