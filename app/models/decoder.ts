import type { RopeConfig } from './rope-config.ts';

/**
 * A language model as data: what app/run/graph makes a plan of, whatever family it is of. Names of tensors stand here in
 * full, so that nothing behind this file asks which family it reads.
 */

/**
 * A stored matrix: `module.weight` [outFeatures, inFeatures], and `module.bias` [outFeatures] where it has one; or some
 * rows of one that holds several.
 */
export interface Matrix {
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
  /** The module whose `bias` it has. @default its own */
  readonly biasModule?: string;
  /**
   * The module's rows are `groups` (1 where absent) equal groups of `total`; `outFeatures / groups` of each from `first` on
   * are this matrix.
   */
  readonly within?: { readonly first: number; readonly total: number; readonly groups?: number };
}

/** x / sqrt(mean(x²) + epsilon) · (weight + weightOffset), the weight being `module.weight` (Zhang & Sennrich 2019). */
export interface RmsNorm {
  readonly kind: 'rms';
  /** Null for a norm without weights. */
  readonly module: string | null;
  /** Of its weights, where that is not called `module.weight`. */
  readonly tensor?: string;
  readonly epsilon: number;
  /** 1 where a family stores its weights less one, as Gemma does. */
  readonly weightOffset: number;
}

/**
 * (x - mean(x)) / sqrt(variance(x) + epsilon) · (weight + weightOffset) + bias, of `module.weight` and `module.bias`
 * (Ba et al. 2016).
 */
export interface LayerNorm {
  readonly kind: 'layer';
  readonly module: string;
  readonly epsilon: number;
  /** 1 where a family stores its weights less one, as Nemotron does. */
  readonly weightOffset: number;
  readonly bias: boolean;
}

export type Norm = RmsNorm | LayerNorm;

/** A norm of queries or keys. */
export type HeadNorm = RmsHeadNorm | LayerHeadNorm;

export interface RmsHeadNorm extends RmsNorm {
  /** Whether every head is normalized by itself, or all of them as one vector. */
  readonly extent: 'head' | 'all-heads';
}

/** Every head by itself. */
export interface LayerHeadNorm extends LayerNorm {
  readonly extent: 'head';
  /**
   * Of which heads a weight is: of all of them [headDimension], of one each as rows of one tensor [heads, headDimension],
   * or of one each in modules of their own, `module.N` [headDimension]. Only those of all heads have a bias.
   */
  readonly weights: 'shared' | 'rows' | 'modules';
}

/** 1 + beta · ln(1 + ⌊(position + offset) / length⌋), as Llama 4 keeps attention sharp in long texts. */
export interface Temperature {
  readonly beta: number;
  readonly length: number;
  readonly offset: 0 | 1;
}

/** Causal attention with grouped keys and values; queries, keys, values are products of the layer's input. */
export interface Attention {
  readonly kind: 'attention';
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  /** Need not be hiddenSize / heads. */
  readonly headDimension: number;
  /** Factor of q · k. */
  readonly scale: number;
  /** A further factor of a query that grows with its position; null for none. */
  readonly temperature: Temperature | null;
  /** How many tokens a token sees, itself included; null for all of them. */
  readonly window: number | null;
  /** Positions are chunks of so many, and a token sees none before its own; absent: they are not. */
  readonly chunk?: number;
  /** Scores become softcap · tanh(score / softcap); null: they stay. */
  readonly softcap: number | null;
  /** Which of the decoder's rotary embeddings; null for none. */
  readonly rope: number | null;
  readonly queryNorm: HeadNorm | null;
  readonly keyNorm: HeadNorm | null;
  /** Of every head of the values, without weights; null for none. */
  readonly valueNorm: { readonly epsilon: number } | null;
  /** Whether queries and keys are normalized behind the rotation, not before it: by RMS norms of heads. @default false */
  readonly normsRotated?: boolean;
  /** Of what `output` reads. @default none */
  readonly innerNorm?: Norm;
  /** Tensor [heads] of a further score of each head, whose weight goes nowhere (Xiao et al. 2023); null for none. */
  readonly sinks: string | null;
  readonly query: Matrix;
  /** Null where the keys and values are those of another layer. */
  readonly key: Matrix | null;
  /** Null where the values are the products of the keys, before norm and rotation. */
  readonly value: Matrix | null;
  /** An earlier layer whose keys and values it reads, with heads like its own; null: it has its own. */
  readonly cacheOf: number | null;
  /** The result is multiplied by the sigmoid of this product; null: it stays. */
  readonly outputGate: Matrix | null;
  readonly output: Matrix;
}

