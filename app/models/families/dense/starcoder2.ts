import { z } from 'zod';
import { layerModule, layerNorm, preNormLayer, readPlain, ungatedOf } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readActivation, readWholeWindow } from '../../outline.ts';

const biasSchema = z.looseObject({ use_bias: z.boolean().nullish() });

/** StarCoder 2: layer norms, biases, and a feed-forward without a gate. */
export const starcoder2: Family = {
  isLinear: oneOf(
    'self_attn.q_proj',
    'self_attn.k_proj',
    'self_attn.v_proj',
    'self_attn.o_proj',
    'mlp.c_fc',
    'mlp.c_proj',
  ),
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 49_152,
      hiddenSize: 3_072,
      intermediateSize: 12_288,
      layers: 30,
      heads: 24,
      contextLength: 4_096,
      kvHeads: 2,
      headDimension: 'ratio',
      bosTokenId: 50_256,
      eosTokenId: 50_256,
      epsilon: 1e-5,
      epsilonField: 'norm_epsilon',
      tied: true,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const bias = readFields(biasSchema, config).use_bias ?? true;
      const window = readWholeWindow(config, null);
      return {
        activation: readActivation(config, 'gelu-tanh'),
        attention: () => ({ window, biases: { qkv: bias, output: bias } }),
        feedForward: (layer, activation) =>
          ungatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias,
            names: { up: 'c_fc', down: 'c_proj' },
          }),
        layer: (sizes, layer, attention, feedForward) =>
          preNormLayer(sizes, layer, attention, feedForward, layerNorm),
        around: { finalNorm: layerNorm(outline, 'model.norm') },
      };
    });
  },
};
