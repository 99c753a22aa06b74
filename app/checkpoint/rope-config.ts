import { z } from 'zod';
import { unsupportedModel } from './architectures.ts';

/**
 * How positions become angles. `theta` is the base; every kind starts from the frequencies
 * theta^(-2i / rotaryDimensions), i = 0 … rotaryDimensions/2 - 1, and changes them as its paper says.
 */
export type RopeConfig =
  | { readonly kind: 'default'; readonly theta: number }
  /** All frequencies divided by `factor`. */
  | { readonly kind: 'linear'; readonly theta: number; readonly factor: number }
  /** Like 'default' up to `originalContextLength` tokens; beyond it the base grows with the length. */
  | {
      readonly kind: 'dynamic';
      readonly theta: number;
      readonly factor: number;
      readonly originalContextLength: number;
    }
  /** Long wavelengths divided by `factor`, short ones kept, a smooth passage between. */
  | {
      readonly kind: 'llama3';
      readonly theta: number;
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContextLength: number;
    }
  /** Peng et al. 2023. `attentionFactor` null: 0.1 · ln(factor) + 1, or from `mscale`s where both are given. */
  | {
      readonly kind: 'yarn';
      readonly theta: number;
      readonly factor: number;
      readonly originalContextLength: number;
      readonly attentionFactor: number | null;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly mscale: number | null;
      readonly mscaleAllDimensions: number | null;
      /** Whether the bounds of the passage are rounded to whole dimensions. */
      readonly truncate: boolean;
    };

/** What transformers takes where a config of these architectures does not say. */
const DEFAULT_THETA = 10_000;

const positive = z.number().positive();

const ropeSchema = z.looseObject({
  rope_theta: positive.nullish(),
  rope_type: z.string().nullish(),
  /** The key before rope_type. */
  type: z.string().nullish(),
  factor: positive.nullish(),
  original_max_position_embeddings: positive.nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  attention_factor: positive.nullish(),
  beta_fast: positive.nullish(),
  beta_slow: positive.nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
  partial_rotary_factor: positive.max(1).nullish(),
});

/** The fields of config.json that describe rotary embeddings, in the words of transformers 5 and of 4. */
export const ropeFieldsSchema = {
  /** transformers 5. */
  rope_parameters: ropeSchema.nullish(),
  /** transformers 4. */
  rope_theta: positive.nullish(),
  rope_scaling: ropeSchema.nullish(),
  partial_rotary_factor: positive.max(1).nullish(),
};

type RopeFields = z.infer<z.ZodObject<typeof ropeFieldsSchema>>;

/**
 * Reads the rotary embedding of a config, new or old style.
 *
 * @param contextLength The model's `max_position_embeddings`.
 * @throws AppError `unsupported-model` for a kind that is not known or lacks its numbers
 */
export function readRope(
  fields: RopeFields,
  contextLength: number,
): { rope: RopeConfig; partialRotaryFactor: number } {
  const given = fields.rope_parameters ?? fields.rope_scaling ?? {};
  if (Object.values(given).some((value) => typeof value === 'object' && value !== null))
    throw unsupportedModel(
      'config.json: rotary embeddings that differ between kinds of layers are not supported.',
      'runnable',
    );
  const theta = given.rope_theta ?? fields.rope_theta ?? DEFAULT_THETA;
  const partialRotaryFactor = given.partial_rotary_factor ?? fields.partial_rotary_factor ?? 1;
  const kind = given.rope_type ?? given.type ?? 'default';
  const demand = (name: string, value: number | null | undefined): number => {
    if (value === null || value === undefined)
      throw unsupportedModel(
        `config.json: rotary embeddings of type ${kind} need ${name}, which is not given.`,
        'runnable',
      );
    return value;
  };
  const originalContextLength = given.original_max_position_embeddings ?? contextLength;
  // YaRN configs may leave the factor to the two lengths.
  const stretch = contextLength / originalContextLength;
  return { rope: readKind(), partialRotaryFactor };

  function readKind(): RopeConfig {
    switch (kind) {
      case 'default':
        return { kind, theta };
      case 'linear':
        return { kind, theta, factor: demand('factor', given.factor) };
      case 'dynamic':
        return { kind, theta, factor: demand('factor', given.factor), originalContextLength };
      case 'llama3':
        return {
          kind,
          theta,
          factor: demand('factor', given.factor),
          lowFrequencyFactor: demand('low_freq_factor', given.low_freq_factor),
          highFrequencyFactor: demand('high_freq_factor', given.high_freq_factor),
          originalContextLength: demand(
            'original_max_position_embeddings',
            given.original_max_position_embeddings,
          ),
        };
      case 'yarn':
        return {
          kind,
          theta,
          factor: given.factor ?? stretch,
          originalContextLength,
          attentionFactor: given.attention_factor ?? null,
          betaFast: given.beta_fast ?? 32,
          betaSlow: given.beta_slow ?? 1,
          mscale: given.mscale ?? null,
          mscaleAllDimensions: given.mscale_all_dim ?? null,
          truncate: given.truncate ?? true,
        };
      default:
        throw unsupportedModel(
          `config.json: rotary embeddings of type ${JSON.stringify(kind.slice(0, 64))} are not supported (known: default, linear, dynamic, llama3, yarn).`,
          'runnable',
        );
    }
  }
}
