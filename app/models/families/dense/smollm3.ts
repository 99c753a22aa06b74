import { z } from 'zod';
import { layersOf, readPlain } from '../../blocks.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { contradiction, readFields } from '../../fields.ts';
import { MAX_LAYERS, readBiases, readLayerTypes, readWindow, windowOf } from '../../outline.ts';

/** One layer in so many does not rotate, where the config does not list them. */
const DEFAULT_INTERVAL = 4;

const positionsSchema = z.looseObject({
  /** 1 for a layer that rotates. */
  no_rope_layers: z.array(z.int()).max(MAX_LAYERS).nullish(),
  no_rope_layer_interval: z.int().positive().nullish(),
  use_sliding_window: z.boolean().nullish(),
});

/** Llama with layers that do not know positions. */
export const smollm3: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 128_256,
      hiddenSize: 2_048,
      intermediateSize: 11_008,
      layers: 36,
      heads: 16,
      contextLength: 32_768,
      kvHeads: 4,
      headDimension: 'ratio',
      bosTokenId: 128_000,
      eosTokenId: 128_001,
      tied: true,
      theta: 2_000_000,
    } as const;
    return readPlain(config, names, defaults, ({ layers }) => {
      const { attention, mlp } = readBiases(config);
      const fields = readFields(positionsSchema, config);
      const interval = fields.no_rope_layer_interval ?? DEFAULT_INTERVAL;
      const rotates =
        fields.no_rope_layers ??
        layersOf({ layers }, (layer) => ((layer + 1) % interval === 0 ? 0 : 1));
      if (rotates.length < layers)
        throw contradiction(
          'no_rope_layers',
          rotates.length,
          `no_rope_layers has ${rotates.length} entries for ${layers} layers.`,
        );
      const window = fields.use_sliding_window === true ? readWindow(config, null) : null;
      const types = readLayerTypes(config, layers, (layer) =>
        window !== null && rotates[layer] === 0 ? 'sliding_attention' : 'full_attention',
      );
      return {
        attention: (layer) => ({
          rope: rotates[layer] === 0 ? null : 0,
          window: window === null ? null : windowOf(types[layer] ?? 'full_attention', window),
          biases: { qkv: attention, output: attention },
        }),
        mlpBias: mlp,
      };
    });
  },
};
