import { z } from 'zod';
import { AppError } from '../contract/error.ts';
import { architectures, describeArchitecture, unsupportedModel } from './architectures.ts';
import { readRope, ropeFieldsSchema } from './rope-config.ts';
import type { RopeConfig } from './rope-config.ts';

/** The model types that can be run. */
export type ModelType = 'llama' | 'mistral' | 'qwen2' | 'qwen3';

/**
 * A model's config.json with every default filled in, in one vocabulary for all architectures.
 *
 * Tensor names follow from it: `model.embed_tokens.weight`, `model.layers.N.{input,post_attention}_layernorm.weight`,
 * `model.layers.N.self_attn.{q,k,v,o}_proj.*`, `model.layers.N.mlp.{gate,up,down}_proj.*`, `model.norm.weight`, and
 * `lm_head.weight` unless the embeddings are tied.
 */
export interface ModelConfig {
  readonly modelType: ModelType;
  /** The class of transformers, e.g. `LlamaForCausalLM`. */
  readonly className: string;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  /** Need not be hiddenSize / heads. */
  readonly headDimension: number;
  /** Leading elements of a head that are rotated; even, at most `headDimension`. */
  readonly rotaryDimensions: number;
  readonly rope: RopeConfig;
  readonly rmsNormEpsilon: number;
  /** RMS norm per head on q and k before the rotation (`q_norm.weight`, `k_norm.weight`). */
  readonly hasQkNorm: boolean;
  readonly biases: {
    /** q_proj, k_proj and v_proj. */
    readonly qkv: boolean;
    /** o_proj. */
    readonly output: boolean;
    /** gate_proj, up_proj and down_proj. */
    readonly mlp: boolean;
  };
  /** Per layer: how many tokens it sees, itself included; null for all of them. */
  readonly windows: readonly (number | null)[];
  /** True when the output matrix is the embedding: there is no lm_head.weight. */
  readonly tiedEmbeddings: boolean;
  /** Tokens the model was made for. */
  readonly contextLength: number;
  readonly bosTokenId: number | null;
  /** Empty where config.json names none; generation_config.json may name more. */
  readonly eosTokenIds: readonly number[];
  /** As the config says it (`bfloat16`, `float16`, `float32`); null where it does not. */
  readonly dtype: string | null;
}

/** Far beyond any model: a config that asks for more wants to exhaust memory. */
const MAX_LAYERS = 4_096;
const MAX_WIDTH = 1 << 20;
const MAX_VOCABULARY = 1 << 24;
const MAX_CONTEXT = 1 << 30;

const width = z.int().positive().max(MAX_WIDTH);
const tokenId = z.int().nonnegative().max(MAX_VOCABULARY);

const configSchema = z.looseObject({
  vocab_size: z.int().positive().max(MAX_VOCABULARY),
  hidden_size: width,
  intermediate_size: width,
  num_hidden_layers: z.int().positive().max(MAX_LAYERS),
  num_attention_heads: width,
  num_key_value_heads: width.nullish(),
  head_dim: width.nullish(),
  max_position_embeddings: z.int().positive().max(MAX_CONTEXT).nullish(),
  rms_norm_eps: z.number().positive().max(1).nullish(),
  hidden_act: z.string().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  sliding_window: z.int().positive().max(MAX_CONTEXT).nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.int().nonnegative().nullish(),
  layer_types: z.array(z.string()).max(MAX_LAYERS).nullish(),
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId).max(64)]).nullish(),
  dtype: z.string().nullish(),
  torch_dtype: z.string().nullish(),
  ...ropeFieldsSchema,
});
type RawConfig = z.infer<typeof configSchema>;

/** What transformers fills in where a config of this type is silent. */
interface Defaults {
  readonly contextLength: number;
  readonly kvHeads: number | 'heads';
  /** 'ratio': hiddenSize / heads. */
  readonly headDimension: number | 'ratio';
  /** The window of a config that has no `sliding_window` key at all; an explicit null means none. */
  readonly window: number | null;
}

const defaults: Readonly<Record<ModelType, Defaults>> = {
  llama: { contextLength: 2_048, kvHeads: 'heads', headDimension: 'ratio', window: null },
  mistral: { contextLength: 131_072, kvHeads: 8, headDimension: 'ratio', window: 4_096 },
  qwen2: { contextLength: 32_768, kvHeads: 32, headDimension: 'ratio', window: 4_096 },
  qwen3: { contextLength: 32_768, kvHeads: 32, headDimension: 128, window: 4_096 },
};

/** The default of transformers for all four. */
const DEFAULT_RMS_NORM_EPSILON = 1e-6;
/** From this layer on Qwen uses the window, where it uses one at all. */
const DEFAULT_MAX_WINDOW_LAYERS = 28;

function isModelType(value: string): value is ModelType {
  return Object.hasOwn(defaults, value);
}

function contradiction(what: string): AppError {
  return new AppError('malformed-file', `config.json: ${what}`, {
    remedy: 'The checkpoint contradicts itself: download it again, or choose another one.',
  });
}