/** A causal convolution of every channel by itself: `module.weight` [channels, 1, taps], the last tap the token's own. */
export interface Convolution {
  readonly module: string;
  readonly channels: number;
  readonly taps: number;
  readonly bias: boolean;
  /** Whether silu follows. */
  readonly silu: boolean;
}

/** An RMS norm of groups of a row, multiplied by the silu of a gate: behind the norm, or in front of it. */
export interface GatedNorm {
  readonly module: string;
  readonly epsilon: number;
  readonly group: number;
  /** Elements of its weight: those of one group or of all of them. */
  readonly width: number;
  readonly isGateFirst: boolean;
}

/**
 * The gated delta rule (Yang et al. 2024): queries, keys and values go through a convolution; every head has a state
 * [keyDimension, valueDimension] that native-kernels/include/recurrence.h defines.
 */
export interface GatedDelta {
  readonly kind: 'gated-delta';
  readonly heads: number;
  /** Divides `heads`. */
  readonly keyHeads: number;
  readonly keyDimension: number;
  readonly valueDimension: number;
  /** Products that side by side are queries, keys and values of all heads. */
  readonly mixed: readonly Matrix[];
  readonly convolution: Convolution;
  /** Products that the decay and the strength of every head are made of. */
  readonly decay: Matrix;
  readonly strength: Matrix;
  /** Tensors [heads]. */
  readonly rateTensor: string;
  readonly stepBiasTensor: string;
  readonly gate: Matrix;
  readonly norm: GatedNorm;
  readonly output: Matrix;
}

/** after(x) · convolution(before(x) · input(x)): a gate in front of a short convolution and another behind it. */
export interface GatedConvolution {
  readonly kind: 'gated-convolution';
  readonly before: Matrix;
  readonly after: Matrix;
  readonly input: Matrix;
  readonly convolution: Convolution;
  readonly output: Matrix;
}

/** A product times a number. */
export interface ScaledMatrix extends Matrix {
  /** @default 1 */
  readonly scale?: number;
}

/**
 * Mamba 2 (Dao & Gu 2024): values, keys and queries go through a convolution; every head has a state [stateDimension,
 * headDimension] that native-kernels/include/recurrence.h defines.
 */
export interface Mamba2 {
  readonly kind: 'state-space';
  readonly heads: number;
  /** So many heads of keys and queries, which the heads share; divides `heads`. */
  readonly groups: number;
  readonly stateDimension: number;
  readonly headDimension: number;
  readonly gate: ScaledMatrix;
  readonly values: ScaledMatrix;
  readonly keys: ScaledMatrix;
  readonly queries: ScaledMatrix;
  readonly step: ScaledMatrix;
  readonly convolution: Convolution;
  /** Tensors [heads]. */
  readonly rateTensor: string;
  readonly stepBiasTensor: string;
  readonly skipTensor: string;
  /** Bounds of steps; null: none above. */
  readonly leastStep: number;
  readonly largestStep: number | null;
  /** Null: what comes of the state is multiplied by the silu of the gate alone. */
  readonly norm: GatedNorm | null;
  readonly output: Matrix;
}

