import { z } from 'zod';
import { decoderOf, gatedOf, layerModule, layersOf, preNormLayer, rmsNorm } from '../../blocks.ts';
import type { FeedForward, LatentAttention, Matrix, Routing } from '../../decoder.ts';
import { expertLayers, expertsOf, readExperts, type ExpertsModules } from '../../experts.ts';
import { oneOf, sevenLinearLayers, type Family } from '../../family.ts';
import { contradiction, readFields, unsupportedFeature } from '../../fields.ts';
import {
  MAX_LAYERS,
  readActivation,
  readBiases,
  readOutline,
  width,
  type Defaults,
  type Outline,
} from '../../outline.ts';
import { readRope, type RopeConfig } from '../../rope-config.ts';

/** Of the norms of both latents, whatever the config says of the others. */
const LATENT_EPSILON = 1e-6;

const count = z.int().positive().max(4_096);
const deepseekSchema = z.looseObject({
  q_lora_rank: width.nullish(),
  kv_lora_rank: width.nullish(),
  qk_nope_head_dim: width.nullish(),
  qk_rope_head_dim: width.nullish(),
  v_head_dim: width.nullish(),
  n_routed_experts: count.nullish(),
  n_shared_experts: count.nullish(),
  num_experts_per_tok: count.nullish(),
  first_k_dense_replace: z.int().nonnegative().nullish(),
  routed_scaling_factor: z.number().nullish(),
  n_group: count.nullish(),
  topk_group: count.nullish(),
  topk_method: z.string().nullish(),
  norm_topk_prob: z.boolean().nullish(),
  rope_interleave: z.boolean().nullish(),
  mlp_layer_types: z.array(z.string()).max(MAX_LAYERS).nullish(),
});
type Fields = z.infer<typeof deepseekSchema>;

/** What the versions differ in, where a config does not say. */
interface Version {
  readonly defaults: Defaults;
  readonly experts: number;
  readonly sharedExperts: number;
  readonly expertSize: number;
  readonly expertsPerToken: number | null;
  readonly firstMixture: number;
  /** Whether a list says which layers are mixtures, and not where they begin. @default false */
  readonly readsLayerTypes?: boolean;
  readonly queryRank: number;
  readonly keyDimension: number;
  readonly valueDimension: number;
  readonly readsMlpBias: boolean;
  readonly readsInterleave: boolean;
  readonly routing: (fields: Fields, layer: number) => Partial<Routing>;
}

/** What yarn does to the scale of scores: the square of its magnitude. */
function scaleFactor(rope: RopeConfig): number {
  if (rope.kind !== 'yarn' || !rope.mscaleAllDimensions || rope.factor <= 1) return 1;
  return (0.1 * rope.mscaleAllDimensions * Math.log(rope.factor) + 1) ** 2;
}

function latentAttention(
  { hiddenSize, heads }: Outline,
  layer: number,
  fields: Fields,
  rope: RopeConfig,
  bias: boolean,
  version: Version,
): LatentAttention {
  const rank = fields.kv_lora_rank ?? 512;
  const keyDimension = fields.qk_nope_head_dim ?? version.keyDimension;
  const rotaryDimension = fields.qk_rope_head_dim ?? 64;
  const valueDimension = fields.v_head_dim ?? version.valueDimension;
  // An explicit null means none.
  const queryRank = fields.q_lora_rank === undefined ? version.queryRank : fields.q_lora_rank;
  const matrix = (part: string, inFeatures: number, outFeatures: number, own = false): Matrix => ({
    module: layerModule(layer, `self_attn.${part}`),
    inFeatures,
    outFeatures,
    bias: own,
  });
  const norm = (part: string): LatentAttention['latentNorm'] =>
    rmsNorm({ epsilon: LATENT_EPSILON }, layerModule(layer, `self_attn.${part}`));
  const queries = heads * (keyDimension + rotaryDimension);
  return {
    kind: 'latent-attention',
    heads,
    rank,
    keyDimension,
    rotaryDimension,
    valueDimension,
    scale: scaleFactor(rope) / Math.sqrt(keyDimension + rotaryDimension),
    rope: 0,
    queryLatent:
      queryRank === null
        ? null
        : {
            product: matrix('q_a_proj', hiddenSize, queryRank, bias),
            norm: norm('q_a_layernorm'),
          },
    query:
      queryRank === null
        ? matrix('q_proj', hiddenSize, queries)
        : matrix('q_b_proj', queryRank, queries),
    latent: matrix('kv_a_proj_with_mqa', hiddenSize, rank + rotaryDimension, bias),
    latentNorm: norm('kv_a_layernorm'),
    expansion: matrix('kv_b_proj', rank, heads * (keyDimension + valueDimension)),
    output: matrix('o_proj', heads * valueDimension, hiddenSize, bias),
  };
}

