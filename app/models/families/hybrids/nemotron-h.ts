import { z } from 'zod';
import { attentionOf, decoderOf, layerModule, layersOf, rmsNorm, ungatedOf } from '../../blocks.ts';
import type { Activation, DecoderLayer, ExpertsFeedForward, Matrix, Mixer } from '../../decoder.ts';
import { expertLayers } from '../../experts.ts';
import { oneOf, type Family } from '../../family.ts';
import { contradiction, readFields, unsupportedFeature } from '../../fields.ts';
import {
  groupedNorm,
  mamba2Of,
  readStepLimit,
  requireSilu,
  taps,
  type Mamba2Sizes,
} from '../../mamba2.ts';
import { MAX_LAYERS, readActivation, readOutline, width, type Outline } from '../../outline.ts';

/** Nemotron H: every block is one norm and one of Mamba 2, attention, a feed-forward without a gate, or a mixture. */

/** Far beyond any model; native-kernels refuses more. */
const MAX_EXPERTS = 4_096;
const count = z.int().positive().max(MAX_EXPERTS);
/** Against a division by zero. */
const SUM_EPSILON = 1e-20;

const nemotronSchema = z.looseObject({
  layers_block_type: z.array(z.string()).max(MAX_LAYERS).nullish(),
  layer_types: z.array(z.string()).max(MAX_LAYERS).nullish(),
  /** Of older configs: a letter a layer. */
  hybrid_override_pattern: z.string().max(MAX_LAYERS).nullish(),
  mlp_bias: z.boolean().nullish(),
  mlp_hidden_act: z.string().nullish(),
  mamba_num_heads: width.nullish(),
  mamba_head_dim: width.nullish(),
  mamba_hidden_act: z.string().nullish(),
  ssm_state_size: width.nullish(),
  n_groups: width.nullish(),
  mamba_n_groups: width.nullish(),
  conv_kernel: taps.nullish(),
  mamba_d_conv: taps.nullish(),
  use_bias: z.boolean().nullish(),
  use_conv_bias: z.boolean().nullish(),
  mamba_conv_bias: z.boolean().nullish(),
  mamba_dt_limit: z.unknown().optional(),
  time_step_limit: z.unknown().optional(),
  n_routed_experts: count.nullish(),
  /** transformers' other name for it. */
  num_local_experts: count.nullish(),
  num_experts_per_tok: count.nullish(),
  moe_intermediate_size: width.nullish(),
  moe_shared_expert_intermediate_size: width.nullish(),
  moe_latent_size: width.nullish(),
  routed_scaling_factor: z.number().nullish(),
  n_group: count.nullish(),
  topk_group: count.nullish(),
  norm_topk_prob: z.boolean().nullish(),
});
type NemotronFields = z.infer<typeof nemotronSchema>;

type Block = 'mamba' | 'attention' | 'mlp' | 'moe';

/** Their names in configs of any age, and their letters. */
const blocks: ReadonlyMap<string, Block> = new Map([
  ['linear_attention', 'mamba'],
  ['mamba', 'mamba'],
  ['M', 'mamba'],
  ['full_attention', 'attention'],
  ['attention', 'attention'],
  ['*', 'attention'],
  ['mlp', 'mlp'],
  ['-', 'mlp'],
  ['moe', 'moe'],
  ['E', 'moe'],
]);
const DEFAULT_BLOCKS = ['linear_attention', 'moe', 'full_attention', 'mlp'];

function readBlocks(raw: NemotronFields): Block[] {
  const pattern = raw.hybrid_override_pattern;
  const given =
    raw.layers_block_type ??
    raw.layer_types ??
    (pattern === null || pattern === undefined ? DEFAULT_BLOCKS : Array.from(pattern));
  if (given.length === 0)
    throw contradiction('layers_block_type', given, 'there is no layer at all.');
  return given.map((name) => {
    const block = blocks.get(name);
    if (block !== undefined) return block;
    throw unsupportedFeature(
      'layers_block_type',
      name,
      `config.json: blocks of type ${JSON.stringify(name.slice(0, 64))} are not supported.`,
    );
  });
}

/** What a mixture is made of. */
function mixtureOf(
  outline: Outline,
  module: string,
  raw: NemotronFields,
  activation: Activation,
): ExpertsFeedForward {
  if (activation !== 'relu2')
    throw unsupportedFeature(
      'mlp_hidden_act',
      activation,
      `config.json: experts without a gate whose activation is ${activation} are not supported.`,
    );
  const { hiddenSize } = outline;
  const bias = raw.mlp_bias ?? false;
  const experts = raw.n_routed_experts ?? raw.num_local_experts ?? 8;
  const expertsPerToken = raw.num_experts_per_tok ?? 2;
  const groups = { count: raw.n_group ?? 1, chosen: raw.topk_group ?? 1 };
  if (expertsPerToken > experts || experts % groups.count !== 0 || groups.chosen > groups.count)
    throw contradiction(
      'num_experts_per_tok',
      expertsPerToken,
      `${expertsPerToken} experts cannot be chosen among ${experts} in ${groups.count} groups.`,
    );
  const latent = raw.moe_latent_size ?? null;
  const product = (name: string, inFeatures: number, outFeatures: number): Matrix => ({
    module: `${module}.${name}`,
    inFeatures,
    outFeatures,
    bias,
  });
  const inner = { ...outline, hiddenSize: latent ?? hiddenSize };
  return {
    kind: 'experts',
    activation: 'silu',
    router: { ...product('gate', hiddenSize, experts), bias: false },
    routing: {
      expertsPerToken,
      scores: 'sigmoid',
      jitter: 0,
      correction: `${module}.gate.e_score_correction_bias`,
      groups: groups.count === 1 ? null : { ...groups, by: 'two-best' },
      normalized: (raw.norm_topk_prob ?? true) ? { epsilon: SUM_EPSILON, leastSum: 0 } : null,
      scale: raw.routed_scaling_factor ?? 1,
      expertScales: null,
      weighs: 'output',
    },
    experts: Array.from({ length: experts }, (_, expert) => {
      const { up, down } = ungatedOf(
        inner,
        `${module}.experts.${expert}`,
        raw.moe_intermediate_size ?? 7_688,
        { activation },
      );
      return { gate: null, up, down };
    }),
    ...(latent === null
      ? {}
      : {
          latent: {
            down: product('fc1_latent_proj', hiddenSize, latent),
            up: product('fc2_latent_proj', latent, hiddenSize),
          },
        }),
    shared: {
      feedForward: ungatedOf(
        outline,
        `${module}.shared_experts`,
        raw.moe_shared_expert_intermediate_size ?? 7_688,
        { activation, bias },
      ),
      gate: null,
    },
  };
}

