import { z } from 'zod';
import type { Activation } from './decoder.ts';
import { contradiction, readFields, unsupportedFeature } from './fields.ts';
import { ropeFieldsSchema } from './rope-config.ts';

/** What nearly every family's config.json has; blocks.ts makes layers of it. */

/** Far beyond any model: a config that asks for more wants to exhaust memory. */
export const MAX_LAYERS = 4_096;
const MAX_WIDTH = 1 << 20;
const MAX_VOCABULARY = 1 << 24;
const MAX_CONTEXT = 1 << 30;
/** More than any model stops at; each is compared with every token. */
const MAX_STOP_TOKENS = 64;

/** A size of a layer. */
export const width = z.int().positive().max(MAX_WIDTH);

/** What all families read. Whatever a family does not read may be anything, as for transformers. */
const outlineSchema = z.looseObject({
  vocab_size: z.int().positive().max(MAX_VOCABULARY).optional(),
  hidden_size: width.optional(),
  intermediate_size: width.optional(),
  num_hidden_layers: z.int().positive().max(MAX_LAYERS).optional(),
  num_attention_heads: width.optional(),
  num_key_value_heads: width.nullish(),
  head_dim: width.nullish(),
  max_position_embeddings: z.int().positive().max(MAX_CONTEXT).nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  dtype: z.string().nullish().catch(undefined),
  torch_dtype: z.string().nullish().catch(undefined),
  ...ropeFieldsSchema,
});
type RawOutline = z.infer<typeof outlineSchema>;

/** What transformers fills in where a config is silent. */
export interface Defaults {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly contextLength: number;
  readonly kvHeads: number | 'heads';
  /** A ratio is hiddenSize / heads, rounded down unless it must be whole. */
  readonly headDimension: number | 'ratio' | 'whole-ratio';
  /** Of a config whose `head_dim` is null. @default headDimension */
  readonly nullHeadDimension?: 'ratio';
  /** Whether elements of a head are rotated in pairs. @default true */
  readonly isRotated?: boolean;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | readonly number[] | null;
  /** @default 1e-6 */
  readonly epsilon?: number;
  /** What the config calls it. @default rms_norm_eps */
  readonly epsilonField?: string;
  /** Base of the rotation. @default 10,000 */
  readonly theta?: number;
  /** @default false */
  readonly tied?: boolean;
}

const DEFAULT_EPSILON = 1e-6;

/** The sizes of a decoder and the fields of its rotary embedding. */
export interface Outline {
  readonly raw: RawOutline;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDimension: number;
  readonly epsilon: number;
  readonly contextLength: number;
  readonly tied: boolean;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly dtype: string | null;
}

/** @throws AppError `malformed-file` for numbers that are out of range or contradict each other */
export function readOutline(config: unknown, defaults: Defaults): Outline {
  const raw = readFields(outlineSchema, config);
  return {
    raw,
    vocabularySize: raw.vocab_size ?? defaults.vocabularySize,
    intermediateSize: raw.intermediate_size ?? defaults.intermediateSize,
    layers: raw.num_hidden_layers ?? defaults.layers,
    ...readHeads(raw, defaults),
    epsilon:
      readEpsilon(config, defaults.epsilonField ?? 'rms_norm_eps') ??
      defaults.epsilon ??
      DEFAULT_EPSILON,
    contextLength: raw.max_position_embeddings ?? defaults.contextLength,
    tied: raw.tie_word_embeddings ?? defaults.tied ?? false,
    bosTokenId: tokenIds(raw['bos_token_id'], defaults.bosTokenId)[0] ?? null,
    eosTokenIds: tokenIds(raw['eos_token_id'], defaults.eosTokenId),
    dtype: raw.dtype ?? raw.torch_dtype ?? null,
  };
}

function readEpsilon(config: unknown, field: string): number | null | undefined {
  const schema = z.looseObject({ [field]: z.number().nonnegative().max(1).nullish() });
  return readFields(schema, config)[field];
}

/** Ids of one token or several. What no token can be, such as -1, is how some configs say that there is none. */
function tokenIds(value: unknown, fallback: Defaults['eosTokenId']): number[] {
  const own = value === undefined ? fallback : value;
  const given: readonly unknown[] = Array.isArray(own) ? own : [own];
  const isTokenId = (id: unknown): id is number =>
    typeof id === 'number' && Number.isSafeInteger(id) && id >= 0;
  return given.filter(isTokenId).slice(0, MAX_STOP_TOKENS);
}

function readHeads(
  raw: RawOutline,
  defaults: Defaults,
): Pick<Outline, 'hiddenSize' | 'heads' | 'kvHeads' | 'headDimension'> {
  const hiddenSize = raw.hidden_size ?? defaults.hiddenSize;
  const heads = raw.num_attention_heads ?? defaults.heads;
  // transformers applies its default only where the key is absent; an explicit null means one per head.
  const kvDefault =
    raw.num_key_value_heads === null || defaults.kvHeads === 'heads' ? heads : defaults.kvHeads;
  const kvHeads = raw.num_key_value_heads ?? kvDefault;
  if (heads % kvHeads !== 0)
    throw contradiction(
      'num_key_value_heads',
      kvHeads,
      `${heads} attention heads cannot share ${kvHeads} key and value heads.`,
    );
  const ratio =
    defaults.headDimension === 'whole-ratio' ? hiddenSize / heads : Math.floor(hiddenSize / heads);
  const isRatio =
    typeof defaults.headDimension !== 'number' ||
    (raw.head_dim === null && defaults.nullHeadDimension === 'ratio');
  const headDimension = raw.head_dim ?? (isRatio ? ratio : defaults.headDimension);
  if (!Number.isInteger(headDimension) || headDimension === 0)
    throw contradiction(
      'hidden_size',
      hiddenSize,
      `hidden_size ${hiddenSize} is not a multiple of ${heads} heads.`,
    );
  if (headDimension % 2 !== 0 && defaults.isRotated !== false)
    throw contradiction(
      'head_dim',
      headDimension,
      `${headDimension} rotated elements per head cannot be paired.`,
    );
  return { hiddenSize, heads, kvHeads, headDimension };
}

