import { z } from 'zod';
import { readPlain } from '../blocks.ts';
import type { RopeConfig } from '../rope-config.ts';
import { sevenLinearLayers, type Family } from '../family.ts';
import { readFields } from '../fields.ts';
import { readBiases, type Outline } from '../outline.ts';
import { readRope } from '../rope-config.ts';

const alphaSchema = z.looseObject({ alpha: z.number().nonnegative().nullish() });

/** `alpha` stretches the base of the rotation at every length, though configs call that dynamic. */
function ropeOf({ raw, contextLength, headDimension }: Outline): RopeConfig {
  const scaling = raw.rope_scaling ?? {};
  const given = Object.keys(scaling).length > 0 ? scaling : (raw.rope_parameters ?? {});
  const alpha = readFields(alphaSchema, given).alpha ?? 0;
  if ((given.rope_type ?? given.type) !== 'dynamic' || alpha === 0)
    return readRope(raw, contextLength, headDimension);
  const theta = given.rope_theta ?? raw.rope_theta ?? 10_000;
  return {
    kind: 'default',
    theta: theta * alpha ** (headDimension / (headDimension - 2)),
  };
}

/** Hunyuan without experts: Llama that normalizes queries and keys behind their rotation. */
export const hunyuanDense: Family = {
  classes: { hunyuan_v1_dense: 'HunYuanDenseV1ForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 290_943,
      hiddenSize: 4_096,
      intermediateSize: 11_008,
      layers: 32,
      heads: 32,
      contextLength: 2_048,
      kvHeads: 'heads',
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { attention: bias } = readBiases(config);
      return {
        rotaryEmbeddings: [{ rope: ropeOf(outline), dimensions: outline.headDimension }],
        attention: () => ({
          norms: { query: 'self_attn.query_layernorm', key: 'self_attn.key_layernorm' },
          normsRotated: true,
          biases: { qkv: bias, output: bias },
        }),
      };
    });
  },
};
