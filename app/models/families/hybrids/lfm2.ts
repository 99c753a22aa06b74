import { z } from 'zod';
import {
  attentionOf,
  decoderOf,
  fusedMatrices,
  gatedOf,
  layerModule,
  layersOf,
  rmsNorm,
} from '../../blocks.ts';
import type { Attention, FeedForward, Matrix, Mixer } from '../../decoder.ts';
import { expertLayers, expertsOf, readExperts } from '../../experts.ts';
import { oneOf, type Family } from '../../family.ts';
import { contradiction, readFields } from '../../fields.ts';
import {
  MAX_LAYERS,
  readKindsOfLayers,
  readOutline,
  width,
  type Defaults,
  type Outline,
} from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

/** LFM 2: short convolutions between gates, and a few layers of attention. */

/** More than any model's convolution looks at. */
const MAX_TAPS = 64;
const THETA = 1_000_000;

const lfm2Schema = z.looseObject({
  norm_eps: z.number().nonnegative().max(1).nullish(),
  conv_bias: z.boolean().nullish(),
  conv_L_cache: z.int().positive().max(MAX_TAPS).nullish(),
  block_multiple_of: z.int().positive().nullish(),
  block_ffn_dim_multiplier: z.number().positive().nullable().optional(),
  block_auto_adjust_ff_dim: z.boolean().nullish(),
  full_attn_idxs: z.array(z.int()).max(MAX_LAYERS).nullish(),
  /** Names of older configs. */
  tie_embedding: z.boolean().nullish(),
  block_ff_dim: width.nullish(),
  num_dense_layers: z.int().nonnegative().nullish(),
  use_expert_bias: z.boolean().nullish(),
  routed_scaling_factor: z.number().nullish(),
});
type Lfm2Fields = z.infer<typeof lfm2Schema>;

/** What both kinds of its models read alike. */
interface Lfm2Outline {
  readonly outline: Outline;
  readonly fields: Lfm2Fields;
}

function readLfm2Outline(config: unknown, defaults: Defaults): Lfm2Outline {
  const fields = readFields(lfm2Schema, config);
  const outline = readOutline(config, defaults);
  return {
    fields,
    outline: {
      ...outline,
      epsilon: fields.norm_eps ?? 1e-5,
      tied: fields.tie_embedding ?? outline.tied,
    },
  };
}

function attention(outline: Outline, layer: number): Attention {
  const plain = attentionOf(outline, layer, {
    norms: { query: 'self_attn.q_layernorm', key: 'self_attn.k_layernorm' },
  });
  const module = layerModule(layer, 'self_attn.out_proj');
  return { ...plain, output: { ...plain.output, module } };
}

function convolution({ outline, fields }: Lfm2Outline, layer: number): Mixer {
  const { hiddenSize } = outline;
  const bias = fields.conv_bias ?? false;
  const module = (name: string): string => layerModule(layer, `conv.${name}`);
  const [before, after, input] = fusedMatrices(
    module('in_proj'),
    hiddenSize,
    [hiddenSize, hiddenSize, hiddenSize],
    { bias },
  );
  if (!before || !after || !input)
    throw new RangeError('A fused matrix has as many parts as widths.');
  const output: Matrix = {
    module: module('out_proj'),
    inFeatures: hiddenSize,
    outFeatures: hiddenSize,
    bias,
  };
  return {
    kind: 'gated-convolution',
    before,
    after,
    input,
    convolution: {
      module: module('conv'),
      channels: hiddenSize,
      taps: fields.conv_L_cache ?? 3,
      bias,
      silu: false,
    },
    output,
  };
}

/** The layers, final norm and rotation of either kind. */
function lfm2Decoder(
  config: unknown,
  names: Parameters<typeof decoderOf>[1],
  given: Lfm2Outline,
  isAttention: (layer: number) => boolean,
  feedForward: (layer: number) => FeedForward,
): ReturnType<typeof decoderOf> {
  const { outline } = given;
  const { raw, layers, contextLength, headDimension: dimensions } = outline;
  const kinds = readKindsOfLayers(config, layers, ['conv', 'full_attention'], (layer) =>
    isAttention(layer) ? 'full_attention' : 'conv',
  );
  return decoderOf(outline, names, {
    rotaryEmbeddings: [{ rope: readRope(raw, contextLength, dimensions, THETA), dimensions }],
    finalNorm: rmsNorm(outline, 'model.embedding_norm'),
    layers: layersOf(outline, (layer) => ({
      attentionNorm: rmsNorm(outline, layerModule(layer, 'operator_norm')),
      mixer: kinds[layer] === 'conv' ? convolution(given, layer) : attention(outline, layer),
      afterAttentionNorm: null,
      feedForwardNorm: rmsNorm(outline, layerModule(layer, 'ffn_norm')),
      feedForward: feedForward(layer),
      afterFeedForwardNorm: null,
      residualScale: 1,
    })),
  });
}

