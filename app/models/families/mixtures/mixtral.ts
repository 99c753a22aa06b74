import { readPlain } from '../../blocks.ts';
import { expertLayers, expertsOf, readExperts, type ExpertsModules } from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readWholeWindow } from '../../outline.ts';

const modules: ExpertsModules = {
  router: 'block_sparse_moe.gate',
  experts: 'block_sparse_moe.experts',
  names: { gate: 'w1', up: 'w3', down: 'w2' },
};

export const mixtral: Family = {
  isLinear: expertLayers(sevenLinearLayers, /^block_sparse_moe\.experts\.\d+\.w[123]$/),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 32_000,
      hiddenSize: 4_096,
      intermediateSize: 14_336,
      layers: 32,
      heads: 32,
      contextLength: 131_072,
      kvHeads: 8,
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
      theta: 1_000_000,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { intermediateSize } = outline;
      const window = readWholeWindow(config, null);
      const read = readExperts(config, {
        experts: 8,
        expertsPerToken: 2,
        normalized: true,
        intermediateSize,
      });
      // What the family does not read may say anything.
      const experts = { ...read, normalized: true, intermediateSize };
      return {
        attention: () => ({ window }),
        feedForward: (layer, activation) => expertsOf(outline, layer, experts, modules, activation),
      };
    });
  },
};
