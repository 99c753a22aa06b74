import { z } from 'zod';
import { gatedOf, layerModule, readPlain } from '../../blocks.ts';
import { expertStacks } from '../../expert-stacks.ts';
import { expertLayers, expertsOf, readExperts } from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readRope } from '../../rope-config.ts';

const THETA = 500_000;

const biasSchema = z.looseObject({ use_bias: z.boolean().nullish() });

/** ERNIE 4.5 without experts: Llama that rotates neighbouring elements. */
export const ernie45: Family = {
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

const count = z.int().nonnegative();
const mixtureSchema = z.looseObject({
  moe_k: count.nullish(),
  moe_num_experts: count.nullish(),
  moe_num_shared_experts: count.nullish(),
  moe_layer_start_index: z.int().nullish(),
  moe_layer_end_index: z.int().nullish(),
  moe_layer_interval: z.int().positive().nullish(),
  moe_norm_min: z.number().nonnegative().nullish(),
});

/** `moe_norm_min` where a config does not say. */
const LEAST_SUM = 1e-12;
/** Layers from this one on are mixtures, where a config does not say. */
const FIRST_MIXTURE = 1;

/** ERNIE 4.5 with experts: chosen by the corrected softmax. */
export const ernie45Moe: Family = {
  isLinear: expertLayers(
    sevenLinearLayers,
    /^mlp\.(?:experts\.\d+|shared_experts)\.(?:gate|up|down)_proj$/,
  ),
  stacks: expertStacks('mlp.experts', 'rows'),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 103_424,
      hiddenSize: 2_560,
      intermediateSize: 12_288,
      layers: 28,
      heads: 20,
      contextLength: 131_072,
      kvHeads: 4,
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
      tied: true,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension, layers } = outline;
      const bias = readFields(biasSchema, config).use_bias ?? false;
      const fields = readFields(mixtureSchema, config);
      const experts = readExperts(
        {
          num_experts: fields.moe_num_experts,
          num_experts_per_tok: fields.moe_k,
          moe_intermediate_size: raw['moe_intermediate_size'],
        },
        { experts: 64, expertsPerToken: 6, normalized: true, intermediateSize: 1_536 },
      );
      const first = fields.moe_layer_start_index ?? FIRST_MIXTURE;
      const stated = fields.moe_layer_end_index ?? -1;
      const last = stated === -1 ? layers - 1 : stated;
      const interval = fields.moe_layer_interval ?? 1;
      const sharedSize = (fields.moe_num_shared_experts ?? 2) * experts.intermediateSize;
      const rope = readRope(raw, contextLength, headDimension, THETA);
      const modules = { router: 'mlp.gate', experts: 'mlp.experts' };
      return {
        rotaryEmbeddings: [{ rope, dimensions: headDimension, interleaved: true }],
        attention: () => ({ biases: { qkv: bias, output: bias } }),
        around: { headBias: bias },
        feedForward: (layer, activation) => {
          const isMixture = (layer + 1) % interval === 0 && layer >= first && layer <= last;
          if (!isMixture)
            return gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
              activation,
              bias,
            });
          const mixture = expertsOf(outline, layer, experts, modules, activation, {
            correction: layerModule(layer, 'mlp.moe_statics.e_score_correction_bias'),
            normalized: { epsilon: 0, leastSum: fields.moe_norm_min ?? LEAST_SUM },
          });
          if (sharedSize === 0) return mixture;
          const shared = gatedOf(outline, layerModule(layer, 'mlp.shared_experts'), sharedSize, {
            activation,
            bias,
          });
          return { ...mixture, shared: { feedForward: shared, gate: null } };
        },
      };
    });
  },
};
