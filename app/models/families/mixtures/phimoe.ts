import { z } from 'zod';
import { layerModule, layerNorm, preNormLayer, readPlain } from '../../blocks.ts';
import { expertLayers, expertsOf, readExperts, type ExpertsModules } from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields, unsupportedFeature } from '../../fields.ts';
import { readBiases, readWholeWindow, type Outline } from '../../outline.ts';
import { readRope, type RopeConfig } from '../../rope-config.ts';

const THETA = 1_000_000;
/** `router_jitter_noise` where a config does not say. */
const JITTER = 0.01;

const fieldsSchema = z.looseObject({
  router_jitter_noise: z.number().nonnegative().nullish(),
  lm_head_bias: z.boolean().nullish(),
});

const positive = z.number().positive();
const scaledSchema = z.looseObject({
  short_mscale: positive,
  long_mscale: positive,
  original_max_position_embeddings: positive,
});

/** The rotation, and how many tokens it holds for; null for as many as the model was made for. */
function rotation({ raw, contextLength, headDimension }: Outline): {
  rope: RopeConfig;
  reach: number | null;
} {
  const rope = readRope(raw, contextLength, headDimension, THETA);
  if (rope.kind === 'default') return { rope, reach: null };
  const stated = scaledSchema.safeParse(raw.rope_scaling ?? raw.rope_parameters);
  if (rope.kind !== 'longrope' || !stated.success)
    throw unsupportedFeature(
      'rope_type',
      rope.kind,
      `config.json: rotary embeddings of type ${rope.kind} are not supported in this architecture.`,
    );
  const { short_mscale, long_mscale, original_max_position_embeddings: original } = stated.data;
  // The short factors hold at every length; only the factor of all changes.
  const scaled = { ...rope, longFactors: rope.shortFactors, attentionFactor: short_mscale };
  return { rope: scaled, reach: short_mscale === long_mscale ? null : original };
}

const modules: ExpertsModules = {
  router: 'block_sparse_moe.gate',
  experts: 'block_sparse_moe.experts',
  names: { gate: 'w1', up: 'w3', down: 'w2' },
};

/** Phi 3.5 MoE: layer norms, and a router that chooses two experts one after the other. */
export const phimoe: Family = {
  isLinear: expertLayers(sevenLinearLayers, /^block_sparse_moe\.experts\.\d+\.w[123]$/),
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 32_064,
      hiddenSize: 4_096,
      intermediateSize: 6_400,
      layers: 32,
      heads: 32,
      contextLength: 131_072,
      kvHeads: 8,
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { intermediateSize, headDimension, contextLength } = outline;
      const fields = readFields(fieldsSchema, config);
      const { attention: bias } = readBiases(config);
      const window = readWholeWindow(config, null);
      const { rope, reach } = rotation(outline);
      const read = readExperts(config, {
        experts: 16,
        expertsPerToken: 2,
        normalized: true,
        intermediateSize,
      });
      if (read.expertsPerToken !== 2)
        throw unsupportedFeature(
          'num_experts_per_tok',
          String(read.expertsPerToken),
          'config.json: routers of this architecture choose two experts.',
        );
      const experts = { ...read, normalized: true, intermediateSize };
      const length = Math.min(contextLength, reach ?? contextLength);
      return {
        rotaryEmbeddings: [{ rope, dimensions: headDimension }],
        attention: () => ({ window, biases: { qkv: bias, output: bias } }),
        layer: (sizes, layer, attention, feedForward) => ({
          ...preNormLayer(sizes, layer, attention, feedForward),
          attentionNorm: layerNorm(sizes, layerModule(layer, 'input_layernorm')),
          feedForwardNorm: layerNorm(sizes, layerModule(layer, 'post_attention_layernorm')),
        }),
        feedForward: (layer, activation) =>
          expertsOf(outline, layer, experts, modules, activation, {
            scores: 'sparse-mixer',
            jitter: fields.router_jitter_noise ?? JITTER,
          }),
        around: {
          finalNorm: layerNorm(outline, 'model.norm'),
          headBias: fields.lm_head_bias ?? false,
          contextLength: length,
          longestContext: length,
        },
      };
    });
  },
};