const lfm2Names = { gate: 'w1', up: 'w3', down: 'w2' } as const;

/** The width that a feed-forward has after the adjustments that its config asks for. */
function feedForwardSize({ outline, fields }: Lfm2Outline): number {
  const given = fields.block_ff_dim ?? outline.intermediateSize;
  if (fields.block_auto_adjust_ff_dim === false) return given;
  const reduced = Math.floor((2 * given) / 3);
  const multiplier = fields.block_ffn_dim_multiplier;
  if (multiplier === null) return reduced;
  const multiple = fields.block_multiple_of ?? 256;
  const size = multiple * Math.ceil(Math.floor((multiplier ?? 1) * reduced) / multiple);
  if (size > 0) return size;
  throw contradiction('intermediate_size', given, `a feed-forward of ${size} elements is none.`);
}

const lfm2Linears = oneOf(
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.out_proj',
  'conv.in_proj',
  'conv.out_proj',
  'feed_forward.w1',
  'feed_forward.w2',
  'feed_forward.w3',
);

export const lfm2: Family = {
  isLinear: lfm2Linears,
  normType: 'widen',
  read(config, names) {
    const given = readLfm2Outline(config, {
      vocabularySize: 65_536,
      hiddenSize: 2_560,
      intermediateSize: 12_288,
      layers: 32,
      heads: 32,
      contextLength: 128_000,
      kvHeads: 8,
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      tied: true,
    });
    const indices = given.fields.full_attn_idxs;
    const size = feedForwardSize(given);
    return lfm2Decoder(
      config,
      names,
      given,
      (layer) => indices?.includes(layer) ?? true,
      (layer) =>
        gatedOf(given.outline, layerModule(layer, 'feed_forward'), size, { names: lfm2Names }),
    );
  },
};

/** Added to the sum of the chosen experts' weights. */
const SUM_EPSILON = 1e-6;

export const lfm2Moe: Family = {
  isLinear: expertLayers(lfm2Linears, /^feed_forward\.experts\.\d+\.w[123]$/),
  stacks: [
    {
      tensor: 'feed_forward.experts.gate_up_proj',
      matrices: ['feed_forward.experts.*.w1', 'feed_forward.experts.*.w3'],
      hidden: 'in',
      order: 'rows',
    },
    {
      tensor: 'feed_forward.experts.down_proj',
      matrices: ['feed_forward.experts.*.w2'],
      hidden: 'out',
      order: 'rows',
    },
  ],
  normType: 'widen',
  read(config, names) {
    const given = readLfm2Outline(config, {
      vocabularySize: 65_536,
      hiddenSize: 2_048,
      intermediateSize: 7_168,
      layers: 32,
      heads: 32,
      contextLength: 128_000,
      kvHeads: 8,
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      tied: true,
    });
    const { outline, fields } = given;
    const experts = readExperts(config, {
      experts: 32,
      expertsPerToken: 4,
      normalized: true,
      intermediateSize: 1_792,
    });
    const dense = fields.num_dense_layers ?? 2;
    return lfm2Decoder(
      config,
      names,
      given,
      () => true,
      (layer) => {
        const module = layerModule(layer, 'feed_forward');
        if (layer < dense)
          return gatedOf(outline, module, outline.intermediateSize, { names: lfm2Names });
        const modules = {
          router: 'feed_forward.gate',
          experts: 'feed_forward.experts',
          names: lfm2Names,
        };
        return expertsOf(outline, layer, experts, modules, 'silu', {
          scores: 'sigmoid',
          correction: (fields.use_expert_bias ?? true) ? `${module}.expert_bias` : null,
          normalized: experts.normalized ? { epsilon: SUM_EPSILON, leastSum: 0 } : null,
          scale: fields.routed_scaling_factor ?? 1,
        });
      },
    );
  },
};
