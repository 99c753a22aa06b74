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
import type {
  Activation,
  Attention,
  Decoder,
  FeedForward,
  GatedDelta,
  Matrix,
} from '../../decoder.ts';
import { oneOf, sevenLinearLayers, type Family, type ModelNames } from '../../family.ts';
import { contradiction, readFields, unsupportedFeature } from '../../fields.ts';
import {
  readActivation,
  readBiases,
  readKindsOfLayers,
  readOutline,
  width,
  type Defaults,
  type Outline,
} from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';
import { readExperts, type ExpertsDefaults, type ExpertsOutline } from '../../experts.ts';
import { isMixtureLinear, qwenMixture, mixtureStacks } from '../mixtures/qwen-moe.ts';
import { headNorms } from '../dense/qwen.ts';

/** Qwen 3.5, and Qwen 3 Next: three layers of the gated delta rule for one of attention, whose output a gate opens. */

/** Their norms store weights less one; the gated norm of the delta rule does not. */
const WEIGHT_OFFSET = 1;
/** Every so many layers attention, where a config does not say. */
const DEFAULT_INTERVAL = 4;
/** Elements of a head that are rotated, as a share, where a config does not say. */
const DEFAULT_ROTATED = 0.25;
/** More than any model's convolution looks at. */
const MAX_TAPS = 64;

const deltaSchema = z.looseObject({
  linear_conv_kernel_dim: z.int().positive().max(MAX_TAPS).nullish(),
  linear_key_head_dim: width.nullish(),
  linear_value_head_dim: width.nullish(),
  linear_num_key_heads: width.nullish(),
  linear_num_value_heads: width.nullish(),
  full_attention_interval: z.int().positive().nullish(),
  shared_expert_intermediate_size: width.nullish(),
});

type DeltaSizes = Pick<GatedDelta, 'heads' | 'keyHeads' | 'keyDimension' | 'valueDimension'> & {
  readonly taps: number;
};

function readDeltaSizes(config: unknown): DeltaSizes {
  const raw = readFields(deltaSchema, config);
  const heads = raw.linear_num_value_heads ?? 32;
  const keyHeads = raw.linear_num_key_heads ?? 16;
  if (heads % keyHeads !== 0)
    throw contradiction(
      'linear_num_value_heads',
      heads,
      `${heads} heads of values cannot share ${keyHeads} heads of keys.`,
    );
  return {
    heads,
    keyHeads,
    keyDimension: raw.linear_key_head_dim ?? 128,
    valueDimension: raw.linear_value_head_dim ?? 128,
    taps: raw.linear_conv_kernel_dim ?? 4,
  };
}

type Products = Pick<GatedDelta, 'mixed' | 'gate' | 'decay' | 'strength'>;

/** Each product by itself. */
function separateProducts({ hiddenSize }: Outline, layer: number, sizes: DeltaSizes): Products {
  const { heads, keyHeads, keyDimension, valueDimension } = sizes;
  const product = (name: string, outFeatures: number): Matrix => ({
    module: layerModule(layer, `linear_attn.${name}`),
    inFeatures: hiddenSize,
    outFeatures,
    bias: false,
  });
  const values = heads * valueDimension;
  return {
    mixed: [product('in_proj_qkv', 2 * keyHeads * keyDimension + values)],
    gate: product('in_proj_z', values),
    decay: product('in_proj_a', heads),
    strength: product('in_proj_b', heads),
  };
}

/** Two matrices whose rows belong to one head of keys after the other. */
function fusedProducts({ hiddenSize }: Outline, layer: number, sizes: DeltaSizes): Products {
  const { heads, keyHeads, keyDimension, valueDimension } = sizes;
  const ratio = heads / keyHeads;
  const module = (name: string): string => layerModule(layer, `linear_attn.${name}`);
  const groups = { groups: keyHeads };
  const widths = [keyDimension, keyDimension, ratio * valueDimension, ratio * valueDimension];
  const [query, key, value, gate] = fusedMatrices(
    module('in_proj_qkvz'),
    hiddenSize,
    widths,
    groups,
  );
  const [strength, decay] = fusedMatrices(module('in_proj_ba'), hiddenSize, [ratio, ratio], groups);
  return all({ query, key, value, gate, strength, decay });
}

function all(found: Readonly<Record<string, Matrix | undefined>>): Products {
  const { query, key, value, gate, strength, decay } = found;
  if (!query || !key || !value || !gate || !strength || !decay)
    throw new RangeError('A fused matrix has as many parts as widths.');
  return { mixed: [query, key, value], gate, strength, decay };
}

function deltaOf(
  outline: Outline,
  layer: number,
  sizes: DeltaSizes,
  products: Products,
): GatedDelta {
  const { heads, keyHeads, keyDimension, valueDimension, taps } = sizes;
  const values = heads * valueDimension;
  const module = (name: string): string => layerModule(layer, `linear_attn.${name}`);
  return {
    kind: 'gated-delta',
    heads,
    keyHeads,
    keyDimension,
    valueDimension,
    ...products,
    convolution: {
      module: module('conv1d'),
      channels: 2 * keyHeads * keyDimension + values,
      taps,
      bias: false,
      silu: true,
    },
    rateTensor: module('A_log'),
    stepBiasTensor: module('dt_bias'),
    norm: {
      module: module('norm'),
      epsilon: outline.epsilon,
      group: valueDimension,
      width: valueDimension,
      isGateFirst: false,
    },
    output: {
      module: module('out_proj'),
      inFeatures: values,
      outFeatures: outline.hiddenSize,
      bias: false,
    },
  };
}

