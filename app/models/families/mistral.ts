import { z } from 'zod';
import { layersOf, readPlain } from '../blocks.ts';
import { sevenLinearLayers, type Family } from '../family.ts';
import { readFields } from '../fields.ts';
import { readLayerTypes, readWholeWindow, readWindow, windowOf } from '../outline.ts';

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
  classes: { mistral: 'MistralForCausalLM' },
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
