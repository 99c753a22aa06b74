import type {
  Activation,
  Attention,
  Convolution,
  ExpertsFeedForward,
  LayerNorm,
  LatentAttention,
  LayerHeadNorm,
  GatedDelta,
  GatedNorm,
  Mamba2,
  Matrix,
  Norm,
  RmsNorm,
  RotaryEmbedding,
} from '../../models/on-demand.ts';

/**
 * A decoder as a list of operators in the order in which they run. Values are names; every node says which ones it reads
 * and writes, and which stored tensors it needs. What prints a plan (app/run/graph) knows no family and no layer.
 *
 * Shapes: T tokens, R rows whose logits are wanted, H hiddenSize.
 */
export type PlanNode =
  /** Cosines and sines of the T positions; `index` is the rotary embedding's in the decoder. */
  | { readonly op: 'rotary'; readonly index: number; readonly embedding: RotaryEmbedding }
  /** [T, H]: rows of `module.weight` [vocabularySize, H], times `scale`. */
  | {
      readonly op: 'embedding';
      readonly name: string;
      readonly module: string;
      readonly vocabularySize: number;
      readonly hiddenSize: number;
      readonly scale: number;
    }
  /** `input` [T, width] plus the rows of `module.weight` [count, width] that belong to the positions of its tokens. */
  | {
      readonly op: 'positions';
      readonly name: string;
      readonly input: string;
      readonly module: string;
      readonly count: number;
      readonly width: number;
    }
  /** Every row of `input` [.., width] normalized; of [.., groups · width] every group of a row by itself. */
  | {
      readonly op: 'rms-norm';
      readonly name: string;
      readonly input: string;
      readonly norm: RmsNorm;
      readonly width: number;
      readonly groups?: number;
    }
  /** The same centered; or each of several heads of equal width by itself, with the weights that `norm` says. */
  | {
      readonly op: 'layer-norm';
      readonly name: string;
      readonly input: string;
      readonly norm: LayerNorm | LayerHeadNorm;
      /** Of a row; divided by `heads` where there are several. */
      readonly width: number;
      /** @default 1 */
      readonly heads?: number;
    }
  /**
   * The sum of `added` and `stream` [.., H] as `sum`, and the same normalized as `name`.
   * `isLast`: nobody reads the sum any more.
   */
  | {
      readonly op: 'residual-norm';
      readonly name: string;
      readonly sum: string;
      readonly added: string;
      readonly stream: string;
      readonly norm: Norm;
      readonly width: number;
      readonly isLast: boolean;
    }
  /** The sum of two values of one shape. */
  | { readonly op: 'add'; readonly name: string; readonly a: string; readonly b: string }
  /** `input` times a number. */
  | {
      readonly op: 'scale';
      readonly name: string;
      readonly input: string;
      readonly factor: number;
    }
  /** `input` times the numbers of a stored tensor: one for all columns, or one for each. */
  | {
      readonly op: 'scale-stored';
      readonly name: string;
      readonly input: string;
      readonly tensor: string;
      readonly columns: number;
    }
  /** cap · tanh(input / cap) */
  | { readonly op: 'softcap'; readonly name: string; readonly input: string; readonly cap: number }
  /** The rows of `input` whose logits are wanted: [R, ..] of [T, ..]. */
  | { readonly op: 'wanted-rows'; readonly name: string; readonly input: string }
  /** Products of one input with up to three matrices; each part's `name` is its product. */
  | {
      readonly op: 'linear';
      readonly name: string;
      readonly input: string;
      readonly parts: readonly NamedMatrix[];
    }
  /**
   * The columns of `input`: those of the first part, then those of the second and so on, each a value of its own. With
   * `groups` the columns are so many equal groups, each of which holds its share of every part.
   */
  | {
      readonly op: 'split';
      readonly name: string;
      readonly input: string;
      readonly groups: number;
      readonly parts: readonly { readonly name: string; readonly width: number }[];
    }
  /**
   * Attention of T tokens over the cache of `layer`, [T, heads · headDimension]. Without keys and values it reads what an
   * earlier attention has put there.
   */
  | {
      readonly op: 'attention';
      readonly name: string;
      readonly layer: number;
      readonly attention: PlannedAttention;
      readonly query: string;
      readonly own: { readonly key: string; readonly value: string } | null;
      /** Of the norms of queries and keys. */
      readonly epsilon: number;
      /** How pairs of rotated elements lie, as in `RotaryEmbedding`. */
      readonly interleaved: boolean;
    }
  /** activation(input) */
  | {
      readonly op: 'activate';
      readonly name: string;
      readonly input: string;
      readonly activation: Activation;
    }
  /** The same with xIELU, whose parameters `module` stores. */
  | {
      readonly op: 'xielu';
      readonly name: string;
      readonly input: string;
      readonly module: string;
    }
  /** Latent attention of T tokens over the cache of `layer`, [T, heads · valueDimension]; `latent` holds the shared key too. */
  | {
      readonly op: 'latent-attention';
      readonly name: string;
      readonly layer: number;
      readonly attention: LatentAttention;
      readonly query: string;
      readonly latent: string;
      readonly interleaved: boolean;
    }
  /** activation(gate) · up */
  | {
      readonly op: 'gated';
      readonly name: string;
      readonly activation: Activation;
      readonly gate: string;
      readonly up: string;
    }
  /** The chosen experts' outputs for every row of `input`, weighted; `router` holds the logits [.., experts]. */
  | {
      readonly op: 'experts';
      readonly name: string;
      readonly input: string;
      readonly router: string;
      readonly feedForward: ExpertsFeedForward;
    }
  /** `input` [.., n] times the sigmoid of `gate` [.., 1], plus `added`. */
  | {
      readonly op: 'sigmoid-gate';
      readonly name: string;
      readonly input: string;
      readonly gate: string;
      readonly added: string;
    }
  /** `input` times the sigmoid of `gate`, of one shape. */
  | {
      readonly op: 'open';
      readonly name: string;
      readonly input: string;
      readonly gate: string;
    }
  /** The product of two values of one shape, element by element. */
  | { readonly op: 'multiply'; readonly name: string; readonly a: string; readonly b: string }
  /** `input` with the root mean square of `like` in every row; of its own counts no less than the root of 1e-5. */
  | {
      readonly op: 'match-rms';
      readonly name: string;
      readonly input: string;
      readonly like: string;
    }
  /**
   * Each of `count` equal groups of `input`, plus all of them weighted: `weights` [T, count · count] holds those of every
   * group in turn.
   */
  | {
      readonly op: 'mix';
      readonly name: string;
      readonly input: string;
      readonly weights: string;
      readonly count: number;
      /** Of a group. */
      readonly width: number;
    }
  /** Each of `count` equal groups of `input`, plus `added` times 1 + its weight, of `weights` [T, count]. */
  | {
      readonly op: 'spread';
      readonly name: string;
      readonly input: string;
      readonly added: string;
      readonly weights: string;
      readonly count: number;
      /** Of a group. */
      readonly width: number;
    }
  /** max(0, input - mean - deviations · standard deviation), of every row. */
  | {
      readonly op: 'sparsify';
      readonly name: string;
      readonly input: string;
      readonly deviations: number;
    }
  /** The columns of all inputs, side by side. */
  | { readonly op: 'concat'; readonly name: string; readonly inputs: readonly string[] }
  /** A causal convolution of T tokens; its state are the inputs of the tokens before them. */
  | {
      readonly op: 'convolution';
      readonly name: string;
      readonly input: string;
      readonly convolution: Convolution;
    }
  /**
   * The gated delta rule over a state of its own, [T, heads · valueDimension]. `input` holds queries, keys and values side
   * by side, `decay` and `strength` are [T, heads].
   */
  | {
      readonly op: 'gated-delta';
      readonly name: string;
      readonly delta: GatedDelta;
      readonly input: string;
      readonly decay: string;
      readonly strength: string;
    }
  /**
   * Mamba 2's step over a state of its own, [T, heads · headDimension]. `input` holds values, keys and queries side by
   * side, `step` is [T, heads].
   */
  | {
      readonly op: 'state-space';
      readonly name: string;
      readonly mamba: Mamba2;
      readonly input: string;
      readonly step: string;
    }
  /** Every group of every row of `input` [T, n] normalized and gated. */
  | {
      readonly op: 'gated-norm';
      readonly name: string;
      readonly input: string;
      readonly gate: string;
      readonly norm: GatedNorm;
    };

/** Attention whose norms of queries and keys are RMS norms of single heads; all others are nodes of their own. */
export interface PlannedAttention extends Omit<Attention, 'queryNorm' | 'keyNorm'> {
  readonly queryNorm: RmsNorm | null;
  readonly keyNorm: RmsNorm | null;
}

export interface NamedMatrix extends Matrix {
  readonly name: string;
}

/** One kind of node. */
export type NodeOf<Op extends PlanNode['op']> = Extract<PlanNode, { readonly op: Op }>;

export interface Plan {
  readonly nodes: readonly PlanNode[];
  /** Name of the value [R, vocabularySize]. */
  readonly logits: string;
}
