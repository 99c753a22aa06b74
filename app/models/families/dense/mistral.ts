import { z } from 'zod';
import { layersOf, readPlain } from '../../blocks.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields, unsupportedFeature } from '../../fields.ts';
import { readLayerTypes, readWholeWindow, readWindow, windowOf } from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

/** The window of a config that has no `sliding_window` key at all. */
const DEFAULT_WINDOW = 4_096;

const layerTypesSchema = z.looseObject({ layer_types: z.unknown().optional() });

/** `sliding_window` holds for all layers; a Mistral with types of layers is a Ministral to transformers. */
function readWindows(config: unknown, layers: number): (number | null)[] {
  const { layer_types: types } = readFields(layerTypesSchema, config);
  if (types === null || types === undefined) {
    const everywhere = readWholeWindow(config, DEFAULT_WINDOW);
    return layersOf({ layers }, () => everywhere);
  }
  const window = readWindow(config, DEFAULT_WINDOW);
  return readLayerTypes(config, layers, () => 'full_attention').map((type) =>
    windowOf(type, window),
  );
}

export const mistral: Family = {
  isLinear: sevenLinearLayers,
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
    } as const;
    return readPlain(config, names, defaults, ({ layers }) => {
      const windows = readWindows(config, layers);
      return { attention: (layer) => ({ window: windows[layer] ?? null }) };
    });
  },
};

/** `rope_parameters` where a config has none. */
const MINISTRAL_ROPE = {
  rope_type: 'yarn',
  rope_theta: 1_000_000,
  factor: 16,
  original_max_position_embeddings: 16_384,
  beta_fast: 32,
  beta_slow: 1,
  mscale_all_dim: 1,
  mscale: 1,
  llama_4_scaling_beta: 0.1,
};

const positive = z.number().positive();
const temperatureSchema = z.looseObject({
  llama_4_scaling_beta: z.number(),
  original_max_position_embeddings: positive,
});

/** Mistral whose queries grow with their position. */
export const ministral3: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 131_072,
      hiddenSize: 4_096,
      intermediateSize: 14_336,
      layers: 34,
      heads: 32,
      contextLength: 262_144,
      kvHeads: 8,
      headDimension: 128,
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, ({ raw, contextLength, headDimension }) => {
      const { rope_scaling: scaling, rope_parameters: stated } = raw;
      const parameters = scaling ?? stated ?? MINISTRAL_ROPE;
      const given = temperatureSchema.safeParse(parameters);
      if (!given.success)
        throw unsupportedFeature(
          'llama_4_scaling_beta',
          String(parameters['llama_4_scaling_beta']),
          'config.json: queries of this architecture grow with their position, but it does not say how.',
        );
      const { llama_4_scaling_beta: beta, original_max_position_embeddings: length } = given.data;
      const window = readWholeWindow(config, null);
      const fields = { ...raw, rope_scaling: null, rope_parameters: parameters };
      const rope = readRope(fields, contextLength, headDimension);
      return {
        rotaryEmbeddings: [{ rope, dimensions: headDimension }],
        attention: () => ({ window, temperature: { beta, length, offset: 0 } }),
      };
    });
  },
};
