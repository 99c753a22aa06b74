import { layerModule, preNormLayer, readPlain, rmsNorm } from '../../blocks.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readActivation, readBiases } from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

const THETA = 500_000;

/** BitNet b1.58: Llama with a further norm in front of both output matrices. */
export const bitnet: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 128_256,
      hiddenSize: 2_560,
      intermediateSize: 6_912,
      layers: 30,
      heads: 20,
      contextLength: 2_048,
      kvHeads: 5,
      headDimension: 'ratio',
      bosTokenId: 128_000,
      eosTokenId: 128_001,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension } = outline;
      const { attention: bias } = readBiases(config);
      return {
        activation: readActivation(config, 'relu2'),
        rotaryEmbeddings: [
          { rope: readRope(raw, contextLength, headDimension, THETA), dimensions: headDimension },
        ],
        attention: (layer) => ({
          innerNorm: rmsNorm(outline, layerModule(layer, 'self_attn.attn_sub_norm')),
          biases: { qkv: bias, output: bias },
        }),
        layer: (sizes, layer, attention, feedForward) => {
          const innerNorm = rmsNorm(sizes, layerModule(layer, 'mlp.ffn_sub_norm'));
          const inner = feedForward.kind === 'gated' ? { ...feedForward, innerNorm } : feedForward;
          return preNormLayer(sizes, layer, attention, inner);
        },
      };
    });
  },
};
