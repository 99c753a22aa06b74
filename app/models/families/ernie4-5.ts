import { z } from 'zod';
import { readPlain } from '../blocks.ts';
import { sevenLinearLayers, type Family } from '../family.ts';
import { readFields } from '../fields.ts';
import { readRope } from '../rope-config.ts';

const THETA = 500_000;

const biasSchema = z.looseObject({ use_bias: z.boolean().nullish() });

/** ERNIE 4.5 without experts: Llama that rotates neighbouring elements. */
export const ernie45: Family = {
  classes: { ernie4_5: 'Ernie4_5ForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 103_424,
      hiddenSize: 1_024,
      intermediateSize: 3_072,
      layers: 18,
      heads: 16,
      contextLength: 131_072,
      kvHeads: 2,
      headDimension: 128,
      nullHeadDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
      tied: true,
    } as const;
    return readPlain(config, names, defaults, ({ raw, contextLength, headDimension }) => {
      const bias = readFields(biasSchema, config).use_bias ?? false;
      const rope = readRope(raw, contextLength, headDimension, THETA);
      return {
        rotaryEmbeddings: [{ rope, dimensions: headDimension, interleaved: true }],
        attention: () => ({ biases: { qkv: bias, output: bias } }),
        mlpBias: bias,
      };
    });
  },
};