/** Attention whose query matrix holds for every head its queries, then its gate. */
function gatedAttention(outline: Outline, layer: number, bias: boolean): Attention {
  const { hiddenSize, heads, headDimension } = outline;
  const attention = attentionOf(outline, layer, {
    norms: { ...headNorms, weightOffset: WEIGHT_OFFSET },
    biases: { qkv: bias, output: bias },
  });
  const [query = attention.query, outputGate = null] = fusedMatrices(
    attention.query.module,
    hiddenSize,
    [headDimension, headDimension],
    { groups: heads, bias },
  );
  return { ...attention, query, outputGate };
}

/** What the models differ in. */
interface DeltaModel {
  readonly products: typeof separateProducts;
  readonly feedForward: (outline: Outline, layer: number, activation: Activation) => FeedForward;
}

function readDeltaModel(
  config: unknown,
  names: ModelNames,
  defaults: Defaults,
  own: DeltaModel,
): Decoder {
  const outline = readOutline(config, defaults);
  const { raw, contextLength, headDimension, layers } = outline;
  const sizes = readDeltaSizes(config);
  const { attention: bias } = readBiases(config);
  const interval = readFields(deltaSchema, config).full_attention_interval ?? DEFAULT_INTERVAL;
  const kinds = readKindsOfLayers(
    config,
    layers,
    ['linear_attention', 'full_attention'],
    (layer) => ((layer + 1) % interval === 0 ? 'full_attention' : 'linear_attention'),
  );
  const activation = readActivation(config, 'silu');
  // Their convolutions are activated as their feed-forwards are.
  if (activation !== 'silu' && kinds.includes('linear_attention'))
    throw unsupportedFeature(
      'hidden_act',
      activation,
      'config.json: convolutions with an activation other than silu are not supported.',
    );
  const norm = (module: string): ReturnType<typeof rmsNorm> =>
    rmsNorm(outline, module, WEIGHT_OFFSET);
  const rope = readPartialRope(
    { ...raw, partial_rotary_factor: raw.partial_rotary_factor ?? DEFAULT_ROTATED },
    contextLength,
    headDimension,
  );
  return decoderOf(outline, names, {
    rotaryEmbeddings: [rope],
    finalNorm: norm('model.norm'),
    layers: layersOf(outline, (layer) => ({
      attentionNorm: norm(layerModule(layer, 'input_layernorm')),
      mixer:
        kinds[layer] === 'full_attention'
          ? gatedAttention(outline, layer, bias)
          : deltaOf(outline, layer, sizes, own.products(outline, layer, sizes)),
      afterAttentionNorm: null,
      feedForwardNorm: norm(layerModule(layer, 'post_attention_layernorm')),
      feedForward: own.feedForward(outline, layer, activation),
      afterFeedForwardNorm: null,
      residualScale: 1,
    })),
  });
}

const sizes: Defaults = {
  vocabularySize: 248_320,
  hiddenSize: 4_096,
  intermediateSize: 12_288,
  layers: 32,
  heads: 16,
  contextLength: 32_768,
  kvHeads: 4,
  headDimension: 256,
  bosTokenId: null,
  eosTokenId: null,
};

/** What makes decays and strengths of heads is as small as it is sensitive: it is kept. */
const deltaLinears = oneOf(
  'linear_attn.in_proj_qkv',
  'linear_attn.in_proj_z',
  'linear_attn.out_proj',
);

export const qwen35: Family = {
  isLinear: (module) => sevenLinearLayers(module) || deltaLinears(module),
  normType: 'keep',
  read(config, names) {
    return readDeltaModel(config, names, sizes, {
      products: separateProducts,
      feedForward: (outline, layer, activation) =>
        gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, { activation }),
    });
  },
};

/** `shared_expert_intermediate_size` and `moe_intermediate_size` where a config does not say. */
const EXPERT_SIZE = 512;

/** A mixture of experts in every layer that the config does not say is dense. */
function mixtures(
  config: unknown,
  defaults: ExpertsDefaults,
  own: Partial<ExpertsOutline> = {},
): DeltaModel['feedForward'] {
  const experts = { ...readExperts(config, defaults), ...own };
  const shared = readFields(deltaSchema, config).shared_expert_intermediate_size ?? EXPERT_SIZE;
  return (outline, layer, activation) =>
    experts.isMixture(layer)
      ? qwenMixture(outline, layer, experts, activation, shared)
      : gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, { activation });
}

export const qwen35Moe: Family = {
  isLinear: (module) => isMixtureLinear(module) || deltaLinears(module),
  stacks: mixtureStacks,
  normType: 'keep',
  read(config, names) {
    const mixture = {
      experts: 256,
      expertsPerToken: 8,
      normalized: true,
      intermediateSize: EXPERT_SIZE,
    };
    return readDeltaModel(
      config,
      names,
      { ...sizes, hiddenSize: 2_048, layers: 40, kvHeads: 2 },
      {
        products: separateProducts,
        // All of its layers are mixtures, whose chosen experts always add up to one.
        feedForward: mixtures(config, mixture, { normalized: true, isMixture: () => true }),
      },
    );
  },
};

export const qwen3Next: Family = {
  isLinear: (module) => isMixtureLinear(module) || nextLinears(module),
  stacks: mixtureStacks,
  normType: 'keep',
  read(config, names) {
    const mixture = {
      experts: 512,
      expertsPerToken: 10,
      normalized: true,
      intermediateSize: EXPERT_SIZE,
    };
    const own = {
      ...sizes,
      vocabularySize: 151_936,
      hiddenSize: 2_048,
      intermediateSize: 5_632,
      layers: 48,
      kvHeads: 2,
    };
    return readDeltaModel(config, names, own, {
      products: fusedProducts,
      feedForward: mixtures(config, mixture),
    });
  },
};

const nextLinears = oneOf('linear_attn.in_proj_qkvz', 'linear_attn.out_proj');
