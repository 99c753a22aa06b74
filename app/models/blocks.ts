import type {
  Activation,
  Attention,
  Decoder,
  DecoderLayer,
  FeedForward,
  GatedFeedForward,
  HeadNorm,
  LayerHeadNorm,
  LayerNorm,
  Matrix,
  Mixer,
  Norm,
  RmsNorm,
  UngatedFeedForward,
  Xielu,
} from './decoder.ts';
import type { ModelNames } from './family.ts';
import { readActivation, readOutline, type Defaults, type Outline } from './outline.ts';
import { longestContext, readRope } from './rope-config.ts';

/** The blocks that nearly every family is made of. */

/** The path of a layer's module. */
export function layerModule(layer: number, module: string): string {
  return `model.layers.${layer}.${module}`;
}

/** An RMS norm of this decoder. */
export function rmsNorm(
  { epsilon }: Pick<Outline, 'epsilon'>,
  module: string | null,
  weightOffset = 0,
): RmsNorm {
  return { kind: 'rms', module, epsilon, weightOffset };
}

/** A layer norm of this decoder. */
export function layerNorm(
  { epsilon }: Outline,
  module: string,
  { bias = true, weightOffset = 0 }: Partial<Pick<LayerNorm, 'bias' | 'weightOffset'>> = {},
): LayerNorm {
  return { kind: 'layer', module, epsilon, weightOffset, bias };
}

/** What the attention of a layer has beyond sizes. */
export interface AttentionDetails {
  readonly window?: number | null;
  readonly chunk?: number;
  readonly rope?: number | null;
  /** @default 1 / sqrt(headDimension) */
  readonly scale?: number;
  readonly temperature?: Attention['temperature'];
  readonly softcap?: number | null;
  /** Tensor of a further score of each head, within the layer. */
  readonly sinks?: string;
  /** Modules of norms of queries and keys, within the layer. */
  readonly norms?: {
    readonly query: string;
    readonly key: string;
    readonly extent?: HeadNorm['extent'];
    readonly weightOffset?: number;
    /** Of layer norms; without it they are RMS norms. */
    readonly layer?: Pick<LayerHeadNorm, 'weights' | 'bias'>;
  } | null;
  readonly normsRotated?: boolean;
  /** Of what the output matrix reads. */
  readonly innerNorm?: Norm;
  readonly biases?: { readonly qkv: boolean; readonly output: boolean };
  /** The output matrix, within the layer. @default self_attn.o_proj */
  readonly output?: string;
}

/** Attention over `self_attn.{q,k,v,o}_proj`. */
export function attentionOf(
  outline: Outline,
  layer: number,
  details: AttentionDetails = {},
): Attention {
  const { hiddenSize, heads, kvHeads, headDimension } = outline;
  const { norms = null, biases = { qkv: false, output: false } } = details;
  const norm = (within: string): HeadNorm => {
    const module = layerModule(layer, within);
    return norms?.layer === undefined
      ? { ...rmsNorm(outline, module, norms?.weightOffset), extent: norms?.extent ?? 'head' }
      : { ...layerNorm(outline, module), ...norms.layer, extent: 'head' };
  };
  const product = (part: string, outFeatures: number): Matrix => ({
    module: layerModule(layer, `self_attn.${part}_proj`),
    inFeatures: hiddenSize,
    outFeatures,
    bias: biases.qkv,
  });
  return {
    kind: 'attention',
    heads,
    kvHeads,
    headDimension,
    scale: details.scale ?? 1 / Math.sqrt(headDimension),
    temperature: details.temperature ?? null,
    window: details.window ?? null,
    softcap: details.softcap ?? null,
    rope: details.rope === undefined ? 0 : details.rope,
    queryNorm: norms === null ? null : norm(norms.query),
    keyNorm: norms === null ? null : norm(norms.key),
    valueNorm: null,
    sinks: details.sinks === undefined ? null : layerModule(layer, details.sinks),
    cacheOf: null,
    ...(details.chunk === undefined ? {} : { chunk: details.chunk }),
    ...(details.normsRotated === true ? { normsRotated: true } : {}),
    ...(details.innerNorm === undefined ? {} : { innerNorm: details.innerNorm }),
    query: product('q', heads * headDimension),
    key: product('k', kvHeads * headDimension),
    value: product('v', kvHeads * headDimension),
    output: {
      module: layerModule(layer, details.output ?? 'self_attn.o_proj'),
      inFeatures: heads * headDimension,
      outFeatures: hiddenSize,
      bias: biases.output,
    },
    outputGate: null,
  };
}

