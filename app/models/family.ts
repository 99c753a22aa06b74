import type { Decoder } from './decoder.ts';
import type { ExpertSlices, ExpertStack } from './expert-stacks.ts';

/** One family of models, or several that differ in a value: the one place that knows its config.json. */
export interface Family {
  /**
   * Which modules within `model.layers.N` are linear layers: what bitsandbytes replaces, and all that is quantized.
   *
   * @param module e.g. `self_attn.q_proj`
   */
  readonly isLinear: (module: string) => boolean;
  /** Tensors of a layer that hold matrices of all experts. @default none */
  readonly stacks?: readonly (ExpertStack | ExpertSlices)[];
  /**
   * Whether weights of linear layers are stored as [inFeatures, outFeatures], as GPT-2's Conv1D does: they are quantized by
   * their rows nevertheless, as bitsandbytes does. @default false
   */
  readonly storesTransposed?: boolean;
  /**
   * What transformers' norms do with weights of another type than their input's. `widen`: weight and normalized input are
   * multiplied as they are, and the wider type of the two holds from there on. `keep`: the input's type comes back. Null: neither is known of the
   * first operator that reads the embeddings.
   */
  readonly normType: 'widen' | 'keep' | null;
  /**
   * Reads a config.json as transformers 5 does: its own fields and no others, with its own defaults.
   *
   * @throws AppError `unsupported-model` for a feature that there is no operator for, `malformed-file` for numbers that
   *   are out of range or contradict each other
   */
  readonly read: (config: unknown, names: ModelNames) => Decoder;
}

export interface ModelNames {
  readonly modelType: string;
  readonly className: string;
}

/** The test for a list of linear layers. */
export function oneOf(...modules: readonly string[]): (module: string) => boolean {
  const known = new Set(modules);
  return (module) => known.has(module);
}

/** The seven linear layers that most decoders share. */
export const sevenLinearLayers = oneOf(
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
);
