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
import type { FeedForward, GatedFeedForward } from '../../decoder.ts';
import { expertLayers, expertsOf, readExperts } from '../../experts.ts';
import { oneOf, type Family } from '../../family.ts';
import { contradiction, readFields } from '../../fields.ts';
import {
  groupedNorm,
  mamba2Of,
  readStepLimit,
  requireSilu,
  taps,
  type Mamba2Sizes,
} from '../../mamba2.ts';
import {
  readActivation,
  readBiases,
  readKindsOfLayers,
  readOutline,
  width,
  type Outline,
} from '../../outline.ts';
import { readRope } from '../../rope-config.ts';
import { defaults, mixtureLinears, modules, readFactors, stacks } from '../dense/granite.ts';

/** Granite 4: Mamba 2 and attention in turn, a shared feed-forward in every layer and experts beside it, or none. */

const hybridSchema = z.looseObject({
  layers_block_type: z.unknown().optional(),
  layer_types: z.unknown().optional(),
  num_local_experts: z.int().nonnegative().nullish(),
  shared_intermediate_size: width.nullish(),
  position_embedding_type: z.string().nullish(),
  hidden_act: z.string().nullish(),
  mamba_n_heads: width.nullish(),
  mamba_n_groups: width.nullish(),
  mamba_d_state: width.nullish(),
  mamba_d_head: z.union([width, z.literal('auto')]).nullish(),
  mamba_d_conv: taps.nullish(),
  mamba_expand: z.number().positive().nullish(),
  mamba_conv_bias: z.boolean().nullish(),
  mamba_proj_bias: z.boolean().nullish(),
});
type HybridFields = z.infer<typeof hybridSchema>;

function mambaSizes(config: unknown, raw: HybridFields, hiddenSize: number): Mamba2Sizes {
  const heads = raw.mamba_n_heads ?? 128;
  const inner = Math.floor((raw.mamba_expand ?? 2) * hiddenSize);
  const given = raw.mamba_d_head ?? 'auto';
  const headDimension = given === 'auto' ? Math.floor(inner / heads) : given;
  if (headDimension === 0 || heads * headDimension !== inner)
    throw contradiction(
      'mamba_d_head',
      given,
      `${heads} heads of ${headDimension} elements are not ${inner}.`,
    );
  const bias = raw.mamba_proj_bias ?? false;
  return {
    hiddenSize,
    heads,
    groups: raw.mamba_n_groups ?? 1,
    stateDimension: raw.mamba_d_state ?? 256,
    headDimension,
    taps: raw.mamba_d_conv ?? 4,
    bias,
    outputBias: bias,
    convolutionBias: raw.mamba_conv_bias ?? true,
    limit: readStepLimit(config),
  };
}

/** Every token goes through it: gate and up in one matrix. */
function sharedOf(outline: Outline, layer: number, size: number): GatedFeedForward {
  const module = layerModule(layer, 'shared_mlp');
  const names = { gate: 'gate', up: 'up', down: 'output_linear' };
  const gated = gatedOf(outline, module, size, { activation: 'silu', names });
  const [gate = gated.gate, up = gated.up] = fusedMatrices(
    `${module}.input_linear`,
    outline.hiddenSize,
    [size, size],
  );
  return { ...gated, gate, up };
}

export const graniteMoeHybrid: Family = {
  isLinear: expertLayers(
    oneOf(
      'self_attn.q_proj',
      'self_attn.k_proj',
      'self_attn.v_proj',
      'self_attn.o_proj',
      'mamba.in_proj',
      'mamba.out_proj',
      'shared_mlp.input_linear',
      'shared_mlp.output_linear',
    ),
    mixtureLinears,
  ),
  stacks,
  normType: 'widen',
  read(config, names) {
    const raw = readFields(hybridSchema, config);
    const outline = readOutline(config, defaults);
    const { contextLength, headDimension: dimensions, intermediateSize, epsilon } = outline;
    // Convolutions and feed-forwards are activated alike.
    requireSilu('hidden_act', raw.hidden_act);
    const activation = readActivation(config, 'silu');
    const { attention: bias } = readBiases(config);
    const { attentionScale, residualScale, around } = readFactors(config);
    const hasRope = raw.position_embedding_type === 'rope';
    const sizes = mambaSizes(config, raw, outline.hiddenSize);
    const kinds = readKindsOfLayers(
      { layer_types: raw.layer_types ?? raw.layers_block_type },
      outline.layers,
      ['linear_attention', 'full_attention'],
      () => 'linear_attention',
    );
    const hasExperts = raw.num_local_experts !== 0;
    const read = readExperts(
      { ...Object(config), num_local_experts: hasExperts ? raw.num_local_experts : null },
      { experts: 8, expertsPerToken: 2, normalized: true, intermediateSize },
    );
    // What the family does not read may say anything.
    const experts = { ...read, normalized: true, intermediateSize };
    const feedForward = (layer: number): FeedForward => {
      const shared = sharedOf(outline, layer, raw.shared_intermediate_size ?? 1_024);
      if (!hasExperts) return shared;
      const mixture = expertsOf(outline, layer, experts, modules, activation);
      return { ...mixture, shared: { feedForward: shared, gate: null } };
    };
    return decoderOf(outline, names, {
      ...around,
      rotaryEmbeddings: hasRope
        ? [{ rope: readRope(outline.raw, contextLength, dimensions), dimensions }]
        : [],
      layers: layersOf(outline, (layer) => {
        const module = layerModule(layer, 'mamba');
        const norm = groupedNorm(`${module}.norm`, sizes, { epsilon, isGateFirst: true });
        return {
          attentionNorm: rmsNorm(outline, layerModule(layer, 'input_layernorm')),
          mixer:
            kinds[layer] === 'full_attention'
              ? attentionOf(outline, layer, {
                  scale: attentionScale,
                  rope: hasRope ? 0 : null,
                  biases: { qkv: bias, output: bias },
                })
              : mamba2Of(module, sizes, norm),
          afterAttentionNorm: null,
          feedForwardNorm: rmsNorm(outline, layerModule(layer, 'post_attention_layernorm')),
          feedForward: feedForward(layer),
          afterFeedForwardNorm: null,
          residualScale,
        };
      }),
    });
  },
};
