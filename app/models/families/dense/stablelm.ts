import { z } from 'zod';
import { layerNorm, preNormLayer, readPlain } from '../../blocks.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields, withoutFields } from '../../fields.ts';
import { readPartialRope } from '../../rope-config.ts';

/** Share of a head that is rotated, where the config does not say. */
const DEFAULT_PARTIAL = 0.25;

const fieldsSchema = z.looseObject({
  use_qkv_bias: z.boolean().nullish(),
  qk_layernorm: z.boolean().nullish(),
  use_parallel_residual: z.boolean().nullish(),
});

/** Llama with layer norms, a part of every head rotated; of 12 B with norms of every head and parallel blocks. */
export const stablelm: Family = {
  isLinear: sevenLinearLayers,
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 50_304,
      hiddenSize: 2_560,
      intermediateSize: 6_912,
      layers: 32,
      heads: 32,
      contextLength: 4_096,
      kvHeads: 32,
      headDimension: 'whole-ratio',
      bosTokenId: 0,
      eosTokenId: 0,
      epsilon: 1e-5,
      epsilonField: 'layer_norm_eps',
    } as const;
    // The family computes the size of its heads, whatever the config says.
    return readPlain(withoutFields(config, 'head_dim'), names, defaults, (outline) => {
      const { raw, contextLength, headDimension } = outline;
      const fields = readFields(fieldsSchema, config);
      const qkv = fields.use_qkv_bias ?? false;
      const isParallel = fields.use_parallel_residual ?? false;
      const norms = {
        query: 'self_attn.q_layernorm.norms',
        key: 'self_attn.k_layernorm.norms',
        layer: { weights: 'modules', bias: false },
      } as const;
      return {
        rotaryEmbeddings: [
          readPartialRope(raw, contextLength, headDimension, { partial: DEFAULT_PARTIAL }),
        ],
        attention: () => ({
          norms: fields.qk_layernorm === true ? norms : null,
          biases: { qkv, output: false },
        }),
        layer: (sizes, layer, attention, feedForward) => ({
          ...preNormLayer(sizes, layer, attention, feedForward, layerNorm),
          // What attention reads.
          ...(isParallel ? { isParallel, feedForwardNorm: null } : {}),
        }),
        around: { finalNorm: layerNorm(outline, 'model.norm') },
      };
    });
  },
};
