import { z } from 'zod';
import type { Decoder } from './decoder.ts';
import { expertLayers, expertsOf, readExperts, type ExpertsModules } from './experts.ts';
import { sevenLinearLayers, type Family } from './family.ts';
import { readFields } from './fields.ts';
import {
  attentionOf,
  decoderOf,
  gatedOf,
  layerModule,
  layersOf,
  preNormLayer,
  readActivation,
  readOutline,
  width,
} from './outline.ts';
import { headNorms, readWindows } from './qwen.ts';
import { readRope } from './rope-config.ts';

const modules: ExpertsModules = { router: 'mlp.gate', experts: 'mlp.experts' };

const isLinear = expertLayers(
  sevenLinearLayers,
  /^mlp\.(?:experts\.\d+|shared_expert)\.(?:gate|up|down)_proj$/,
);

const sizes = {
  vocabularySize: 151_936,
  hiddenSize: 2_048,
  layers: 24,
  contextLength: 32_768,
  bosTokenId: null,
  eosTokenId: null,
} as const;

const biasSchema = z.looseObject({
  attention_bias: z.boolean().nullish(),
  qkv_bias: z.boolean().nullish(),
  shared_expert_intermediate_size: width.nullish(),
});

export const qwen3Moe: Family = {
  classes: { qwen3_moe: 'Qwen3MoeForCausalLM' },
  isLinear,
  normType: 'widen',
  read(config, names): Decoder {
    const outline = readOutline(config, {
      ...sizes,
      intermediateSize: 6_144,
      heads: 32,
      kvHeads: 4,
      headDimension: 'ratio',
    });
    const activation = readActivation(config, 'silu');
    const bias = readFields(biasSchema, config).attention_bias ?? false;
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    const windows = readWindows(config, outline.layers);
    const experts = readExperts(config, {
      experts: 128,
      expertsPerToken: 8,
      normalized: false,
      intermediateSize: 768,
    });
    return decoderOf(outline, names, {
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) =>
        preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, {
            norms: headNorms,
            biases: { qkv: bias, output: bias },
            window: windows[layer] ?? null,
          }),
          experts.isMixture(layer)
            ? expertsOf(outline, layer, experts, modules, activation)
            : gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, { activation }),
        ),
      ),
    });
  },
};

/** Qwen 1.5 and 2: biases in place of head norms, and an expert that every token goes through. */
export const qwen2Moe: Family = {
  classes: { qwen2_moe: 'Qwen2MoeForCausalLM' },
  isLinear,
  normType: 'widen',
  read(config, names): Decoder {
    const outline = readOutline(config, {
      ...sizes,
      intermediateSize: 5_632,
      heads: 16,
      kvHeads: 16,
      headDimension: 'ratio',
    });
    const activation = readActivation(config, 'silu');
    const raw = readFields(biasSchema, config);
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    const windows = readWindows(config, outline.layers);
    const experts = readExperts(config, {
      experts: 60,
      expertsPerToken: 4,
      normalized: false,
      intermediateSize: 1_408,
    });
    const sharedSize = raw.shared_expert_intermediate_size ?? DEFAULT_SHARED_SIZE;
    return decoderOf(outline, names, {
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) =>
        preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, {
            biases: { qkv: raw.qkv_bias ?? true, output: false },
            window: windows[layer] ?? null,
          }),
          experts.isMixture(layer)
            ? {
                ...expertsOf(outline, layer, experts, modules, activation),
                shared: {
                  feedForward: gatedOf(
                    outline,
                    layerModule(layer, 'mlp.shared_expert'),
                    sharedSize,
                    { activation },
                  ),
                  gate: {
                    module: layerModule(layer, 'mlp.shared_expert_gate'),
                    inFeatures: outline.hiddenSize,
                    outFeatures: 1,
                    bias: false,
                  },
                },
              }
            : gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, { activation }),
        ),
      ),
    });
  },
};

/** `shared_expert_intermediate_size` where a config does not say. */
const DEFAULT_SHARED_SIZE = 5_632;