const isLinear = expertLayers(
  (module) =>
    sevenLinearLayers(module) ||
    oneOf(
      'self_attn.q_a_proj',
      'self_attn.q_b_proj',
      'self_attn.kv_a_proj_with_mqa',
      'self_attn.kv_b_proj',
    )(module),
  /^mlp\.(?:experts\.\d+|shared_experts)\.(?:gate|up|down)_proj$/,
);

const modules: ExpertsModules = { router: 'mlp.gate', experts: 'mlp.experts' };

/** Heads that share keys have no meaning where every head has its own product of the latent. */
function requireOwnHeads({ heads, kvHeads }: Outline): void {
  if (kvHeads === heads) return;
  throw unsupportedFeature(
    'num_key_value_heads',
    String(kvHeads),
    `config.json: latent attention of ${heads} heads with ${kvHeads} key and value heads is not supported.`,
  );
}

function groupsOf(
  { n_group: groups, topk_group: chosen, n_routed_experts: experts }: Fields,
  fallback: {
    readonly groups: number | null;
    readonly chosen: number | null;
    readonly experts: number;
  },
  by: 'best' | 'two-best',
): Routing['groups'] {
  const all = groups === undefined ? fallback.groups : groups;
  const some = chosen === undefined ? fallback.chosen : chosen;
  const total = experts ?? fallback.experts;
  if (all === null || some === null)
    throw contradiction('n_group', all, 'its router chooses among groups, but says of how many.');
  if (total % all !== 0 || some > all)
    throw contradiction('n_group', all, `${total} experts do not lie in ${all} groups.`);
  return { count: all, chosen: some, by };
}

/** Which layers are mixtures. @throws AppError `malformed-file` for a list of another length, `unsupported-model` */
function readMixtures(
  { first_k_dense_replace: stated, mlp_layer_types: types }: Fields,
  { layers }: Outline,
  { firstMixture, readsLayerTypes }: Version,
): (layer: number) => boolean {
  if (readsLayerTypes !== true) return (layer) => layer >= (stated ?? firstMixture);
  if (types === null || types === undefined) return (layer) => layer >= firstMixture;
  if (types.length !== layers)
    throw contradiction(
      'mlp_layer_types',
      types.length,
      `mlp_layer_types has ${types.length} entries for ${layers} layers.`,
    );
  const other = types.find((type) => type !== 'sparse' && type !== 'dense');
  if (other !== undefined)
    throw unsupportedFeature(
      'mlp_layer_types',
      other.slice(0, 64),
      `config.json: layers of type ${JSON.stringify(other.slice(0, 64))} are not supported.`,
    );
  return (layer) => types[layer] === 'sparse';
}

function family(version: Version): Family {
  return {
    isLinear,
    normType: 'widen',
    read(config, names) {
      const { defaults } = version;
      const outline = readOutline(config, defaults);
      requireOwnHeads(outline);
      const fields = readFields(deepseekSchema, config);
      const { attention: attentionBias, mlp } = readBiases(config);
      const bias = version.readsMlpBias && mlp;
      const activation = readActivation(config, 'silu');
      const rotaryDimension = fields.qk_rope_head_dim ?? 64;
      if (rotaryDimension % 2 !== 0)
        throw contradiction('qk_rope_head_dim', rotaryDimension, 'odd heads cannot be rotated.');
      const rope = readRope(outline.raw, outline.contextLength, rotaryDimension);
      const { intermediateSize: expertSize, ...read } = readExperts(
        {
          ...fields,
          num_experts: fields.n_routed_experts,
          moe_intermediate_size: outline.raw['moe_intermediate_size'],
        },
        {
          experts: version.experts,
          expertsPerToken: version.expertsPerToken ?? 0,
          normalized: false,
          intermediateSize: version.expertSize,
        },
      );
      if (read.expertsPerToken < 1)
        throw contradiction(
          'num_experts_per_tok',
          null,
          'it does not say how many experts a token has.',
        );
      const experts = { ...read, normalized: false, intermediateSize: expertSize };
      const isMixture = readMixtures(fields, outline, version);
      const sharedSize = expertSize * (fields.n_shared_experts ?? version.sharedExperts);
      const feedForward = (layer: number): FeedForward => {
        if (!isMixture(layer))
          return gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias,
          });
        const shared = gatedOf(outline, layerModule(layer, 'mlp.shared_experts'), sharedSize, {
          activation,
          bias,
        });
        const routing = version.routing(fields, layer);
        return {
          ...expertsOf(outline, layer, experts, modules, activation, routing),
          shared: { feedForward: shared, gate: null },
        };
      };
      return decoderOf(outline, names, {
        rotaryEmbeddings: [
          {
            rope,
            dimensions: rotaryDimension,
            interleaved: !version.readsInterleave || fields.rope_interleave !== false,
          },
        ],
        layers: layersOf(outline, (layer) =>
          preNormLayer(
            outline,
            layer,
            latentAttention(outline, layer, fields, rope, attentionBias, version),
            feedForward(layer),
          ),
        ),
      });
    },
  };
}

