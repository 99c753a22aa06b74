import { z } from 'zod';
import { layerModule, readPlain } from '../../blocks.ts';
import { expertLayers, expertsOf, readExperts, type ExpertsModules } from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { width } from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';

const THETA = 5_000_000;

const rotarySchema = z.looseObject({ rotary_dim: width.nullish() });

const modules: ExpertsModules = {
  router: 'block_sparse_moe.gate',
  experts: 'block_sparse_moe.experts',
  names: { gate: 'w1', up: 'w3', down: 'w2' },
};

/** MiniMax M2: mixtures chosen by the corrected sigmoid, and norms over all queries and all keys. */
export const minimaxM2: Family = {
  isLinear: expertLayers(sevenLinearLayers, /^block_sparse_moe\.experts\.\d+\.w[123]$/),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 200_064,
      hiddenSize: 3_072,
      intermediateSize: 1_536,
      layers: 62,
      heads: 48,
      contextLength: 196_608,
      kvHeads: 8,
      headDimension: 128,
      bosTokenId: 200_034,
      eosTokenId: 200_020,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension, intermediateSize } = outline;
      const rotated = readFields(rotarySchema, config).rotary_dim ?? headDimension;
      const read = readExperts(config, {
        experts: 256,
        expertsPerToken: 8,
        normalized: true,
        intermediateSize,
      });
      // What the family does not read may say anything.
      const experts = { ...read, normalized: true, intermediateSize };
      return {
        rotaryEmbeddings: [
          readPartialRope(raw, contextLength, headDimension, {
            partial: rotated / headDimension,
            theta: THETA,
          }),
        ],
        attention: () => ({
          norms: { query: 'self_attn.q_norm', key: 'self_attn.k_norm', extent: 'all-heads' },
        }),
        feedForward: (layer, activation) =>
          expertsOf(outline, layer, experts, modules, activation, {
            scores: 'sigmoid',
            correction: layerModule(layer, 'block_sparse_moe.e_score_correction_bias'),
          }),
      };
    });
  },
};