/**
 * Matrices that are stored as one, in this order: the rows of the first, then those of the second and so on.
 *
 * @param widths Their rows; with `groups`, those in each group of such rows.
 */
export function fusedMatrices(
  module: string,
  inFeatures: number,
  widths: readonly number[],
  { groups = 1, bias = false }: { readonly groups?: number; readonly bias?: boolean } = {},
): Matrix[] {
  const total = widths.reduce((sum, rows) => sum + rows, 0);
  let end = 0;
  return widths.map((rows) => {
    end += rows;
    return {
      module,
      inFeatures,
      outFeatures: rows * groups,
      bias,
      within: { first: end - rows, total, ...(groups === 1 ? {} : { groups }) },
    };
  });
}

/** What a gated feed-forward has beyond sizes. */
export interface GatedDetails {
  /** @default silu */
  readonly activation?: Activation;
  /** @default false */
  readonly bias?: boolean;
  /** Its matrices within the module. @default gate_proj, up_proj, down_proj */
  readonly names?: { readonly gate: string; readonly up: string; readonly down: string };
}

/** A gated feed-forward. @param module Its path; `names` are those of its matrices within it. */
export function gatedOf(
  { hiddenSize }: Outline,
  module: string,
  intermediateSize: number,
  { activation = 'silu', bias = false, names = GATED_NAMES }: GatedDetails = {},
): GatedFeedForward {
  const wide = (name: string): Matrix => ({
    module: `${module}.${name}`,
    inFeatures: hiddenSize,
    outFeatures: intermediateSize,
    bias,
  });
  return {
    kind: 'gated',
    activation,
    gate: wide(names.gate),
    up: wide(names.up),
    down: {
      module: `${module}.${names.down}`,
      inFeatures: intermediateSize,
      outFeatures: hiddenSize,
      bias,
    },
  };
}

/** The same over `gate_up_proj`, which holds gate and up one after the other, and `down_proj`. */
export function fusedGatedOf(
  outline: Outline,
  module: string,
  intermediateSize: number,
  activation: Activation,
): GatedFeedForward {
  const gated = gatedOf(outline, module, intermediateSize, { activation });
  const [gate = gated.gate, up = gated.up] = fusedMatrices(
    `${module}.gate_up_proj`,
    outline.hiddenSize,
    [intermediateSize, intermediateSize],
  );
  return { ...gated, gate, up };
}

/** What a feed-forward without a gate has beyond sizes. */
export interface UngatedDetails {
  readonly activation: Activation | Xielu;
  /** @default false */
  readonly bias?: boolean;
  /** Its matrices within the module. @default up_proj, down_proj */
  readonly names?: { readonly up: string; readonly down: string };
}

/** A feed-forward without a gate. @param module Its path; `names` are those of its matrices within it. */
export function ungatedOf(
  { hiddenSize }: Outline,
  module: string,
  intermediateSize: number,
  { activation, bias = false, names = GATED_NAMES }: UngatedDetails,
): UngatedFeedForward {
  return {
    kind: 'ungated',
    activation,
    up: {
      module: `${module}.${names.up}`,
      inFeatures: hiddenSize,
      outFeatures: intermediateSize,
      bias,
    },
    down: {
      module: `${module}.${names.down}`,
      inFeatures: intermediateSize,
      outFeatures: hiddenSize,
      bias,
    },
  };
}

