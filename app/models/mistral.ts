import { z } from 'zod';
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
  readLayerTypes,
  readOutline,
  readWindow,
  requireWindow,
  windowOf,
} from './outline.ts';
import { readRope } from './rope-config.ts';

/** The window of a config that has no `sliding_window` key at all. */
const DEFAULT_WINDOW = 4_096;

const layerTypesSchema = z.looseObject({ layer_types: z.unknown().optional() });

/** `sliding_window` holds for all layers; a Mistral with types of layers is a Ministral to transformers. */
function readWindows(config: unknown, layers: number): (number | null)[] {
  const window = readWindow(config, DEFAULT_WINDOW);
  const { layer_types: types } = readFields(layerTypesSchema, config);
  if (types === null || types === undefined) {
    const everywhere = window === null ? null : requireWindow(window);
    return layersOf({ layers }, () => everywhere);
  }
  return readLayerTypes(config, layers, () => 'full_attention').map((type) =>
    windowOf(type, window),
  );
}

export const mistral: Family = {
  classes: { mistral: 'MistralForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const outline = readOutline(config, {
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
    });
    const activation = readActivation(config, 'silu');
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    const windows = readWindows(config, outline.layers);
    return decoderOf(outline, names, {
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) =>
        preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, { window: windows[layer] ?? null }),
          gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, { activation }),
        ),
      ),
    });
  },
};