/** A router that reads the sigmoid of every logit, corrected for the choice alone. @param scale Where the config does not say. */
function correctedSigmoid(
  fields: Fields,
  layer: number,
  fallback: { readonly groups: number; readonly chosen: number; readonly experts: number },
  scale: number,
): Partial<Routing> {
  return {
    scores: 'sigmoid',
    correction: layerModule(layer, 'mlp.gate.e_score_correction_bias'),
    groups: groupsOf(fields, fallback, 'two-best'),
    normalized: (fields.norm_topk_prob ?? true) ? { epsilon: 1e-20, leastSum: 0 } : null,
    scale: fields.routed_scaling_factor ?? scale,
  };
}

/** Mixtures with latent attention, their router a softmax, of groups or of all. */
export const deepseek2 = family({
  defaults: {
    vocabularySize: 102_400,
    hiddenSize: 4_096,
    intermediateSize: 11_008,
    layers: 32,
    heads: 32,
    contextLength: 2_048,
    kvHeads: 'heads',
    headDimension: 64,
    bosTokenId: 1,
    eosTokenId: 2,
  },
  experts: 64,
  sharedExperts: 2,
  expertSize: 1_407,
  expertsPerToken: null,
  firstMixture: 0,
  queryRank: 1_536,
  keyDimension: 128,
  valueDimension: 128,
  readsMlpBias: true,
  readsInterleave: false,
  routing: (fields) => {
    const method = fields.topk_method ?? 'greedy';
    const scale = fields.routed_scaling_factor ?? 1;
    if (method === 'greedy') return { scale };
    if (method === 'group_limited_greedy') {
      const none = { groups: null, chosen: null, experts: 64 };
      return { scale, groups: groupsOf(fields, none, 'best') };
    }
    throw unsupportedFeature(
      'topk_method',
      method,
      `config.json: a router that chooses by ${JSON.stringify(method.slice(0, 64))} is not supported.`,
    );
  },
});

/** The same with a sigmoid for a router, corrected for the choice alone. */
export const deepseek3 = family({
  defaults: {
    vocabularySize: 129_280,
    hiddenSize: 7_168,
    intermediateSize: 18_432,
    layers: 61,
    heads: 128,
    contextLength: 4_096,
    kvHeads: 128,
    headDimension: 64,
    bosTokenId: 0,
    eosTokenId: 1,
  },
  experts: 256,
  sharedExperts: 1,
  expertSize: 2_048,
  expertsPerToken: 8,
  firstMixture: 3,
  queryRank: 1_536,
  keyDimension: 128,
  valueDimension: 128,
  readsMlpBias: false,
  readsInterleave: true,
  routing: (fields, layer) =>
    correctedSigmoid(fields, layer, { groups: 8, chosen: 4, experts: 256 }, 2.5),
});

/** GLM 4.7 Flash: the same in other sizes, and a list of the layers that are mixtures. */
export const glm4MoeLite = family({
  defaults: {
    vocabularySize: 154_880,
    hiddenSize: 2_048,
    intermediateSize: 10_240,
    layers: 47,
    heads: 20,
    contextLength: 202_752,
    kvHeads: 20,
    headDimension: 64,
    bosTokenId: 0,
    eosTokenId: 1,
    epsilon: 1e-5,
  },
  experts: 64,
  sharedExperts: 1,
  expertSize: 1_536,
  expertsPerToken: 4,
  firstMixture: 1,
  readsLayerTypes: true,
  queryRank: 768,
  keyDimension: 192,
  valueDimension: 256,
  readsMlpBias: false,
  readsInterleave: true,
  routing: (fields, layer) =>
    correctedSigmoid(fields, layer, { groups: 1, chosen: 1, experts: 64 }, 1.8),
});