/** Attention and a state beside each other: the sum of both, each with a factor of its input and one of its output. */
export interface ParallelMixers {
  readonly kind: 'parallel';
  readonly parts: readonly {
    readonly mixer: Attention | Mamba2;
    readonly inputScale: number;
    readonly outputScale: number;
  }[];
}

/**
 * Multi-head latent attention (DeepSeek-AI 2024): the cache holds one vector for each token, of which the keys and values
 * of all heads are products, and a rotated key that all heads share.
 */
export interface LatentAttention {
  readonly kind: 'latent-attention';
  readonly heads: number;
  /** Elements of the vector that is kept. */
  readonly rank: number;
  /** Elements of a head's key that are products of it. */
  readonly keyDimension: number;
  /** Those of the shared key, which stand behind them. */
  readonly rotaryDimension: number;
  readonly valueDimension: number;
  readonly scale: number;
  readonly rope: number;
  /** What queries are products of, in place of the layer's input; null: that. */
  readonly queryLatent: { readonly product: Matrix; readonly norm: RmsNorm } | null;
  readonly query: Matrix;
  /** Latent vector and shared key, one behind the other. */
  readonly latent: Matrix;
  readonly latentNorm: RmsNorm;
  /** Key and value of every head in turn. */
  readonly expansion: Matrix;
  readonly output: Matrix;
}

/** What looks at other tokens in a layer: attention over all of them, or a state that every token changes. */
export type Mixer =
  Attention | LatentAttention | GatedDelta | GatedConvolution | Mamba2 | ParallelMixers;

/**
 * silu(x) = x / (1 + e^-x); gelu(x) = x · Φ(x), gelu-tanh its approximation by a hyperbolic tangent and quick-gelu that by
 * x / (1 + e^-1.702x) (Hendrycks & Gimpel 2016); relu2(x) = max(x, 0)².
 */
export type Activation = 'silu' | 'gelu' | 'gelu-tanh' | 'quick-gelu' | 'relu' | 'relu2';

/**
 * alpha_p · x² + beta · x for x > 0, else (e^min(x, eps) - 1 - x) · alpha_n + beta · x, with what `module` stores: alpha_p and
 * alpha_n [1] before softplus (and beta added to the latter), beta and eps (Huang & Schlag 2024).
 */
export interface Xielu {
  readonly kind: 'xielu';
  readonly module: string;
}

/** down(activation(gate(x)) · up(x)) */
export interface GatedFeedForward {
  readonly kind: 'gated';
  readonly activation: Activation;
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
  /** Of what `down` reads. @default none */
  readonly innerNorm?: Norm;
  /** Of the gate, before its activation. @default 1 */
  readonly gateScale?: number;
  /**
   * About which share of the gate becomes 0 before its activation: what is left of it is max(0, gate - mean - z · deviation),
   * z being this quantile of the normal distribution. @default none
   */
  readonly sparsity?: number;
  /** Of the output. @default 1 */
  readonly outputScale?: number;
}

/** Which experts a token goes through, and what their weights are. */
export interface Routing {
  readonly expertsPerToken: number;
  /**
   * What logits become: the softmax over all experts, or the sigmoid of each. `sparse-mixer` chooses two, one after the other,
   * each weighted by the softmax of the logits that are close to it (Liu et al. 2024).
   */
  readonly scores: 'softmax' | 'sigmoid' | 'sparse-mixer';
  /** Of `sparse-mixer`: logits further away than twice this share of the larger one count for nothing. */
  readonly jitter: number;
  /** Tensor of what is added to the scores for the choice alone, [experts]; null for none. */
  readonly correction: string | null;
  /** Only experts of the best groups are chosen; a group is as good as its best expert, or its two best together. */
  readonly groups: {
    readonly count: number;
    readonly chosen: number;
    readonly by: 'best' | 'two-best';
  } | null;
  /** The weights of the chosen ones are divided by max(their sum, leastSum) + epsilon; null: they stay. */
  readonly normalized: { readonly epsilon: number; readonly leastSum: number } | null;
  /** Factor of all weights. */
  readonly scale: number;
  /** Tensor of a factor of each expert's weight, [experts]; null for none. */
  readonly expertScales: string | null;
  /** Whether a weight multiplies what its expert says, or what it reads. */
  readonly weighs: 'output' | 'input';
}