/**
 * Reads what running a model needs from its config.json (parsed). A `quantization_config` is no obstacle: artifacts
 * have one.
 *
 * @throws AppError `unsupported-model` for an architecture or a feature that there is no graph for, `malformed-file`
 * for numbers that are missing or contradict each other
 */
export function readModelConfig(config: unknown): ModelConfig {
  const { modelType, className } = describeArchitecture(config);
  const known = architectures.get(modelType);
  if (!isModelType(modelType) || known?.className !== className)
    throw unsupportedModel(
      `${className} (model_type ${modelType}) is not an architecture that Nibble can run.`,
      'runnable',
    );
  const parsed = configSchema.safeParse(config);
  if (!parsed.success) throw contradiction(z.prettifyError(parsed.error).replaceAll('\n', ' '));
  const raw = parsed.data;
  if ((raw.hidden_act ?? 'silu') !== 'silu')
    throw unsupportedModel(
      `config.json: the activation ${JSON.stringify(raw.hidden_act)} is not supported (known: silu).`,
      'runnable',
    );
  const contextLength = raw.max_position_embeddings ?? defaults[modelType].contextLength;
  const { rope, partialRotaryFactor } = readRope(raw, contextLength);
  const { heads, kvHeads, headDimension } = readHeads(raw, modelType);
  const rotaryDimensions = Math.floor(headDimension * partialRotaryFactor);
  if (rotaryDimensions % 2 !== 0 || rotaryDimensions === 0)
    throw contradiction(`${rotaryDimensions} rotated elements per head cannot be paired.`);
  const eos = raw.eos_token_id ?? [];
  return {
    modelType,
    className,
    vocabularySize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads,
    kvHeads,
    headDimension,
    rotaryDimensions,
    rope,
    rmsNormEpsilon: raw.rms_norm_eps ?? DEFAULT_RMS_NORM_EPSILON,
    hasQkNorm: modelType === 'qwen3',
    biases: readBiases(raw, modelType),
    windows: readWindows(raw, modelType),
    tiedEmbeddings: raw.tie_word_embeddings ?? false,
    contextLength,
    bosTokenId: raw.bos_token_id ?? null,
    eosTokenIds: Array.isArray(eos) ? eos : [eos],
    dtype: raw.dtype ?? raw.torch_dtype ?? null,
  };
}

function readHeads(
  raw: RawConfig,
  modelType: ModelType,
): { heads: number; kvHeads: number; headDimension: number } {
  const heads = raw.num_attention_heads;
  const fallback = defaults[modelType];
  // transformers applies its default only where the key is absent; an explicit null means one per head.
  const kvDefault =
    raw.num_key_value_heads === null || fallback.kvHeads === 'heads' ? heads : fallback.kvHeads;
  const kvHeads = raw.num_key_value_heads ?? kvDefault;
  if (heads % kvHeads !== 0)
    throw contradiction(`${heads} attention heads cannot share ${kvHeads} key and value heads.`);
  const ratio = raw.hidden_size / heads;
  const headDimension =
    raw.head_dim ?? (fallback.headDimension === 'ratio' ? ratio : fallback.headDimension);
  if (!Number.isInteger(headDimension))
    throw contradiction(`hidden_size ${raw.hidden_size} is not a multiple of ${heads} heads.`);
  return { heads, kvHeads, headDimension };
}

function readBiases(raw: RawConfig, modelType: ModelType): ModelConfig['biases'] {
  switch (modelType) {
    case 'llama':
      return {
        qkv: raw.attention_bias ?? false,
        output: raw.attention_bias ?? false,
        mlp: raw.mlp_bias ?? false,
      };
    case 'mistral':
      return { qkv: false, output: false, mlp: false };
    case 'qwen2':
      return { qkv: true, output: false, mlp: false };
    case 'qwen3':
      return { qkv: raw.attention_bias ?? false, output: raw.attention_bias ?? false, mlp: false };
  }
}

function readWindows(raw: RawConfig, modelType: ModelType): (number | null)[] {
  const layers = raw.num_hidden_layers;
  const isQwen = modelType === 'qwen2' || modelType === 'qwen3';
  const stated = raw.sliding_window === undefined ? defaults[modelType].window : raw.sliding_window;
  const window = isQwen && raw.use_sliding_window !== true ? null : stated;
  if (raw.layer_types === null || raw.layer_types === undefined) {
    const firstWindowed = isQwen ? (raw.max_window_layers ?? DEFAULT_MAX_WINDOW_LAYERS) : 0;
    return Array.from({ length: layers }, (_, layer) => (layer >= firstWindowed ? window : null));
  }
  if (raw.layer_types.length !== layers)
    throw contradiction(`layer_types has ${raw.layer_types.length} entries for ${layers} layers.`);
  return raw.layer_types.map((type) => {
    if (type === 'full_attention') return null;
    if (type !== 'sliding_attention')
      throw unsupportedModel(
        `config.json: layers of type ${JSON.stringify(type.slice(0, 64))} are not supported.`,
        'runnable',
      );
    if (window === null) throw contradiction('a layer slides, but there is no sliding_window.');
    return window;
  });
}