/** transformers knows some activations by several names. */
const activations: ReadonlyMap<string, Activation> = new Map([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['gelu_pytorch_tanh', 'gelu-tanh'],
  ['gelu_new', 'gelu-tanh'],
  ['gelu_fast', 'gelu-tanh'],
  ['gelu_accurate', 'gelu-tanh'],
  ['gelu_python_tanh', 'gelu-tanh'],
  ['gelu', 'gelu'],
  ['gelu_python', 'gelu'],
  ['quick_gelu', 'quick-gelu'],
  ['relu', 'relu'],
  ['relu2', 'relu2'],
]);

const activationSchema = z.looseObject({
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
});

/**
 * @param fallback What the family takes where its config does not say.
 * @param field Which of the two names the family reads.
 * @throws AppError `unsupported-model` for one that there is no operator for
 */
export function readActivation(
  config: unknown,
  fallback: Activation,
  field: 'hidden_act' | 'hidden_activation' = 'hidden_act',
): Activation {
  const name = readFields(activationSchema, config)[field];
  if (name === null || name === undefined) return fallback;
  const activation = activations.get(name);
  if (activation !== undefined) return activation;
  const known = [...activations.keys()].join(', ');
  throw unsupportedFeature(
    field,
    name,
    `config.json: the activation ${JSON.stringify(name.slice(0, 64))} is not supported (known: ${known}).`,
  );
}

const windowSchema = z.looseObject({ sliding_window: z.int().max(MAX_CONTEXT).nullish() });
const layerTypesSchema = z.looseObject({
  layer_types: z.array(z.string()).max(MAX_LAYERS).nullish(),
});

/** `sliding_window`, or the family's default where the config has no such key; an explicit null means none. */
export function readWindow(config: unknown, fallback: number | null): number | null {
  const { sliding_window: window } = readFields(windowSchema, config);
  return window === undefined ? fallback : window;
}

/** A window holds at least the token itself: with less a token would see nothing. */
function requireWindow(window: number): number {
  if (window >= 1) return window;
  throw contradiction('sliding_window', window, `a window of ${window} tokens shows no token.`);
}

/** The same where it holds for all layers. @throws AppError `malformed-file` for one that shows nothing */
export function readWholeWindow(config: unknown, fallback: number | null): number | null {
  const window = readWindow(config, fallback);
  return window === null ? null : requireWindow(window);
}

/** The kinds of layers that transformers names in `layer_types`. */
export type LayerType = 'full_attention' | 'sliding_attention';

/**
 * `layer_types`, one for each layer.
 *
 * @param fallback For a config that has none.
 * @throws AppError `unsupported-model` for other kinds, `malformed-file` for too many or too few
 */
export function readLayerTypes(
  config: unknown,
  layers: number,
  fallback: (layer: number) => LayerType,
): LayerType[] {
  return readKindsOfLayers(config, layers, ['full_attention', 'sliding_attention'], fallback);
}

/** What older configs call kinds of layers. */
const oldKinds: ReadonlyMap<string, string> = new Map([
  ['mamba', 'linear_attention'],
  ['attention', 'full_attention'],
]);

/**
 * `layer_types` of a family whose layers are of these kinds.
 *
 * @param fallback For a config that has none.
 * @throws AppError `unsupported-model` for other kinds, `malformed-file` for too many or too few
 */
export function readKindsOfLayers<Kind extends string>(
  config: unknown,
  layers: number,
  kinds: readonly Kind[],
  fallback: (layer: number) => Kind,
): Kind[] {
  const types = readFields(layerTypesSchema, config).layer_types;
  if (types === null || types === undefined)
    return Array.from({ length: layers }, (_, layer) => fallback(layer));
  if (types.length !== layers)
    throw contradiction(
      'layer_types',
      types.length,
      `layer_types has ${types.length} entries for ${layers} layers.`,
    );
  return types.map((type) => {
    const name = oldKinds.get(type) ?? type;
    const kind = kinds.find((each) => each === name);
    if (kind !== undefined) return kind;
    throw unsupportedFeature(
      'layer_types',
      type,
      `config.json: layers of type ${JSON.stringify(type.slice(0, 64))} are not supported.`,
    );
  });
}

/** Which tokens a layer of a type sees. @param window of those that slide */
export function windowOf(type: LayerType, window: number | null): number | null {
  if (type === 'full_attention') return null;
  if (window === null)
    throw contradiction('sliding_window', null, 'a layer slides, but there is no sliding_window.');
  return requireWindow(window);
}

const biasSchema = z.looseObject({
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
});

/** `attention_bias` and `mlp_bias`, of families that read them. */
export function readBiases(
  config: unknown,
  fallback = false,
): { readonly attention: boolean; readonly mlp: boolean } {
  const { attention_bias: attention, mlp_bias: mlp } = readFields(biasSchema, config);
  return { attention: attention ?? fallback, mlp: mlp ?? false };
}
