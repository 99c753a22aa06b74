import { z } from 'zod';
import { AppError, because } from '../contract/error.ts';
import { contradiction, readFields, unsupportedFeature } from './fields.ts';

/**
 * How positions become angles. `theta` is the base; every kind starts from the frequencies
 * theta^(-2i / rotaryDimensions), i = 0 … rotaryDimensions/2 - 1, and changes them as its paper says.
 */
export type RopeConfig =
  | { readonly kind: 'default'; readonly theta: number }
  /** All frequencies divided by `factor`. */
  | { readonly kind: 'linear'; readonly theta: number; readonly factor: number }
  /**
   * Like 'default' up to `originalContextLength` tokens. In a longer sequence of n tokens the base is theta times
   * (factor · n / originalContextLength - factor + 1)^(d / (d - 2)), d being the rotated elements.
   */
  | {
      readonly kind: 'dynamic';
      readonly theta: number;
      readonly factor: number;
      readonly originalContextLength: number;
    }
  /** Long wavelengths divided by `factor`, short ones unscaled, a smooth passage between. */
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
    }
  /** The first `rotatedPairs` pairs turn, the others do not; every frequency divided by `factor`. */
  | {
      readonly kind: 'proportional';
      readonly theta: number;
      readonly factor: number;
      readonly rotatedPairs: number;
    }
  /**
   * Ding et al. 2024: every pair divided by a factor of its own, of one list up to `originalContextLength` tokens and of
   * the other in a longer sequence.
   */
  | {
      readonly kind: 'longrope';
      readonly theta: number;
      /** One per pair. */
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly originalContextLength: number;
      /** Factor on cos and sin at every length. */
      readonly attentionFactor: number;
    };

/** What transformers takes where a config of these architectures does not say. */
const DEFAULT_THETA = 10_000;

/** Far beyond any model; and a list of factors has one for each pair of a head. */
const MAX_PAIRS = 4_096;

const positive = z.number().positive();
const factors = z.array(positive).max(MAX_PAIRS);

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
  beta_fast: z.number().nonnegative().nullish(),
  beta_slow: z.number().nonnegative().nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
  partial_rotary_factor: positive.max(1).nullish(),
  short_factor: factors.nullish(),
  long_factor: factors.nullish(),
});

/** What Python takes for false counts as no scaling at all. */
const noneIfFalsy = (value: unknown): unknown =>
  value === false || value === 0 || value === '' || (Array.isArray(value) && value.length === 0)
    ? null
    : value;

/** The fields of config.json that describe rotary embeddings, in the words of transformers 5 and of 4. */
export const ropeFieldsSchema = {
  /** transformers 5. */
  rope_parameters: ropeSchema.nullish(),
  /** transformers 4. */
  rope_theta: positive.nullish(),
  rope_scaling: z.preprocess(noneIfFalsy, ropeSchema.nullish()),
  partial_rotary_factor: positive.max(1).nullish().catch(undefined),
  original_max_position_embeddings: positive.nullish(),
};

type RopeFields = z.infer<z.ZodObject<typeof ropeFieldsSchema>>;
type RopeParameters = z.infer<typeof ropeSchema>;

const KNOWN_KINDS = ['default', 'linear', 'dynamic', 'llama3', 'yarn', 'longrope', 'proportional'];

/** As in transformers, `rope_scaling` wins as a whole over `rope_parameters`; an empty one counts as none. */
function parametersOf({ rope_scaling, rope_parameters }: RopeFields): RopeParameters {
  return rope_scaling && Object.keys(rope_scaling).length > 0
    ? rope_scaling
    : (rope_parameters ?? {});
}

/** A feature of the configuration that there is no graph for. */
function unsupported(field: string, value: string, message: string): AppError {
  return unsupportedFeature(field, value, `config.json: ${message}`);
}

