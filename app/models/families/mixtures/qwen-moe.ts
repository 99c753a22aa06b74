import { z } from 'zod';
import { gatedOf, layerModule, readPlain, type AttentionDetails } from '../../blocks.ts';
import type { Activation, Decoder, FeedForward } from '../../decoder.ts';
import { expertStacks } from '../../expert-stacks.ts';
import {
  expertLayers,
  expertsOf,
  readExperts,
  type ExpertsDefaults,
  type ExpertsModules,
  type ExpertsOutline,
} from '../../experts.ts';
import { sevenLinearLayers, type Family, type ModelNames } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readBiases, width, type Defaults, type Outline } from '../../outline.ts';
import { headNorms, readWindows } from '../dense/qwen.ts';

const modules: ExpertsModules = { router: 'mlp.gate', experts: 'mlp.experts' };

export const isMixtureLinear = expertLayers(
  sevenLinearLayers,
  /^mlp\.(?:experts\.\d+|shared_expert)\.(?:gate|up|down)_proj$/,
);

const sizes = {
  vocabularySize: 151_936,
  hiddenSize: 2_048,
  layers: 24,
  contextLength: 32_768,
  headDimension: 'ratio',
  bosTokenId: null,
  eosTokenId: null,
} as const;

/** The mixture of one layer. @param sharedSize Of the expert that every token goes through; null where there is none. */
export function qwenMixture(
  outline: Outline,
  layer: number,
  experts: ExpertsOutline,
  activation: Activation,
  sharedSize: number | null,
): FeedForward {
  const mixture = expertsOf(outline, layer, experts, modules, activation);
  if (sharedSize === null) return mixture;
  const shared = layerModule(layer, 'mlp.shared_expert');
  const gate = {
    module: layerModule(layer, 'mlp.shared_expert_gate'),
    inFeatures: outline.hiddenSize,
    outFeatures: 1,
    bias: false,
  };
  return {
    ...mixture,
    shared: { feedForward: gatedOf(outline, shared, sharedSize, { activation }), gate },
  };
}

function readMixture(
  config: unknown,
  names: ModelNames,
  defaults: Defaults & { readonly mixture: ExpertsDefaults },
  details: AttentionDetails,
  sharedSize: number | null,
): Decoder {
  return readPlain(config, names, defaults, (outline) => {
    const windows = readWindows(config, outline.layers);
    const experts = readExperts(config, defaults.mixture);
    return {
      attention: (layer) => ({ ...details, window: windows[layer] ?? null }),
      feedForward: (layer, activation): FeedForward => {
        if (!experts.isMixture(layer))
          return gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
          });
        return qwenMixture(outline, layer, experts, activation, sharedSize);
      },
    };
  });
}

/** Most files have experts one by one; some have all of a layer in one tensor. */
export const mixtureStacks = expertStacks('mlp.experts', 'rows');

export const qwen3Moe: Family = {
  isLinear: isMixtureLinear,
  stacks: mixtureStacks,
  normType: 'widen',
  read(config, names) {
    const { attention: bias } = readBiases(config);
    const mixture = {
      experts: 128,
      expertsPerToken: 8,
      normalized: false,
      intermediateSize: 768,
    };
    return readMixture(
      config,
      names,
      { ...sizes, intermediateSize: 6_144, heads: 32, kvHeads: 4, mixture },
      { norms: headNorms, biases: { qkv: bias, output: bias } },
      null,
    );
  },
};

/** The text model of Qwen 3 VL's mixture: its files have experts by columns, those that transformers wrote anew by rows. */
export const qwen3VlMoe: Family = {
  isLinear: isMixtureLinear,
  stacks: expertStacks('mlp.experts', 'either'),
  normType: 'widen',
  read(config, names) {
    const { attention: bias } = readBiases(config);
    const own = {
      ...sizes,
      intermediateSize: 5_632,
      heads: 16,
      kvHeads: 16,
      contextLength: 128_000,
      theta: 500_000,
    };
    return readPlain(config, names, own, (outline) => {
      const read = readExperts(config, {
        experts: 60,
        expertsPerToken: 4,
        normalized: true,
        intermediateSize: 1_408,
      });
      // What the family does not read may say anything.
      const experts = { ...read, normalized: true };
      return {
        attention: () => ({ norms: headNorms, biases: { qkv: bias, output: bias } }),
        feedForward: (layer, activation): FeedForward =>
          experts.isMixture(layer)
            ? expertsOf(outline, layer, experts, modules, activation)
            : gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, { activation }),
      };
    });
  },
};

const qwen2Schema = z.looseObject({
  qkv_bias: z.boolean().nullish(),
  shared_expert_intermediate_size: width.nullish(),
});

/** `shared_expert_intermediate_size` where a config does not say. */
const DEFAULT_SHARED_SIZE = 5_632;

/** Qwen 1.5 and 2: biases in place of head norms, and an expert that every token goes through. */
export const qwen2Moe: Family = {
  isLinear: isMixtureLinear,
  stacks: mixtureStacks,
  normType: 'widen',
  read(config, names) {
    const raw = readFields(qwen2Schema, config);
    const mixture = {
      experts: 60,
      expertsPerToken: 4,
      normalized: false,
      intermediateSize: 1_408,
    };
    return readMixture(
      config,
      names,
      { ...sizes, intermediateSize: 5_632, heads: 16, kvHeads: 16, mixture },
      { biases: { qkv: raw.qkv_bias ?? true, output: false } },
      raw.shared_expert_intermediate_size ?? DEFAULT_SHARED_SIZE,
    );
  },
};
