import { z } from 'zod';
import { gatedOf, layerModule, readPlain, type PlainModel } from '../../blocks.ts';
import { expertStacks } from '../../expert-stacks.ts';
import { expertLayers, expertsOf, readExperts } from '../../experts.ts';
import type { RopeConfig } from '../../rope-config.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readBiases, type Outline } from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

const alphaSchema = z.looseObject({ alpha: z.number().nonnegative().nullish() });

/** `alpha` stretches the base of the rotation at every length, though configs call that dynamic. */
function ropeOf({ raw, contextLength, headDimension }: Outline): RopeConfig {
  const scaling = raw.rope_scaling ?? {};
  const given = Object.keys(scaling).length > 0 ? scaling : (raw.rope_parameters ?? {});
  const alpha = readFields(alphaSchema, given).alpha ?? 0;
  if ((given.rope_type ?? given.type) !== 'dynamic' || alpha === 0)
    return readRope(raw, contextLength, headDimension);
  const theta = given.rope_theta ?? raw.rope_theta ?? 10_000;
  return {
    kind: 'default',
    theta: theta * alpha ** (headDimension / (headDimension - 2)),
  };
}

const defaults = {
  vocabularySize: 290_943,
  hiddenSize: 4_096,
  intermediateSize: 11_008,
  layers: 32,
  heads: 32,
  contextLength: 2_048,
  kvHeads: 'heads',
  headDimension: 'ratio',
  bosTokenId: 1,
  eosTokenId: 2,
  epsilon: 1e-5,
} as const;

/** What both have: norms of queries and keys behind their rotation. */
function plainModel(config: unknown, outline: Outline): PlainModel {
  const { attention: bias } = readBiases(config);
  return {
    rotaryEmbeddings: [{ rope: ropeOf(outline), dimensions: outline.headDimension }],
    attention: () => ({
      norms: { query: 'self_attn.query_layernorm', key: 'self_attn.key_layernorm' },
      normsRotated: true,
      biases: { qkv: bias, output: bias },
    }),
  };
}

/** Hunyuan without experts: Llama that normalizes queries and keys behind their rotation. */
export const hunyuanDense: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    return readPlain(config, names, defaults, (outline) => plainModel(config, outline));
  },
};

const MAX_LAYERS = 4_096;
const chosenSchema = z.looseObject({
  moe_topk: z.union([z.int().positive(), z.array(z.int().positive()).max(MAX_LAYERS)]).nullish(),
});

/** Hunyuan with experts in every layer, one of which every token goes through. */
export const hunyuanMoe: Family = {
  isLinear: expertLayers(
    sevenLinearLayers,
    /^mlp\.(?:experts\.\d+|shared_mlp)\.(?:gate|up|down)_proj$/,
  ),
  stacks: expertStacks('mlp.experts', 'rows'),
  normType: 'widen',
  read(config, names) {
    return readPlain(config, names, defaults, (outline) => {
      const { intermediateSize } = outline;
      const chosen = readFields(chosenSchema, config).moe_topk ?? 1;
      const modules = { router: 'mlp.gate.wg', experts: 'mlp.experts' };
      return {
        ...plainModel(config, outline),
        feedForward: (layer, activation) => {
          const perToken = typeof chosen === 'number' ? chosen : (chosen[layer] ?? 1);
          const read = readExperts(
            { num_experts: outline.raw['num_experts'], num_experts_per_tok: perToken },
            { experts: 1, expertsPerToken: 1, normalized: true, intermediateSize },
          );
          const shared = layerModule(layer, 'mlp.shared_mlp');
          return {
            ...expertsOf(outline, layer, read, modules, activation),
            shared: {
              feedForward: gatedOf(outline, shared, intermediateSize, { activation }),
              gate: null,
            },
          };
        },
      };
    });
  },
};
