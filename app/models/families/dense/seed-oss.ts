import { z } from 'zod';
import { readPlain } from '../../blocks.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readBiases } from '../../outline.ts';

const outputBiasSchema = z.looseObject({ attention_out_bias: z.boolean().nullish() });

export const seedOss: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const defaults = {
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
    } as const;
    return readPlain(config, names, defaults, () => {
      const { attention: qkv, mlp } = readBiases(config, true);
      const output = readFields(outputBiasSchema, config).attention_out_bias ?? false;
      return { attention: () => ({ biases: { qkv, output } }), mlpBias: mlp };
    });
  },
};
