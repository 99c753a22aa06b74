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
  readBiases,
  readOutline,
} from './outline.ts';
import { readRope } from './rope-config.ts';

const outputBiasSchema = z.looseObject({ attention_out_bias: z.boolean().nullish() });

export const seedOss: Family = {
  classes: { seed_oss: 'SeedOssForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const outline = readOutline(config, {
      vocabularySize: 155_136,
      hiddenSize: 4_096,
      intermediateSize: 27_648,
      layers: 64,
      heads: 80,
      contextLength: 524_288,
      kvHeads: 8,
      headDimension: 128,
      bosTokenId: 0,
      eosTokenId: 2,
    });
    const activation = readActivation(config, 'silu');
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    const biases = readBiases(config, true);
    const output = readFields(outputBiasSchema, config).attention_out_bias ?? false;
    return decoderOf(outline, names, {
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) =>
        preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, { biases: { qkv: biases.attention, output } }),
          gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias: biases.mlp,
          }),
        ),
      ),
    });
  },
};
