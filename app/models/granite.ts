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

const factor = z.number().positive();
const factorsSchema = z.looseObject({
  embedding_multiplier: factor.nullish(),
  attention_multiplier: factor.nullish(),
  residual_multiplier: factor.nullish(),
  logits_scaling: factor.nullish(),
});

/** Llama with factors on embeddings, scores, blocks and logits. */
export const granite: Family = {
  classes: { granite: 'GraniteForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const outline = readOutline(config, {
      vocabularySize: 32_000,
      hiddenSize: 4_096,
      intermediateSize: 11_008,
      layers: 32,
      heads: 32,
      contextLength: 2_048,
      kvHeads: 'heads',
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
    });
    const activation = readActivation(config, 'silu');
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    const biases = readBiases(config);
    const factors = readFields(factorsSchema, config);
    return decoderOf(outline, names, {
      embeddingScale: factors.embedding_multiplier ?? 1,
      logitScale: 1 / (factors.logits_scaling ?? 1),
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) => ({
        ...preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, {
            scale: factors.attention_multiplier ?? 1,
            biases: { qkv: biases.attention, output: biases.attention },
          }),
          gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias: biases.mlp,
          }),
        ),
        residualScale: factors.residual_multiplier ?? 1,
      })),
    });
  },
};
