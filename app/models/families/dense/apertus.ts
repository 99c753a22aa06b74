import { z } from 'zod';
import { layerModule, readPlain, rmsNorm, ungatedOf } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readActivation, readBiases } from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

const THETA = 12_000_000;

/** The rotation of a config that does not describe one. */
const DEFAULT_ROPE = {
  rope_type: 'llama3',
  rope_theta: THETA,
  factor: 8,
  original_max_position_embeddings: 8_192,
  low_freq_factor: 1,
  high_freq_factor: 4,
} as const;

const activationSchema = z.looseObject({ hidden_act: z.string().optional() });

/** Apertus: a feed-forward without a gate, whose activation is learned. */
export const apertus: Family = {
  isLinear: oneOf(
    'self_attn.q_proj',
    'self_attn.k_proj',
    'self_attn.v_proj',
    'self_attn.o_proj',
    'mlp.up_proj',
    'mlp.down_proj',
  ),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 131_072,
      hiddenSize: 4_096,
      intermediateSize: 14_336,
      layers: 32,
      heads: 32,
      contextLength: 65_536,
      kvHeads: 'heads',
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension, intermediateSize } = outline;
      const { attention: bias } = readBiases(config);
      const isLearned = (readFields(activationSchema, config).hidden_act ?? 'xielu') === 'xielu';
      const fields = raw.rope_parameters ? raw : { ...raw, rope_parameters: DEFAULT_ROPE };
      return {
        activation: isLearned ? 'silu' : readActivation(config, 'silu'),
        rotaryEmbeddings: [
          {
            rope: readRope(fields, contextLength, headDimension, THETA),
            dimensions: headDimension,
          },
        ],
        attention: () => ({
          norms: { query: 'self_attn.q_norm', key: 'self_attn.k_norm' },
          biases: { qkv: bias, output: bias },
        }),
        feedForward: (layer, activation) =>
          ungatedOf(outline, layerModule(layer, 'mlp'), intermediateSize, {
            activation: isLearned
              ? { kind: 'xielu', module: layerModule(layer, 'mlp.act_fn') }
              : activation,
          }),
        layer: (sizes, layer, mixer, feedForward) => ({
          attentionNorm: rmsNorm(sizes, layerModule(layer, 'attention_layernorm')),
          mixer,
          afterAttentionNorm: null,
          feedForwardNorm: rmsNorm(sizes, layerModule(layer, 'feedforward_layernorm')),
          feedForward,
          afterFeedForwardNorm: null,
          residualScale: 1,
        }),
      };
    });
  },
};
