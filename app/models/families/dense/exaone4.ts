import { z } from 'zod';
import { postNormLayer, readPlain } from '../../blocks.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readLayerTypes, readWindow, windowOf } from '../../outline.ts';

const DEFAULT_WINDOW = 4_096;
/** One layer in so many sees everything, where the config does not list them. */
const DEFAULT_PATTERN = 4;

const patternSchema = z.looseObject({
  // Some say it in letters (LLLG), and list the layers beside it.
  sliding_window_pattern: z.union([z.int().positive(), z.string()]).nullish().catch(undefined),
});

/** Norms behind the blocks; where some layers slide, those that see everything do not rotate. */
export const exaone4: Family = {
  isLinear: sevenLinearLayers,
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 102_400,
      hiddenSize: 4_096,
      intermediateSize: 16_384,
      layers: 32,
      heads: 32,
      contextLength: 2_048,
      kvHeads: 32,
      headDimension: 'ratio',
      bosTokenId: 0,
      eosTokenId: 2,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, ({ layers }) => {
      const window = readWindow(config, DEFAULT_WINDOW);
      const stated = readFields(patternSchema, config).sliding_window_pattern;
      const pattern = typeof stated === 'string' ? stated.length : (stated ?? DEFAULT_PATTERN);
      const types = readLayerTypes(config, layers, (layer) =>
        window === null || (layer + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention',
      );
      return {
        attention: (layer) => {
          const type = types[layer] ?? 'full_attention';
          return {
            norms: { query: 'self_attn.q_norm', key: 'self_attn.k_norm' },
            rope: window === null || type === 'sliding_attention' ? 0 : null,
            window: windowOf(type, window),
          };
        },
        layer: postNormLayer,
      };
    });
  },
};