/** down(activation(up(x))) */
export interface UngatedFeedForward {
  readonly kind: 'ungated';
  readonly activation: Activation | Xielu;
  readonly up: Matrix;
  readonly down: Matrix;
}

/** Activations that experts compute. */
export type ExpertActivation = Extract<Activation, 'silu' | 'gelu-tanh'>;

/** An expert; without a gate it computes down(relu2(up(x))), whatever the others' activation. */
export interface Expert {
  readonly gate: Matrix | null;
  readonly up: Matrix;
  readonly down: Matrix;
}

/** A mixture of gated feed-forwards, of which a router chooses some for every token (Shazeer et al. 2017). */
export interface ExpertsFeedForward {
  readonly kind: 'experts';
  readonly activation: ExpertActivation;
  /** Logits of the experts, [experts, hiddenSize]. */
  readonly router: Matrix;
  readonly routing: Routing;
  /** All have gates, or none. */
  readonly experts: readonly Expert[];
  /**
   * In place of the activation; experts have no gate then, and the rows of `up` are those of gate and up by turns:
   * g · σ(alpha · g) · (u + 1), g being the gate, at most `limit`, and u up, from -limit to limit.
   */
  readonly clampedSwiglu?: { readonly alpha: number; readonly limit: number };
  /** What experts read is reduced by one matrix, what they say is widened by the other. @default neither */
  readonly latent?: { readonly down: Matrix; readonly up: Matrix };
  /** One through which every token goes; its output times the sigmoid of `gate`'s one logit, where there is one. */
  readonly shared: {
    readonly feedForward: GatedFeedForward | UngatedFeedForward;
    readonly gate: Matrix | null;
  } | null;
}

/**
 * A feed-forward and a mixture beside each other: norm(dense(x)) + norm(experts(norm(stream))), `stream` being what the
 * layer's own norm made x of. The router reads `routerScale` times a norm of it.
 */
export interface DenseAndExperts {
  readonly kind: 'dense-and-experts';
  readonly dense: GatedFeedForward;
  readonly afterDense: RmsNorm;
  readonly routerNorm: RmsNorm;
  readonly routerScale: number;
  readonly beforeExperts: RmsNorm;
  readonly experts: ExpertsFeedForward;
  readonly afterExperts: RmsNorm;
}

export type FeedForward =
  GatedFeedForward | UngatedFeedForward | ExpertsFeedForward | DenseAndExperts;

/** What a layer adds of its own embedding of the token, `input`: norm(project(activation(gate(x)) · input)). */
export interface LayerInput {
  readonly activation: Activation;
  readonly gate: Matrix;
  readonly project: Matrix;
  readonly norm: RmsNorm;
}

/**
 * What a layer of a decoder with several streams does with them (Alternating Updates, Baykal et al. 2023). Its own input is
 * the active one after all were predicted: every stream plus what all of them are, weighted by `prediction`. Every stream is
 * then corrected by what the layer changed its input by, times 1 plus a weight of `correction`. What both read is the
 * hyperbolic tangent of `router`'s product with `routerScale` times a norm: of the active stream, and of the layer's output.
 */
export interface Alternation {
  readonly routerNorm: RmsNorm;
  readonly routerScale: number;
  readonly router: Matrix;
  /** Weights of all streams for every stream in turn, [streams · streams, streams]. */
  readonly prediction: Matrix;
  readonly correction: Matrix;
  /** Tensor [hiddenSize] that multiplies what `layerInput` reads of the corrected active stream; null: nothing does. */
  readonly inputFactors: string | null;
  /** (x + mixer + y) / sqrt(2) goes on, y being input + norm(right(left(input))) of what the mixer reads. */
  readonly left: Matrix;
  readonly right: Matrix;
  readonly sideNorm: RmsNorm;
}

