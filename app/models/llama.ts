import { z } from 'zod';
import { sevenLinearLayers, type Family } from './family.ts';
import { readFields } from './fields.ts';
import {
  attentionOf,
  decoderOf,
  gatedOf,
  layerModule,
  layersOf,
  preNormLayer,
  readActivation,
  readOutline,
} from './outline.ts';
import { readRope } from './rope-config.ts';

const biasSchema = z.looseObject({
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
});

/** Llama 1 to 3, and the many models that took its shape. */
export const llama: Family = {
  classes: { llama: 'LlamaForCausalLM' },
  isLinear: sevenLinearLayers,
  read(config, names) {
    const outline = readOutline(config, {
      vocabularySize: 32_000,
      hiddenSize: 4_096,
      intermediateSize: 11_008,
      layers: 32,
      heads: 32,
      contextLength: 2_048,
      kvHeads: 'heads',
      headDimension: 'whole-ratio',
      bosTokenId: 1,
      eosTokenId: 2,
    });
    const activation = readActivation(config, 'silu');
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    const { attention_bias: attentionBias, mlp_bias: mlpBias } = readFields(biasSchema, config);
    const bias = attentionBias ?? false;
    return decoderOf(outline, names, {
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) =>
        preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, { biases: { qkv: bias, output: bias } }),
          gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias: mlpBias ?? false,
          }),
        ),
      ),
    });
  },
};