/** What a kind of embedding cannot do without. */
function demand<T>(kind: string, name: string, value: T | null | undefined): T {
  if (value !== null && value !== undefined) return value;
  throw new AppError(
    'unsupported-model',
    `config.json: rotary embeddings of type ${kind} need ${name}, which is not given.`,
    because('bad-config-value', { field: `rope_parameters.${name}`, value: 'null' }),
  );
}

/**
 * Reads the rotary embedding of a config, new or old style, as transformers 5 does for Llama, Mistral and Qwen: heads are
 * rotated as a whole, and `partial_rotary_factor` means nothing where the embedding is not scaled.
 *
 * @param contextLength The model's `max_position_embeddings`.
 * @param headDimension Elements of a head.
 * @param defaultTheta The base where the config does not say.
 * @throws AppError `unsupported-model` for a kind that is not known or lacks its numbers
 */
export function readRope(
  fields: RopeFields,
  contextLength: number,
  headDimension: number,
  defaultTheta = DEFAULT_THETA,
): RopeConfig {
  const given = parametersOf(fields);
  if (Object.values(given).some(isObject))
    throw unsupported(
      'rope_parameters',
      Object.keys(given).join(', ').slice(0, 64),
      'rotary embeddings that differ between kinds of layers are not supported.',
    );
  const theta = given.rope_theta ?? fields.rope_theta ?? defaultTheta;
  const kind = given.rope_type ?? given.type ?? 'default';
  const partial = given.partial_rotary_factor ?? fields.partial_rotary_factor ?? 1;
  if (
    kind !== 'default' &&
    kind !== 'proportional' &&
    Math.floor(headDimension * partial) !== headDimension
  )
    throw unsupported(
      'partial_rotary_factor',
      String(partial),
      `rotary embeddings of type ${kind} over a part of a head are not supported in this architecture.`,
    );
  // A value beside the parameters wins over the one in them.
  const originalContextLength =
    fields.original_max_position_embeddings ??
    given.original_max_position_embeddings ??
    contextLength;
  // The factor may be left to the two lengths.
  const stretch = given.factor ?? contextLength / originalContextLength;
  switch (kind) {
    case 'default':
      return { kind, theta };
    case 'linear':
      return { kind, theta, factor: demand(kind, 'factor', given.factor) };
    case 'dynamic':
      // It starts to grow where the model's own length ends, whatever else the config says.
      return {
        kind,
        theta,
        factor: demand(kind, 'factor', given.factor),
        originalContextLength: contextLength,
      };
    case 'llama3':
      return {
        kind,
        theta,
        factor: demand(kind, 'factor', given.factor),
        lowFrequencyFactor: demand(kind, 'low_freq_factor', given.low_freq_factor),
        highFrequencyFactor: demand(kind, 'high_freq_factor', given.high_freq_factor),
        originalContextLength,
      };
    case 'yarn':
      return {
        kind,
        theta,
        factor: stretch,
        originalContextLength,
        attentionFactor: given.attention_factor ?? null,
        // A zero counts as not given.
        betaFast: given.beta_fast || 32,
        betaSlow: given.beta_slow || 1,
        mscale: given.mscale ?? null,
        mscaleAllDimensions: given.mscale_all_dim ?? null,
        truncate: given.truncate === undefined ? true : given.truncate === true,
      };
    case 'longrope':
      return {
        kind,
        theta,
        shortFactors: factorsOf('short_factor', given.short_factor, headDimension),
        longFactors: factorsOf('long_factor', given.long_factor, headDimension),
        originalContextLength,
        attentionFactor:
          given.attention_factor ??
          (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(originalContextLength))),
      };
    case 'proportional':
      return {
        kind,
        theta,
        factor: given.factor ?? 1,
        rotatedPairs: Math.floor((partial * headDimension) / 2),
      };
    default:
      throw unsupported(
        'rope_type',
        kind.slice(0, 64),
        `rotary embeddings of type ${JSON.stringify(kind.slice(0, 64))} are not supported (known: ${KNOWN_KINDS.join(', ')}).`,
      );
  }
}

