import { readPlain } from '../../blocks.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readBiases } from '../../outline.ts';

/** Llama 1 to 3, and the many models that took its shape. */
export const llama: Family = {
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
      headDimension: 'whole-ratio',
      bosTokenId: 1,
      eosTokenId: 2,
    } as const;
    return readPlain(config, names, defaults, () => {
      const { attention, mlp } = readBiases(config);
      return { attention: () => ({ biases: { qkv: attention, output: attention } }), mlpBias: mlp };
    });
  },
};