const GATED_NAMES = { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' };

/** A layer with a norm in front of attention and another in front of the feed-forward, as Llama's. */
export function preNormLayer(
  outline: Outline,
  layer: number,
  mixer: Mixer,
  feedForward: FeedForward,
  norm: (outline: Outline, module: string) => Norm = rmsNorm,
): DecoderLayer {
  return {
    attentionNorm: norm(outline, layerModule(layer, 'input_layernorm')),
    mixer,
    afterAttentionNorm: null,
    feedForwardNorm: norm(outline, layerModule(layer, 'post_attention_layernorm')),
    feedForward,
    afterFeedForwardNorm: null,
    residualScale: 1,
  };
}

/** A layer whose norms stand behind attention and feed-forward alone, as OLMo 2's. */
export function postNormLayer(
  outline: Outline,
  layer: number,
  mixer: Mixer,
  feedForward: FeedForward,
): DecoderLayer {
  return {
    attentionNorm: null,
    mixer,
    afterAttentionNorm: rmsNorm(outline, layerModule(layer, 'post_attention_layernorm')),
    feedForwardNorm: null,
    feedForward,
    afterFeedForwardNorm: rmsNorm(outline, layerModule(layer, 'post_feedforward_layernorm')),
    residualScale: 1,
  };
}

/** All layers of a decoder, in order. */
export function layersOf<T>({ layers }: Pick<Outline, 'layers'>, make: (layer: number) => T): T[] {
  return Array.from({ length: layers }, (_, layer) => make(layer));
}

/** What surrounds the layers, where the family has nothing to say of it. */
export function decoderOf(
  outline: Outline,
  names: ModelNames,
  own: Pick<Decoder, 'layers' | 'rotaryEmbeddings'> &
    Partial<Omit<Decoder, 'layers' | 'rotaryEmbeddings'>>,
): Decoder {
  const { contextLength } = outline;
  return {
    ...names,
    vocabularySize: outline.vocabularySize,
    hiddenSize: outline.hiddenSize,
    embedding: 'model.embed_tokens',
    embeddingScale: 1,
    finalNorm: rmsNorm(outline, 'model.norm'),
    head: 'lm_head',
    tiedEmbeddings: outline.tied,
    logitScale: 1,
    logitSoftcap: null,
    contextLength,
    longestContext: Math.max(
      contextLength,
      ...own.rotaryEmbeddings.map(({ rope }) => longestContext(rope, contextLength)),
    ),
    bosTokenId: outline.bosTokenId,
    eosTokenIds: outline.eosTokenIds,
    dtype: outline.dtype,
    ...own,
  };
}

/** What a family says of a decoder whose layers are all of one shape. */
export interface PlainModel {
  /** @default `hidden_act`, and silu where the config does not say */
  readonly activation?: Activation;
  /** @default one, of whole heads */
  readonly rotaryEmbeddings?: Decoder['rotaryEmbeddings'];
  readonly attention?: (layer: number) => AttentionDetails;
  /** @default gated, over `mlp.{gate,up,down}_proj` */
  readonly feedForward?: (layer: number, activation: Activation) => FeedForward;
  /** Of the matrices of that. @default false */
  readonly mlpBias?: boolean;
  /** @default preNormLayer */
  readonly layer?: (
    outline: Outline,
    layer: number,
    attention: Attention,
    feedForward: FeedForward,
  ) => DecoderLayer;
  /** What surrounds the layers. */
  readonly around?: Partial<Decoder>;
}

/**
 * Reads a decoder whose layers are all of one shape, as those of most families are.
 *
 * @param describe What this family has beyond the sizes.
 * @throws AppError `unsupported-model`, `malformed-file`
 */
export function readPlain(
  config: unknown,
  names: ModelNames,
  defaults: Defaults,
  describe: (outline: Outline) => PlainModel = () => ({}),
): Decoder {
  const outline = readOutline(config, defaults);
  const { raw, contextLength, headDimension: dimensions, intermediateSize } = outline;
  const own = describe(outline);
  const activation = own.activation ?? readActivation(config, 'silu');
  const bias = own.mlpBias ?? false;
  const make = own.layer ?? preNormLayer;
  return decoderOf(outline, names, {
    rotaryEmbeddings: own.rotaryEmbeddings ?? [
      { rope: readRope(raw, contextLength, dimensions, defaults.theta), dimensions },
    ],
    layers: layersOf(outline, (layer) =>
      make(
        outline,
        layer,
        attentionOf(outline, layer, own.attention?.(layer)),
        own.feedForward?.(layer, activation) ??
          gatedOf(outline, layerModule(layer, 'mlp'), intermediateSize, { activation, bias }),
      ),
    ),
    ...own.around,
  });
}
