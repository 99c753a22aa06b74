import { z } from 'zod';
import { AppError, because } from '../contract/error.ts';
import {
  architectures,
  describeArchitecture,
  unknownArchitecture,
  unsupportedFeature,
} from './architectures.ts';
import { longestContext, readRope, ropeFieldsSchema } from './rope-config.ts';
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
  /** Leading elements of a head that are rotated; even. All of them in these families. */
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
  /** True when the output matrix is the embedding, unless the files hold an lm_head.weight nevertheless. */
  readonly tiedEmbeddings: boolean;
  /** Tokens the model was made for. */
  readonly contextLength: number;
  /** Tokens that it can be given where a longer context is asked for; at least `contextLength`. */
  readonly longestContext: number;
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
/** More than any model stops at; each is compared with every token. */
const MAX_STOP_TOKENS = 64;

const width = z.int().positive().max(MAX_WIDTH);

/** What all families read. Whatever a family does not read may be anything, as for transformers. */
const configSchema = z.looseObject({
  vocab_size: z.int().positive().max(MAX_VOCABULARY).optional(),
  hidden_size: width.optional(),
  intermediate_size: width.optional(),
  num_hidden_layers: z.int().positive().max(MAX_LAYERS).optional(),
  num_attention_heads: width.optional(),
  num_key_value_heads: width.nullish(),
  head_dim: width.nullish(),
  max_position_embeddings: z.int().positive().max(MAX_CONTEXT).nullish(),
  rms_norm_eps: z.number().nonnegative().max(1).nullish(),
  hidden_act: z.string().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  dtype: z.string().nullish().catch(undefined),
  torch_dtype: z.string().nullish().catch(undefined),
  ...ropeFieldsSchema,
});
type RawConfig = z.infer<typeof configSchema>;

const attentionBiasSchema = z.looseObject({ attention_bias: z.boolean().nullish() });
const mlpBiasSchema = z.looseObject({ mlp_bias: z.boolean().nullish() });
const windowSchema = z.looseObject({ sliding_window: z.int().max(MAX_CONTEXT).nullish() });
const layerWindowsSchema = z.looseObject({
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.int().nullish(),
});
const layerTypesSchema = z.looseObject({
  layer_types: z.array(z.string()).max(MAX_LAYERS).nullish(),
});

/** What transformers fills in where a config of this type is silent, and which of its fields it reads. */
interface Family {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly contextLength: number;
  readonly kvHeads: number | 'heads';
  /** 'ratio': hiddenSize / heads. */
  readonly headDimension: number | 'ratio';
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  readonly hasQkNorm: boolean;
  /** 'config': what `attention_bias` and `mlp_bias` say. */
  readonly biases: 'none' | 'qkv' | 'attention-config' | 'config';
  /**
   * Whether `sliding_window` is read: for all layers unless `layer_types` tells them apart, or only where
   * `use_sliding_window` says so, for those that `layer_types` or `max_window_layers` name.
   */
  readonly windows: 'none' | 'all-layers' | 'by-layer';
}

const qwen = {
  vocabularySize: 151_936,
  hiddenSize: 4_096,
  intermediateSize: 22_016,
  layers: 32,
  heads: 32,
  contextLength: 32_768,
  kvHeads: 32,
  bosTokenId: null,
  eosTokenId: null,
  windows: 'by-layer',
} as const;

/** Of transformers 5. */
const families: Readonly<Record<ModelType, Family>> = {
  llama: {
    vocabularySize: 32_000,
    hiddenSize: 4_096,
    intermediateSize: 11_008,
    layers: 32,
    heads: 32,
    contextLength: 2_048,
    kvHeads: 'heads',
    headDimension: 'ratio',
    bosTokenId: 1,
    eosTokenId: 2,
    hasQkNorm: false,
    biases: 'config',
    windows: 'none',
  },
  mistral: {
    vocabularySize: 32_000,
    hiddenSize: 4_096,
    intermediateSize: 14_336,
    layers: 32,
    heads: 32,
    contextLength: 131_072,
    kvHeads: 8,
    headDimension: 'ratio',
    bosTokenId: 1,
    eosTokenId: 2,
    hasQkNorm: false,
    biases: 'none',
    windows: 'all-layers',
  },
  qwen2: { ...qwen, headDimension: 'ratio', hasQkNorm: false, biases: 'qkv' },
  qwen3: { ...qwen, headDimension: 128, hasQkNorm: true, biases: 'attention-config' },
};

