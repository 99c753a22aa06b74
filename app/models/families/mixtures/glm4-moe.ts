import { z } from 'zod';
import { gatedOf, layerModule, readPlain, type PlainModel } from '../../blocks.ts';
import { expertStacks } from '../../expert-stacks.ts';
import {
  correctedRouting,
  expertLayers,
  expertsOf,
  readExperts,
  type ExpertsDefaults,
} from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields, unsupportedFeature } from '../../fields.ts';
import { readBiases, readLayerTypes, readWindow, windowOf, type Outline } from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';
import { headNorms } from '../dense/qwen.ts';

/** Mixtures that choose as DeepSeek 3 does, over ordinary attention. */

const isLinear = expertLayers(
  sevenLinearLayers,
  /^mlp\.(?:experts\.\d+|shared_experts)\.(?:gate|up|down)_proj$/,
);

const count = z.int().nonnegative();
const fieldsSchema = z.looseObject({
  first_k_dense_replace: count.nullish(),
  n_shared_experts: count.nullish(),
  use_qk_norm: z.boolean().nullish(),
  max_window_layers: z.int().nullish(),
});

interface MixtureDefaults extends ExpertsDefaults {
  readonly firstMixture: number;
  readonly sharedExperts: number;
}

/** Dense layers, then mixtures with an expert that every token goes through. */
function mixtures(
  config: unknown,
  outline: Outline,
  defaults: MixtureDefaults,
): NonNullable<PlainModel['feedForward']> {
  const fields = readFields(fieldsSchema, config);
  const experts = readExperts(config, defaults);
  const routing = correctedRouting(config, experts, 'mlp.gate');
  const first = fields.first_k_dense_replace ?? defaults.firstMixture;
  const sharedSize = (fields.n_shared_experts ?? defaults.sharedExperts) * experts.intermediateSize;
  if (sharedSize === 0)
    throw unsupportedFeature(
      'n_shared_experts',
      String(fields.n_shared_experts),
      'config.json: mixtures of this architecture without a shared expert are not supported.',
    );
  const modules = { router: 'mlp.gate', experts: 'mlp.experts' };
  return (layer, activation) => {
    if (layer < first)
      return gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, { activation });
    const shared = layerModule(layer, 'mlp.shared_experts');
    return {
      ...expertsOf(outline, layer, experts, modules, activation, routing(layer)),
      shared: { feedForward: gatedOf(outline, shared, sharedSize, { activation }), gate: null },
    };
  };
}

/** Share of a head that is rotated, where the config does not say. */
const DEFAULT_PARTIAL = 0.5;

/** GLM 4.5 and 4.6. */
export const glm4Moe: Family = {
  isLinear,
  stacks: expertStacks('mlp.experts', 'rows'),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 151_552,
      hiddenSize: 4_096,
      intermediateSize: 10_944,
      layers: 46,
      heads: 96,
      contextLength: 131_072,
      kvHeads: 8,
      headDimension: 'ratio',
      bosTokenId: null,
      eosTokenId: null,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension } = outline;
      const { attention: qkv } = readBiases(config);
      const isNormed = readFields(fieldsSchema, config).use_qk_norm === true;
      return {
        rotaryEmbeddings: [
          readPartialRope(raw, contextLength, headDimension, { partial: DEFAULT_PARTIAL }),
        ],
        attention: () => ({
          norms: isNormed ? headNorms : null,
          biases: { qkv, output: false },
        }),
        feedForward: mixtures(config, outline, {
          experts: 128,
          expertsPerToken: 8,
          normalized: true,
          intermediateSize: 1_408,
          firstMixture: 1,
          sharedExperts: 1,
        }),
      };
    });
  },
};

const DEFAULT_WINDOW = 4_096;
/** From this layer on dots.llm1 uses the window, where its config does not say. */
const DEFAULT_MAX_WINDOW_LAYERS = 62;

/** dots.llm1: norms of queries and keys, and windows of the last layers. */
export const dots1: Family = {
  isLinear,
  stacks: expertStacks('mlp.experts', 'rows'),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 152_064,
      hiddenSize: 4_608,
      intermediateSize: 10_944,
      layers: 62,
      heads: 32,
      contextLength: 2_048,
      kvHeads: 32,
      headDimension: 'ratio',
      bosTokenId: null,
      eosTokenId: null,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { attention: bias } = readBiases(config);
      const window = readWindow(config, DEFAULT_WINDOW);
      const first = readFields(fieldsSchema, config).max_window_layers ?? DEFAULT_MAX_WINDOW_LAYERS;
      const types = readLayerTypes(config, outline.layers, (layer) =>
        window !== null && layer >= first ? 'sliding_attention' : 'full_attention',
      );
      return {
        attention: (layer) => ({
          norms: headNorms,
          biases: { qkv: bias, output: bias },
          window: windowOf(types[layer] ?? 'full_attention', window),
        }),
        // Its class has no sizes of its own for a mixture: a config that leaves them out makes no model there either.
        feedForward: mixtures(config, outline, {
          experts: 1,
          expertsPerToken: 1,
          normalized: false,
          intermediateSize: 1_408,
          firstMixture: 0,
          sharedExperts: 0,
        }),
      };
    });
  },
};