function mambaSizes(raw: NemotronFields, hiddenSize: number): Mamba2Sizes {
  const bias = raw.use_bias ?? false;
  return {
    hiddenSize,
    heads: raw.mamba_num_heads ?? 128,
    groups: raw.mamba_n_groups ?? raw.n_groups ?? 8,
    stateDimension: raw.ssm_state_size ?? 128,
    headDimension: raw.mamba_head_dim ?? 64,
    taps: raw.mamba_d_conv ?? raw.conv_kernel ?? 4,
    bias,
    outputBias: bias,
    convolutionBias: raw.mamba_conv_bias ?? raw.use_conv_bias ?? true,
    limit: readStepLimit({ time_step_limit: raw.mamba_dt_limit ?? raw.time_step_limit }),
  };
}

/** Attention within a block: without rotation and biases. */
function attention(outline: Outline, layer: number): Mixer {
  const plain = attentionOf(outline, layer, { rope: null });
  const moved = (matrix: Matrix): Matrix => ({
    ...matrix,
    module: matrix.module.replace('.self_attn.', '.mixer.'),
  });
  return {
    ...plain,
    query: moved(plain.query),
    key: plain.key === null ? null : moved(plain.key),
    value: plain.value === null ? null : moved(plain.value),
    output: moved(plain.output),
  };
}

const blockLinears = oneOf(
  'mixer.in_proj',
  'mixer.out_proj',
  'mixer.q_proj',
  'mixer.k_proj',
  'mixer.v_proj',
  'mixer.o_proj',
  'mixer.up_proj',
  'mixer.down_proj',
  'mixer.fc1_latent_proj',
  'mixer.fc2_latent_proj',
);

export const nemotronH: Family = {
  isLinear: expertLayers(
    blockLinears,
    /^mixer\.(?:experts\.\d+|shared_experts)\.(?:up|down)_proj$/,
  ),
  stacks: [
    {
      tensor: 'mixer.experts.up_proj',
      matrices: ['mixer.experts.*.up_proj'],
      hidden: 'in',
      order: 'rows',
    },
    {
      tensor: 'mixer.experts.down_proj',
      matrices: ['mixer.experts.*.down_proj'],
      hidden: 'out',
      order: 'rows',
    },
  ],
  normType: 'keep',
  read(config, names) {
    const raw = readFields(nemotronSchema, config);
    const kinds = readBlocks(raw);
    const given = readOutline(config, {
      vocabularySize: 131_072,
      hiddenSize: 4_096,
      intermediateSize: 21_504,
      layers: kinds.length,
      heads: 32,
      contextLength: 4_096,
      kvHeads: 8,
      headDimension: 128,
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
      epsilonField: 'layer_norm_epsilon',
    });
    // The list of blocks says how many there are.
    const outline = { ...given, layers: kinds.length };
    requireSilu('mamba_hidden_act', raw.mamba_hidden_act);
    const activation = readActivation({ hidden_act: raw.mlp_hidden_act }, 'relu2');
    const { epsilon, intermediateSize } = outline;
    const sizes = mambaSizes(raw, outline.hiddenSize);
    const bias = raw.mlp_bias ?? false;
    const own = (layer: number): Pick<DecoderLayer, 'mixer' | 'feedForward'> => {
      const module = layerModule(layer, 'mixer');
      switch (kinds[layer] ?? 'mamba') {
        case 'mamba': {
          const norm = groupedNorm(`${module}.norm`, sizes, { epsilon, isGateFirst: true });
          return { mixer: mamba2Of(module, sizes, norm), feedForward: null };
        }
        case 'attention':
          return { mixer: attention(outline, layer), feedForward: null };
        case 'mlp': {
          const feedForward = ungatedOf(outline, module, intermediateSize, { activation, bias });
          return { mixer: null, feedForward };
        }
        case 'moe':
          return { mixer: null, feedForward: mixtureOf(outline, module, raw, activation) };
      }
    };
    return decoderOf(outline, names, {
      embedding: 'model.embeddings',
      finalNorm: rmsNorm(outline, 'model.norm_f'),
      rotaryEmbeddings: [],
      layers: layersOf(outline, (layer) => ({
        attentionNorm: rmsNorm(outline, layerModule(layer, 'norm')),
        ...own(layer),
        afterAttentionNorm: null,
        feedForwardNorm: null,
        afterFeedForwardNorm: null,
        residualScale: 1,
      })),
    });
  },
};
