import { fusedGatedOf, layerModule, readPlain, rmsNorm } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { readBiases } from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';

/** Share of a head that is rotated, where the config does not say. */
const DEFAULT_PARTIAL = 0.5;

/** GLM 4 of 2025: norms around both blocks, and half of every head rotated by neighbours. */
export const glm4: Family = {
  isLinear: oneOf(
    'self_attn.q_proj',
    'self_attn.k_proj',
    'self_attn.v_proj',
    'self_attn.o_proj',
    'mlp.gate_up_proj',
    'mlp.down_proj',
  ),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 151_552,
      hiddenSize: 4_096,
      intermediateSize: 13_696,
      layers: 40,
      heads: 32,
      contextLength: 131_072,
      kvHeads: 2,
      headDimension: 128,
      bosTokenId: null,
      eosTokenId: [151_329, 151_336, 151_338],
      epsilon: 1.5625e-7,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension, intermediateSize } = outline;
      const { attention: qkv } = readBiases(config, true);
      return {
        rotaryEmbeddings: [
          {
            ...readPartialRope(raw, contextLength, headDimension, { partial: DEFAULT_PARTIAL }),
            interleaved: true,
          },
        ],
        attention: () => ({ biases: { qkv, output: false } }),
        feedForward: (layer, activation) =>
          fusedGatedOf(outline, layerModule(layer, 'mlp'), intermediateSize, activation),
        layer: (sizes, layer, attention, feedForward) => ({
          attentionNorm: rmsNorm(sizes, layerModule(layer, 'input_layernorm')),
          mixer: attention,
          afterAttentionNorm: rmsNorm(sizes, layerModule(layer, 'post_self_attn_layernorm')),
          feedForwardNorm: rmsNorm(sizes, layerModule(layer, 'post_attention_layernorm')),
          feedForward,
          afterFeedForwardNorm: rmsNorm(sizes, layerModule(layer, 'post_mlp_layernorm')),
          residualScale: 1,
        }),
      };
    });
  },
};
