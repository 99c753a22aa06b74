import { z } from 'zod';
import { postNormLayer, readPlain, type AttentionDetails } from '../../blocks.ts';
import { expertLayers, expertsOf, readExperts, type ExpertsModules } from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields, unsupportedFeature } from '../../fields.ts';
import { readBiases, readLayerTypes, readWindow, windowOf, type Defaults } from '../../outline.ts';
import { readRopeOfType } from '../../rope-config.ts';

const defaults: Defaults = {
  vocabularySize: 50_304,
  hiddenSize: 4_096,
  intermediateSize: 11_008,
  layers: 32,
  heads: 32,
  contextLength: 2_048,
  kvHeads: 'heads',
  headDimension: 'ratio',
  bosTokenId: null,
  eosTokenId: 50_279,
  epsilon: 1e-5,
};

/** Norms of queries and keys over their full width, before they are split into heads. */
const norms: NonNullable<AttentionDetails['norms']> = {
  query: 'self_attn.q_norm',
  key: 'self_attn.k_norm',
  extent: 'all-heads',
};

/** Norms of queries and keys, and biases where the config asks for them. */
function attentionDetails(config: unknown): AttentionDetails {
  const { attention: bias } = readBiases(config);
  return { norms, biases: { qkv: bias, output: bias } };
}

/** Norms behind the blocks alone. */
export const olmo2: Family = {
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    return readPlain(config, names, defaults, () => {
      const details = attentionDetails(config);
      return { attention: () => details, layer: postNormLayer };
    });
  },
};

/** Base of the rotation of OLMo 3, where the config does not say. */
const OLMO3_THETA = 500_000;
const OLMO3_WINDOW = 4_096;
/** One layer in so many sees everything, where the config does not list them. */
const OLMO3_PATTERN = 4;

/** OLMo 2 with layers that slide; those that see everything may have a stretched rotation. */
export const olmo3: Family = {
  isLinear: sevenLinearLayers,
  normType: 'keep',
  read(config, names) {
    return readPlain(config, names, defaults, ({ raw, layers, contextLength, headDimension }) => {
      const details = attentionDetails(config);
      const sizes = { contextLength, headDimension };
      const full = readRopeOfType(raw, 'full_attention', sizes, OLMO3_THETA, raw);
      const sliding = readRopeOfType(raw, 'sliding_attention', sizes, OLMO3_THETA, {
        rope_theta: raw.rope_theta,
      });
      const window = readWindow(config, OLMO3_WINDOW);
      const types = readLayerTypes(config, layers, (layer) =>
        (layer + 1) % OLMO3_PATTERN === 0 ? 'full_attention' : 'sliding_attention',
      );
      return {
        rotaryEmbeddings: [full, sliding].map((rope) => ({ rope, dimensions: headDimension })),
        attention: (layer) => {
          const type = types[layer] ?? 'full_attention';
          return {
            ...details,
            rope: type === 'full_attention' ? 0 : 1,
            window: windowOf(type, window),
          };
        },
        layer: postNormLayer,
      };
    });
  },
};

const modules: ExpertsModules = { router: 'mlp.gate', experts: 'mlp.experts' };

const clipSchema = z.looseObject({ clip_qkv: z.number().nullish() });

/** A mixture, with Llama's order of norms. */
export const olmoe: Family = {
  isLinear: expertLayers(sevenLinearLayers, /^mlp\.experts\.\d+\.(?:gate|up|down)_proj$/),
  normType: 'widen',
  read(config, names) {
    const own = {
      ...defaults,
      hiddenSize: 2_048,
      intermediateSize: 2_048,
      layers: 16,
      heads: 16,
      contextLength: 4_096,
    };
    return readPlain(config, names, own, (outline) => {
      const { clip_qkv: clip } = readFields(clipSchema, config);
      if (clip !== null && clip !== undefined)
        throw unsupportedFeature(
          'clip_qkv',
          String(clip),
          'config.json: queries, keys and values that are clipped are not supported.',
        );
      const details = attentionDetails(config);
      const { intermediateSize } = outline;
      const read = readExperts(config, {
        experts: 64,
        expertsPerToken: 8,
        normalized: false,
        intermediateSize,
      });
      // What the family does not read may say anything.
      const experts = { ...read, intermediateSize };
      return {
        attention: () => details,
        feedForward: (layer, activation) => expertsOf(outline, layer, experts, modules, activation),
      };
    });
  },
};