/**
 * x + residualScale · norm(mixer(norm(x))), then the same with the feed-forward. A norm that is null leaves its input. Where
 * there is no mixer, the feed-forward reads what the mixer would.
 */
export interface DecoderLayer {
  readonly attentionNorm: Norm | null;
  readonly mixer: Mixer | null;
  readonly afterAttentionNorm: Norm | null;
  readonly feedForwardNorm: Norm | null;
  readonly feedForward: FeedForward | null;
  readonly afterFeedForwardNorm: Norm | null;
  readonly residualScale: number;
  /**
   * The feed-forward reads what attention reads, not what it made of it, and both are added: x + mixer + feedForward.
   * `feedForwardNorm` is of x then; where it is null, the feed-forward reads attention's own input. @default false
   */
  readonly isParallel?: boolean;
  /** What is added behind the feed-forward. */
  readonly layerInput?: LayerInput;
  /** Tensor of one number that multiplies all that comes of the layer. */
  readonly outputFactor?: string;
  /** Of all layers of a decoder with `streams`; `layerInput` is added to all streams but the first then. */
  readonly alternation?: Alternation;
}

/**
 * Several streams beside each other, of which layers compute one: the embeddings, and products of them, each as large as
 * they are. In the end each product of the others is made as large as the first stream, and the mean of all goes on.
 */
export interface Streams {
  readonly active: number;
  /** Of the second stream, the third and so on. */
  readonly projections: readonly Matrix[];
  readonly returns: readonly Matrix[];
}

/**
 * Embeddings that every layer has for itself: of [T, layers, width], the norm of each row of the projected embeddings,
 * times `projectionScale` before, plus the tokens' own rows times `tokenScale`; all times `scale`.
 */
export interface LayerEmbeddings {
  /** Module of the tokens' rows, [vocabularySize, layers · width]. */
  readonly module: string;
  readonly vocabularySize: number;
  readonly width: number;
  readonly tokenScale: number;
  readonly projection: Matrix;
  readonly projectionScale: number;
  readonly norm: RmsNorm;
  readonly scale: number;
}

/** How positions rotate the leading `dimensions` elements of a head; even. */
export interface RotaryEmbedding {
  readonly rope: RopeConfig;
  readonly dimensions: number;
  /** Whether element 2i is paired with its neighbour 2i + 1, and not i with i + dimensions / 2. @default false */
  readonly interleaved?: boolean;
}

/** A model's config.json with every default filled in, in one vocabulary for all families. */
export interface Decoder {
  readonly modelType: string;
  /** The class of transformers, e.g. `LlamaForCausalLM`. */
  readonly className: string;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  /** Module of the embeddings, [vocabularySize, hiddenSize]. */
  readonly embedding: string;
  readonly embeddingScale: number;
  /** Learned embeddings of positions, `module.weight` [count, hiddenSize], which are added to those of tokens. @default none */
  readonly positions?: { readonly module: string; readonly count: number };
  readonly layerEmbeddings?: LayerEmbeddings;
  /** @default one */
  readonly streams?: Streams;
  readonly rotaryEmbeddings: readonly RotaryEmbedding[];
  readonly layers: readonly DecoderLayer[];
  readonly finalNorm: Norm;
  /** Module of the output layer, where it has weights of its own. */
  readonly head: string;
  /** Whether the output layer has a bias, `head.bias`. @default false */
  readonly headBias?: boolean;
  /** True when the output matrix is the embedding, unless the files hold one of its own nevertheless. */
  readonly tiedEmbeddings: boolean;
  readonly logitScale: number;
  /** Logits become softcap · tanh(logit / softcap); null: they stay. */
  readonly logitSoftcap: number | null;
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
