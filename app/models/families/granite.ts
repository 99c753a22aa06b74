import { z } from 'zod';
import { preNormLayer, readPlain } from '../blocks.ts';
import { sevenLinearLayers, type Family } from '../family.ts';
import { readFields } from '../fields.ts';
import { readBiases } from '../outline.ts';

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
    const defaults = {
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
    } as const;
    return readPlain(config, names, defaults, () => {
      const { attention, mlp } = readBiases(config);
      const factors = readFields(factorsSchema, config);
      const residualScale = factors.residual_multiplier ?? 1;
      return {
        attention: () => ({
          scale: factors.attention_multiplier ?? 1,
          biases: { qkv: attention, output: attention },
        }),
        mlpBias: mlp,
        layer: (...parts) => ({ ...preNormLayer(...parts), residualScale }),
        around: {
          embeddingScale: factors.embedding_multiplier ?? 1,
          logitScale: 1 / (factors.logits_scaling ?? 1),
        },
      };
    });
  },
};
