import { z } from 'zod';
import { attentionOf, decoderOf, gatedOf, layerModule, layersOf, rmsNorm } from '../../blocks.ts';
import type { Mamba2, Mixer, ScaledMatrix } from '../../decoder.ts';
import { oneOf, type Family } from '../../family.ts';
import { contradiction, readFields } from '../../fields.ts';
import { groupedNorm, mamba2Of, readStepLimit, taps, type Mamba2Sizes } from '../../mamba2.ts';
import { requireSilu } from '../../mamba2.ts';
import { readActivation, readBiases, readOutline, width, type Outline } from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

/** Falcon H1: attention and Mamba 2 beside each other in every layer, with factors on everything. */

const factor = z.number();
const falconSchema = z.looseObject({
  mamba_d_ssm: width.nullish(),
  mamba_n_heads: width.nullish(),
  mamba_d_head: z.union([width, z.literal('auto')]).nullish(),
  mamba_n_groups: width.nullish(),
  mamba_d_state: width.nullish(),
  mamba_d_conv: taps.nullish(),
  mamba_expand: z.number().positive().nullish(),
  mamba_conv_bias: z.boolean().nullish(),
  mamba_proj_bias: z.boolean().nullish(),
  mamba_norm_before_gate: z.boolean().nullish(),
  mamba_rms_norm: z.boolean().nullish(),
  projectors_bias: z.boolean().nullish(),
  hidden_act: z.string().nullish(),
  lm_head_multiplier: factor.nullish(),
  embedding_multiplier: factor.nullish(),
  mlp_multipliers: z.tuple([factor, factor]).nullish(),
  key_multiplier: factor.nullish(),
  attention_out_multiplier: factor.nullish(),
  attention_in_multiplier: factor.nullish(),
  ssm_multipliers: z.tuple([factor, factor, factor, factor, factor]).nullish(),
  ssm_in_multiplier: factor.nullish(),
  ssm_out_multiplier: factor.nullish(),
});
type FalconFields = z.infer<typeof falconSchema>;

function mambaSizes(config: unknown, raw: FalconFields, { hiddenSize }: Outline): Mamba2Sizes {
  const heads = raw.mamba_n_heads ?? 128;
  // An explicit null asks for the multiple of the hidden size.
  const inner =
    raw.mamba_d_ssm === null
      ? Math.floor((raw.mamba_expand ?? 2) * hiddenSize)
      : (raw.mamba_d_ssm ?? 1_024);
  const given = raw.mamba_d_head ?? 'auto';
  const headDimension = given === 'auto' ? Math.floor(inner / heads) : given;
  if (headDimension === 0 || heads * headDimension !== inner)
    throw contradiction(
      'mamba_d_head',
      given,
      `${heads} heads of ${headDimension} elements are not ${inner}.`,
    );
  return {
    hiddenSize,
    heads,
    groups: raw.mamba_n_groups ?? 1,
    stateDimension: raw.mamba_d_state ?? 256,
    headDimension,
    taps: raw.mamba_d_conv ?? 4,
    bias: raw.mamba_proj_bias ?? false,
    outputBias: raw.projectors_bias ?? false,
    convolutionBias: raw.mamba_conv_bias ?? true,
    limit: readStepLimit(config),
  };
}

function scaledProducts(mamba: Mamba2, raw: FalconFields): Mamba2 {
  const [gate, values, keys, queries, step] = raw.ssm_multipliers ?? [1, 1, 1, 1, 1];
  const scaled = (matrix: ScaledMatrix, scale: number): ScaledMatrix => ({ ...matrix, scale });
  return {
    ...mamba,
    gate: scaled(mamba.gate, gate),
    values: scaled(mamba.values, values),
    keys: scaled(mamba.keys, keys),
    queries: scaled(mamba.queries, queries),
    step: scaled(mamba.step, step),
  };
}

export const falconH1: Family = {
  isLinear: oneOf(
    'self_attn.q_proj',
    'self_attn.k_proj',
    'self_attn.v_proj',
    'self_attn.o_proj',
    'mamba.in_proj',
    'mamba.out_proj',
    'feed_forward.gate_proj',
    'feed_forward.up_proj',
    'feed_forward.down_proj',
  ),
  normType: 'widen',
  read(config, names) {
    const raw = readFields(falconSchema, config);
    const outline = readOutline(config, {
      vocabularySize: 128_000,
      hiddenSize: 4_096,
      intermediateSize: 14_336,
      layers: 32,
      heads: 32,
      contextLength: 8_192,
      kvHeads: 8,
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
    });
    const { contextLength, headDimension: dimensions, intermediateSize, epsilon } = outline;
    requireSilu('hidden_act', raw.hidden_act);
    const activation = readActivation(config, 'silu');
    const { attention: attentionBias, mlp: bias } = readBiases(config);
    const sizes = mambaSizes(config, raw, outline);
    const [gateScale, outputScale] = raw.mlp_multipliers ?? [1, 1];
    const mixer = (layer: number): Mixer => {
      const module = layerModule(layer, 'mamba');
      const norm =
        raw.mamba_rms_norm === true
          ? groupedNorm(`${module}.norm`, sizes, {
              epsilon,
              isGateFirst: raw.mamba_norm_before_gate === false,
            })
          : null;
      return {
        kind: 'parallel',
        parts: [
          {
            mixer: attentionOf(outline, layer, {
              // Keys times a factor are scores times that factor.
              scale: (raw.key_multiplier ?? 1) / Math.sqrt(dimensions),
              biases: { qkv: attentionBias, output: attentionBias },
            }),
            inputScale: raw.attention_in_multiplier ?? 1,
            outputScale: raw.attention_out_multiplier ?? 1,
          },
          {
            mixer: scaledProducts(mamba2Of(module, sizes, norm), raw),
            inputScale: raw.ssm_in_multiplier ?? 1,
            outputScale: raw.ssm_out_multiplier ?? 1,
          },
        ],
      };
    };
    return decoderOf(outline, names, {
      embeddingScale: raw.embedding_multiplier ?? 1,
      logitScale: raw.lm_head_multiplier ?? 1,
      finalNorm: rmsNorm(outline, 'model.final_layernorm'),
      rotaryEmbeddings: [{ rope: readRope(outline.raw, contextLength, dimensions), dimensions }],
      layers: layersOf(outline, (layer) => ({
        attentionNorm: rmsNorm(outline, layerModule(layer, 'input_layernorm')),
        mixer: mixer(layer),
        afterAttentionNorm: null,
        feedForwardNorm: rmsNorm(outline, layerModule(layer, 'pre_ff_layernorm')),
        feedForward: {
          ...gatedOf(outline, layerModule(layer, 'feed_forward'), intermediateSize, {
            activation,
            bias,
          }),
          gateScale,
          outputScale,
        },
        afterFeedForwardNorm: null,
        residualScale: 1,
      })),
    });
  },
};
