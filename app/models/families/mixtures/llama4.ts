import { z } from 'zod';
import { gatedOf, layerModule, preNormLayer, readPlain, rmsNorm } from '../../blocks.ts';
import type { Attention } from '../../decoder.ts';
import { expertStacks } from '../../expert-stacks.ts';
import { expertLayers, expertsOf, type ExpertsModules } from '../../experts.ts';
import { oneOf, type Family } from '../../family.ts';
import { contradiction, readFields } from '../../fields.ts';
import {
  MAX_LAYERS,
  readBiases,
  readKindsOfLayers,
  width,
  type Defaults,
  type Outline,
} from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

const defaults: Defaults = {
  vocabularySize: 202_048,
  hiddenSize: 5_120,
  intermediateSize: 8_192,
  layers: 48,
  heads: 40,
  contextLength: 131_072,
  kvHeads: 8,
  headDimension: 128,
  nullHeadDimension: 'ratio',
  bosTokenId: 1,
  eosTokenId: 2,
  epsilon: 1e-5,
};

const THETA = 500_000;
/** Of dense layers, where the config does not say. */
const DEFAULT_DENSE_WIDTH = 16_384;
const DEFAULT_EXPERTS = 16;
/** One layer in so many is not rotated, where the config does not list them. */
const DEFAULT_UNROTATED = 4;
const DEFAULT_CHUNK = 8_192;
/** Of the temperature of queries in layers that are not rotated. */
const DEFAULT_LENGTH = 8_192;
const DEFAULT_BETA = 0.1;

const positive = z.int().positive();
const llama4Schema = z.looseObject({
  intermediate_size_mlp: width.nullish(),
  num_experts_per_tok: positive.max(4_096).nullish(),
  num_local_experts: positive.max(4_096).nullish(),
  moe_layers: z.array(z.int()).max(MAX_LAYERS).nullish(),
  interleave_moe_layer_step: positive.nullish(),
  use_qk_norm: z.boolean().nullish(),
  no_rope_layers: z.array(z.int()).max(MAX_LAYERS).nullish(),
  no_rope_layer_interval: positive.nullish(),
  attention_chunk_size: positive.max(1 << 30).nullish(),
  /** Some configs have a number here. */
  attn_temperature_tuning: z.union([z.boolean(), z.number()]).nullish(),
  floor_scale: positive.nullish(),
  attn_scale: z.number().nullish(),
});
type Fields = z.infer<typeof llama4Schema>;

/** Whether a layer rotates queries and keys. @throws AppError `malformed-file` for a list that is too short */
function readRotated(fields: Fields, { layers }: Outline): (layer: number) => boolean {
  const { no_rope_layers: listed, no_rope_layer_interval: interval } = fields;
  if (!listed?.length) return (layer) => (layer + 1) % (interval ?? DEFAULT_UNROTATED) !== 0;
  if (listed.length < layers)
    throw contradiction(
      'no_rope_layers',
      listed.length,
      `no_rope_layers has ${listed.length} entries for ${layers} layers.`,
    );
  return (layer) => listed[layer] !== 0;
}

/** Which layers are mixtures: those that are listed, or the last one of so many. */
function readMixtures(fields: Fields): (layer: number) => boolean {
  const { moe_layers: listed, interleave_moe_layer_step: step } = fields;
  if (listed === null || listed === undefined) return (layer) => (layer + 1) % (step ?? 1) === 0;
  const mixtures = new Set(listed);
  return (layer) => mixtures.has(layer);
}

const modules: ExpertsModules = { router: 'feed_forward.router', experts: 'feed_forward.experts' };

const isLinear = expertLayers(
  oneOf(
    'self_attn.q_proj',
    'self_attn.k_proj',
    'self_attn.v_proj',
    'self_attn.o_proj',
    'feed_forward.gate_proj',
    'feed_forward.up_proj',
    'feed_forward.down_proj',
  ),
  /^feed_forward\.(?:experts\.\d+|shared_expert)\.(?:gate|up|down)_proj$/,
);

/** Attention within chunks of the text, but for layers without rotation; mixtures whose router weighs what experts read. */
export const llama4: Family = {
  isLinear,
  stacks: expertStacks('feed_forward.experts', 'columns'),
  normType: 'widen',
  read(config, names) {
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension, intermediateSize } = outline;
      const fields = readFields(llama4Schema, config);
      const { attention: bias } = readBiases(config);
      const isRotated = readRotated(fields, outline);
      const isMixture = readMixtures(fields);
      const { attention_chunk_size: stated = DEFAULT_CHUNK } = fields;
      const kinds = readKindsOfLayers(
        config,
        outline.layers,
        ['full_attention', 'chunked_attention'],
        (layer) => (isRotated(layer) && stated !== null ? 'chunked_attention' : 'full_attention'),
      );
      const chunkOf = (layer: number): { readonly chunk?: number } => {
        if (kinds[layer] !== 'chunked_attention') return {};
        if (stated !== null) return { chunk: stated };
        throw contradiction(
          'attention_chunk_size',
          null,
          'a layer sees chunks, but there is no attention_chunk_size.',
        );
      };
      const tuning = fields.attn_temperature_tuning ?? true;
      const temperature: Attention['temperature'] = {
        beta: fields.attn_scale ?? DEFAULT_BETA,
        length: fields.floor_scale ?? DEFAULT_LENGTH,
        offset: 1,
      };
      const norm = { ...rmsNorm(outline, null), extent: 'head' } as const;
      const experts = fields.num_local_experts ?? DEFAULT_EXPERTS;
      const expertsPerToken = fields.num_experts_per_tok ?? 1;
      if (expertsPerToken > experts)
        throw contradiction(
          'num_experts_per_tok',
          expertsPerToken,
          `${expertsPerToken} experts cannot be chosen among ${experts}.`,
        );
      const sizes = { experts, expertsPerToken, normalized: false, intermediateSize };
      return {
        rotaryEmbeddings: [
          {
            rope: readRope(raw, contextLength, headDimension, THETA),
            dimensions: headDimension,
            interleaved: true,
          },
        ],
        attention: (layer) => ({
          ...chunkOf(layer),
          rope: isRotated(layer) ? 0 : null,
          temperature: isRotated(layer) || !tuning ? null : temperature,
          biases: { qkv: bias, output: bias },
        }),
        layer: (own, layer, attention, feedForward) => {
          const isNormed = attention.rope !== null && fields.use_qk_norm !== false;
          const norms = { queryNorm: norm, keyNorm: norm, normsRotated: true };
          const mixer = isNormed ? { ...attention, ...norms } : attention;
          return preNormLayer(own, layer, mixer, feedForward);
        },
        feedForward: (layer, activation) => {
          const module = layerModule(layer, 'feed_forward');
          if (!isMixture(layer))
            return gatedOf(outline, module, fields.intermediate_size_mlp ?? DEFAULT_DENSE_WIDTH, {
              activation,
            });
          const shared = gatedOf(outline, `${module}.shared_expert`, intermediateSize, {
            activation,
          });
          return {
            ...expertsOf(outline, layer, sizes, modules, activation, {
              scores: 'sigmoid',
              weighs: 'input',
            }),
            shared: { feedForward: shared, gate: null },
          };
        },
      };
    });
  },
};
