import { z } from 'zod';
import { readPlain, type AttentionDetails } from '../../blocks.ts';
import type { Decoder } from '../../decoder.ts';
import { sevenLinearLayers, type Family, type ModelNames } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readBiases, readLayerTypes, readWindow, windowOf, type Defaults } from '../../outline.ts';
import { readTimedRope } from '../../rope-config.ts';

const defaults: Defaults = {
  vocabularySize: 151_936,
  hiddenSize: 4_096,
  intermediateSize: 22_016,
  layers: 32,
  heads: 32,
  contextLength: 32_768,
  kvHeads: 32,
  headDimension: 'ratio',
  bosTokenId: null,
  eosTokenId: null,
};

/** From this layer on Qwen uses the window, where it uses one at all. */
const DEFAULT_MAX_WINDOW_LAYERS = 28;
/** The window of a config that has no `sliding_window` key at all. */
const DEFAULT_WINDOW = 4_096;

const windowsSchema = z.looseObject({
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.int().nullish(),
});

/** Windows only where `use_sliding_window` says so, of the layers that `layer_types` or `max_window_layers` name. */
export function readWindows(
  config: unknown,
  layers: number,
  defaultFirst = DEFAULT_MAX_WINDOW_LAYERS,
): (number | null)[] {
  const { use_sliding_window: isUsed, max_window_layers: stated } = readFields(
    windowsSchema,
    config,
  );
  const window = isUsed === true ? readWindow(config, DEFAULT_WINDOW) : null;
  const first = window === null ? layers : (stated ?? defaultFirst);
  return readLayerTypes(config, layers, (layer) =>
    layer >= first ? 'sliding_attention' : 'full_attention',
  ).map((type) => windowOf(type, window));
}

/** Norms of queries and keys, head by head: what Qwen 3 has in place of the biases of Qwen 2. */
export const headNorms = { query: 'self_attn.q_norm', key: 'self_attn.k_norm' } as const;

/** Head size of Qwen 3 where a config does not say. */
const QWEN3_HEAD_DIMENSION = 128;

/** Qwen 2 and 3: windows of some layers, and what `details` says of attention. */
function readQwen(
  config: unknown,
  names: ModelNames,
  own: Defaults,
  details: AttentionDetails,
): Decoder {
  return readPlain(config, names, own, ({ layers }) => {
    const windows = readWindows(config, layers);
    return { attention: (layer) => ({ ...details, window: windows[layer] ?? null }) };
  });
}

export const qwen2: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    return readQwen(config, names, defaults, { biases: { qkv: true, output: false } });
  },
};

export const qwen3: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const { attention: bias } = readBiases(config);
    return readQwen(
      config,
      names,
      { ...defaults, headDimension: QWEN3_HEAD_DIMENSION },
      { norms: headNorms, biases: { qkv: bias, output: bias } },
    );
  },
};

/** From this layer on the text model of Qwen 2.5 VL uses the window, where it uses one at all. */
const VL_MAX_WINDOW_LAYERS = 80;

/**
 * The text model of Qwen 2.5 VL: Qwen 2. Its rotation counts time, height and width, which are one position in a text; the
 * first files called that a type of its own.
 */
export const qwen2Vl: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const own = {
      ...defaults,
      vocabularySize: 152_064,
      hiddenSize: 8_192,
      intermediateSize: 29_568,
      layers: 80,
      heads: 64,
      kvHeads: 8,
      epsilon: 1e-5,
      theta: 1_000_000,
      bosTokenId: 151_643,
      eosTokenId: 151_645,
    };
    return readPlain(config, names, own, ({ raw, contextLength, headDimension, layers }) => {
      const windows = readWindows(config, layers, VL_MAX_WINDOW_LAYERS);
      const rope = readTimedRope(raw, contextLength, headDimension, own.theta);
      return {
        rotaryEmbeddings: [{ rope, dimensions: headDimension }],
        attention: (layer) => ({
          biases: { qkv: true, output: false },
          window: windows[layer] ?? null,
        }),
      };
    });
  },
};

/** The text model of Qwen 3 VL: Qwen 3, with the same rotation. Pictures alone reach into its first layers. */
export const qwen3Vl: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const { attention: bias } = readBiases(config);
    const own = {
      ...defaults,
      contextLength: 128_000,
      theta: 500_000,
      headDimension: QWEN3_HEAD_DIMENSION,
    };
    return readPlain(config, names, own, () => ({
      attention: () => ({ norms: headNorms, biases: { qkv: bias, output: bias } }),
    }));
  },
};