/** The default of transformers for all four. */
const DEFAULT_RMS_NORM_EPSILON = 1e-6;
/** From this layer on Qwen uses the window, where it uses one at all. */
const DEFAULT_MAX_WINDOW_LAYERS = 28;
/** The window of a config that has no `sliding_window` key at all; an explicit null means none. */
const DEFAULT_WINDOW = 4_096;

/** transformers knows the activation by two names. */
const SILU: readonly string[] = ['silu', 'swish'];

function isModelType(value: string): value is ModelType {
  return Object.hasOwn(families, value);
}

function contradiction(field: string, value: unknown, what: string): AppError {
  return new AppError(
    'malformed-file',
    `config.json: ${what}`,
    because(
      'bad-config-value',
      { field, value: (value === undefined ? 'undefined' : JSON.stringify(value)).slice(0, 64) },
      { remedy: 'The checkpoint contradicts itself: download it again, or choose another one.' },
    ),
  );
}

/** Checks the fields that a schema names. @throws AppError `malformed-file` that names the first bad one */
function read<T extends z.ZodType>(schema: T, config: unknown): z.output<T> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path ?? [];
  const value = path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    config,
  );
  const what = z.prettifyError(parsed.error).replaceAll('\n', ' ');
  throw contradiction(path.map(String).join('.'), value, what);
}

/**
 * Reads what running a model needs from its config.json (parsed), as transformers 5 reads it: every family its own fields
 * and no others, with its own defaults. A `quantization_config` is no obstacle: artifacts have one.
 *
 * @throws AppError `unsupported-model` for an architecture or a feature that there is no graph for, `malformed-file`
 * for numbers that are out of range or contradict each other
 */
export function readModelConfig(config: unknown): ModelConfig {
  const { modelType, className } = describeArchitecture(config);
  const known = architectures.get(modelType);
  if (!isModelType(modelType) || known?.className !== className)
    throw unknownArchitecture(className, modelType, 'runnable');
  const family = families[modelType];
  const raw = read(configSchema, config);
  const activation = raw.hidden_act ?? 'silu';
  if (!SILU.includes(activation))
    throw unsupportedFeature(
      'hidden_act',
      activation.slice(0, 64),
      `config.json: the activation ${JSON.stringify(activation.slice(0, 64))} is not supported (known: silu).`,
    );
  const contextLength = raw.max_position_embeddings ?? family.contextLength;
  const sizes = readHeads(raw, family, modelType);
  const { headDimension } = sizes;
  if (headDimension % 2 !== 0)
    throw contradiction(
      'head_dim',
      headDimension,
      `${headDimension} rotated elements per head cannot be paired.`,
    );
  const rope = readRope(raw, contextLength, headDimension);
  const layers = raw.num_hidden_layers ?? family.layers;
  return {
    modelType,
    className,
    vocabularySize: raw.vocab_size ?? family.vocabularySize,
    intermediateSize: raw.intermediate_size ?? family.intermediateSize,
    layers,
    ...sizes,
    rotaryDimensions: headDimension,
    rope,
    rmsNormEpsilon: raw.rms_norm_eps ?? DEFAULT_RMS_NORM_EPSILON,
    hasQkNorm: family.hasQkNorm,
    biases: readBiases(config, family),
    windows: readWindows(config, family, layers),
    tiedEmbeddings: raw.tie_word_embeddings ?? false,
    contextLength,
    longestContext: longestContext(rope, contextLength),
    bosTokenId: tokenIds(raw['bos_token_id'], family.bosTokenId)[0] ?? null,
    eosTokenIds: tokenIds(raw['eos_token_id'], family.eosTokenId),
    dtype: raw.dtype ?? raw.torch_dtype ?? null,
  };
}

/** Ids of one token or several. What no token can be, such as -1, is how some configs say that there is none. */
function tokenIds(value: unknown, fallback: number | null): number[] {
  const given: readonly unknown[] = Array.isArray(value)
    ? value
    : [value === undefined ? fallback : value];
  const isTokenId = (id: unknown): id is number =>
    typeof id === 'number' && Number.isSafeInteger(id) && id >= 0;
  return given.filter(isTokenId).slice(0, MAX_STOP_TOKENS);
}

