import { z } from 'zod';
import { layerModule, layerNorm, readPlain, ungatedOf } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readActivation } from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';

/** Share of a head that is rotated, where the config does not say. */
const DEFAULT_PARTIAL = 0.5;

const normSchema = z.looseObject({ qk_layernorm: z.boolean().nullish() });

/** Phi 1, 1.5 and 2: attention and feed-forward beside each other behind one layer norm, and biases everywhere. */
export const phi: Family = {
  isLinear: oneOf(
    'self_attn.q_proj',
    'self_attn.k_proj',
    'self_attn.v_proj',
    'self_attn.dense',
    'mlp.fc1',
    'mlp.fc2',
  ),
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 51_200,
      hiddenSize: 2_048,
      intermediateSize: 8_192,
      layers: 24,
      heads: 32,
      contextLength: 2_048,
      kvHeads: 'heads',
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
      epsilonField: 'layer_norm_eps',
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension } = outline;
      const norms = {
        query: 'self_attn.q_layernorm',
        key: 'self_attn.k_layernorm',
        layer: { weights: 'shared', bias: true },
      } as const;
      const isNormed = readFields(normSchema, config).qk_layernorm === true;
      return {
        activation: readActivation(config, 'gelu-tanh'),
        rotaryEmbeddings: [
          readPartialRope(raw, contextLength, headDimension, { partial: DEFAULT_PARTIAL }),
        ],
        attention: () => ({
          norms: isNormed ? norms : null,
          biases: { qkv: true, output: true },
          output: 'self_attn.dense',
        }),
        feedForward: (layer, activation) =>
          ungatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias: true,
            names: { up: 'fc1', down: 'fc2' },
          }),
        layer: (sizes, layer, mixer, feedForward) => ({
          attentionNorm: layerNorm(sizes, layerModule(layer, 'input_layernorm')),
          mixer,
          afterAttentionNorm: null,
          feedForwardNorm: null,
          feedForward,
          afterFeedForwardNorm: null,
          residualScale: 1,
          isParallel: true,
        }),
        around: { finalNorm: layerNorm(outline, 'model.final_layernorm'), headBias: true },
      };
    });
  },
};