/**
 * Reads a rotary embedding of a family that may rotate the leading part of every head alone, whatever its kind.
 *
 * @param fallbacks Share of a head and base of the rotation, where the config does not say.
 * @throws AppError as `readRope`
 */
export function readPartialRope(
  fields: RopeFields,
  contextLength: number,
  headDimension: number,
  fallbacks: { readonly partial?: number; readonly theta?: number } = {},
): { readonly rope: RopeConfig; readonly dimensions: number } {
  const given = parametersOf(fields);
  const partial =
    given.partial_rotary_factor ?? fields.partial_rotary_factor ?? fallbacks.partial ?? 1;
  const dimensions = Math.floor(headDimension * partial);
  if (dimensions === 0 || dimensions % 2 !== 0)
    throw contradiction(
      'partial_rotary_factor',
      partial,
      `${dimensions} rotated elements of a head of ${headDimension} cannot be paired.`,
    );
  const whole = { ...given, partial_rotary_factor: null };
  const rope = readRope(
    { ...fields, partial_rotary_factor: null, rope_scaling: null, rope_parameters: whole },
    contextLength,
    dimensions,
    fallbacks.theta,
  );
  return { rope, dimensions };
}

/**
 * Reads a rotary embedding that counts time, height and width: in a text they are one position. Older files call that a
 * type of its own, `mrope`.
 *
 * @throws AppError as `readRope`
 */
export function readTimedRope(
  fields: RopeFields,
  contextLength: number,
  headDimension: number,
  defaultTheta: number,
): RopeConfig {
  const given = parametersOf(fields);
  const kind = given.rope_type ?? given.type;
  const rope_parameters = kind === 'mrope' ? { ...given, rope_type: 'default' } : given;
  const plain = { ...fields, rope_scaling: null, rope_parameters };
  return readRope(plain, contextLength, headDimension, defaultTheta);
}

/**
 * The rotary embedding of one type of layers, where a config describes each type (`rope_parameters` by type).
 *
 * @param old What a config of transformers 4 has for this type, where there is no description of it.
 * @throws AppError as `readRope`, and `malformed-file` for a description that is none
 */
export function readRopeOfType(
  fields: RopeFields,
  type: string,
  { contextLength, headDimension }: { contextLength: number; headDimension: number },
  defaultTheta: number,
  old: Pick<RopeFields, 'rope_theta' | 'rope_scaling'>,
): RopeConfig {
  const own = fields.rope_parameters?.[type];
  const given = isObject(own)
    ? { rope_parameters: readFields(ropeSchema, own) }
    : { rope_theta: old.rope_theta, rope_scaling: old.rope_scaling };
  const theta = given.rope_parameters?.rope_theta ?? given.rope_theta ?? defaultTheta;
  return readRope(
    {
      rope_parameters: given.rope_parameters && { ...given.rope_parameters, rope_theta: theta },
      rope_theta: theta,
      rope_scaling: given.rope_scaling,
    },
    contextLength,
    headDimension,
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function factorsOf(
  name: string,
  given: readonly number[] | null | undefined,
  headDimension: number,
): readonly number[] {
  const list = demand('longrope', name, given);
  if (list.length === headDimension / 2) return list;
  throw new AppError(
    'malformed-file',
    `config.json: ${name} has ${list.length} factors for ${headDimension / 2} pairs of a head.`,
    because('bad-config-value', { field: `rope_parameters.${name}`, value: String(list.length) }),
  );
}

/**
 * The longest context that a model can be given: what it was made for, or what its scaling was made to reach.
 *
 * @param contextLength The model's `max_position_embeddings`.
 */
export function longestContext(rope: RopeConfig, contextLength: number): number {
  switch (rope.kind) {
    case 'linear':
    case 'dynamic':
    case 'proportional':
      return Math.max(contextLength, Math.floor(contextLength * rope.factor));
    case 'yarn':
      return Math.max(contextLength, Math.floor(rope.originalContextLength * rope.factor));
    case 'default':
    case 'llama3':
    case 'longrope':
      return contextLength;
  }
}