function readHeads(
  raw: RawConfig,
  family: Family,
  modelType: ModelType,
): Pick<ModelConfig, 'hiddenSize' | 'heads' | 'kvHeads' | 'headDimension'> {
  const hiddenSize = raw.hidden_size ?? family.hiddenSize;
  const heads = raw.num_attention_heads ?? family.heads;
  // transformers applies its default only where the key is absent; an explicit null means one per head.
  const kvDefault =
    raw.num_key_value_heads === null || family.kvHeads === 'heads' ? heads : family.kvHeads;
  const kvHeads = raw.num_key_value_heads ?? kvDefault;
  if (heads % kvHeads !== 0)
    throw contradiction(
      'num_key_value_heads',
      kvHeads,
      `${heads} attention heads cannot share ${kvHeads} key and value heads.`,
    );
  // Llama asks for a whole number; the others round down.
  const ratio = modelType === 'llama' ? hiddenSize / heads : Math.floor(hiddenSize / heads);
  const headDimension =
    raw.head_dim ?? (family.headDimension === 'ratio' ? ratio : family.headDimension);
  if (!Number.isInteger(headDimension) || headDimension === 0)
    throw contradiction(
      'hidden_size',
      hiddenSize,
      `hidden_size ${hiddenSize} is not a multiple of ${heads} heads.`,
    );
  return { hiddenSize, heads, kvHeads, headDimension };
}

function readBiases(config: unknown, family: Family): ModelConfig['biases'] {
  switch (family.biases) {
    case 'none':
      return { qkv: false, output: false, mlp: false };
    case 'qkv':
      return { qkv: true, output: false, mlp: false };
    case 'attention-config':
    case 'config': {
      const attention = read(attentionBiasSchema, config).attention_bias ?? false;
      const mlp = family.biases === 'config' && (read(mlpBiasSchema, config).mlp_bias ?? false);
      return { qkv: attention, output: attention, mlp };
    }
  }
}

function readWindows(config: unknown, family: Family, layers: number): (number | null)[] {
  const everyLayer = <T>(value: T): T[] => Array.from({ length: layers }, () => value);
  const stated = (): number | null => {
    const { sliding_window: window } = read(windowSchema, config);
    return window === undefined ? DEFAULT_WINDOW : window;
  };
  switch (family.windows) {
    case 'none':
      return everyLayer(null);
    case 'all-layers': {
      const window = stated();
      // A Mistral with types of layers is a Ministral to transformers.
      const types = read(layerTypesSchema, config).layer_types;
      if (types === null || types === undefined)
        return everyLayer(window === null ? null : requireWindow(window));
      return windowsOf(types, window, layers);
    }
    case 'by-layer': {
      const raw = read(layerWindowsSchema, config);
      const window = raw.use_sliding_window === true ? stated() : null;
      const types = read(layerTypesSchema, config).layer_types;
      return windowsOf(
        types ?? defaultTypes(window, raw.max_window_layers, layers),
        window,
        layers,
      );
    }
  }
}

function defaultTypes(
  window: number | null,
  firstWindowed: number | null | undefined,
  layers: number,
): string[] {
  const first = window === null ? layers : (firstWindowed ?? DEFAULT_MAX_WINDOW_LAYERS);
  return Array.from({ length: layers }, (_, layer) =>
    layer >= first ? 'sliding_attention' : 'full_attention',
  );
}

function windowsOf(
  types: readonly string[],
  window: number | null,
  layers: number,
): (number | null)[] {
  if (types.length !== layers)
    throw contradiction(
      'layer_types',
      types.length,
      `layer_types has ${types.length} entries for ${layers} layers.`,
    );
  return types.map((type) => windowOf(type, window));
}

function windowOf(type: string, window: number | null): number | null {
  if (type === 'full_attention') return null;
  if (type !== 'sliding_attention')
    throw unsupportedFeature(
      'layer_types',
      type.slice(0, 64),
      `config.json: layers of type ${JSON.stringify(type.slice(0, 64))} are not supported.`,
    );
  if (window === null)
    throw contradiction('sliding_window', null, 'a layer slides, but there is no sliding_window.');
  return requireWindow(window);
}

/** A window holds at least the token itself: with less a token would see nothing. */
function requireWindow(window: number): number {
  if (window >= 1) return window;
  throw contradiction('sliding_window', window, `a window of ${window} tokens shows no token.`);
}
