import { AppError, because } from '../../contract/error.ts';
import type { RopeConfig } from '../../models/index.ts';

type Llama3 = Extract<RopeConfig, { kind: 'llama3' }>;
type Yarn = Extract<RopeConfig, { kind: 'yarn' }>;
type Dynamic = Extract<RopeConfig, { kind: 'dynamic' }>;

export interface RotaryTable {
  /** [rotaryDimensions / 2], radians per position. */
  readonly inverseFrequencies: Float32Array<ArrayBuffer>;
  /** Factor on cos and sin. */
  readonly attentionScaling: number;
  /** What changes in a sequence of more than `length` tokens; null where nothing does. */
  readonly beyond: LongSequences | null;
}

export type LongSequences =
  /** Other frequencies, [rotaryDimensions / 2]. */
  | {
      readonly kind: 'other';
      readonly length: number;
      readonly inverseFrequencies: Float32Array<ArrayBuffer>;
    }
  /** The base becomes theta · (factor · n / length - factor + 1)^(d / (d - 2)) in a sequence of n tokens. */
  | {
      readonly kind: 'growing';
      readonly length: number;
      readonly theta: number;
      readonly factor: number;
    };

/** Radians per position of one pair of elements, from what it would be without any scaling. */
type Adjustment = (frequency: number, pair: number) => number;

/**
 * Every step is rounded to float32, in the order in which transformers computes it. An angle is a position times a
 * frequency: at position 100,000 the last bit of a frequency is worth a hundredth of a radian.
 */
const f32 = Math.fround;

function llama3(rope: Llama3): Adjustment {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength } = rope;
  return (frequency) => {
    const wavelength = f32((2 * Math.PI) / frequency);
    const turns = f32(originalContextLength / wavelength);
    if (turns < lowFrequencyFactor) return f32(frequency / factor);
    if (turns > highFrequencyFactor) return frequency;
    const smooth = f32(
      f32(turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor),
    );
    return f32(f32(f32(f32(1 - smooth) * frequency) / factor) + f32(smooth * frequency));
  };
}

/** Fast pairs keep their frequency, slow ones are stretched, with a ramp in between (Peng et al. 2023). */
function yarn(rope: Yarn, dimensions: number): Adjustment {
  const pairThatTurns = (times: number): number =>
    (dimensions * Math.log(rope.originalContextLength / (times * 2 * Math.PI))) /
    (2 * Math.log(rope.theta));
  const first = pairThatTurns(rope.betaFast);
  const last = pairThatTurns(rope.betaSlow);
  const low = Math.max(rope.truncate ? Math.floor(first) : first, 0);
  const high = Math.min(rope.truncate ? Math.ceil(last) : last, dimensions - 1);
  // An empty ramp would divide by zero; this is the width that transformers gives it.
  const width = high === low ? 0.001 : high - low;
  return (frequency, pair) => {
    const ramp = f32(f32(pair - low) / width);
    const unscaled = f32(1 - Math.min(1, Math.max(0, ramp)));
    const stretched = f32(1 / f32(rope.factor * f32(rope.theta ** f32((2 * pair) / dimensions))));
    return f32(f32(stretched * f32(1 - unscaled)) + f32(frequency * unscaled));
  };
}

function yarnAttentionScaling(rope: Yarn): number {
  if (rope.attentionFactor !== null) return rope.attentionFactor;
  const magnitude = (mscale: number): number =>
    rope.factor <= 1 ? 1 : 0.1 * mscale * Math.log(rope.factor) + 1;
  // As in transformers, a zero counts as not given.
  return rope.mscale && rope.mscaleAllDimensions
    ? magnitude(rope.mscale) / magnitude(rope.mscaleAllDimensions)
    : magnitude(1);
}

function adjustmentOf(rope: RopeConfig, dimensions: number): Adjustment {
  switch (rope.kind) {
    // Up to the model's own length; what becomes of it in longer sequences is not the table's to say.
    case 'dynamic':
    case 'default':
      return (frequency) => frequency;
    case 'linear':
      return (frequency) => f32(frequency / rope.factor);
    case 'llama3':
      return llama3(rope);
    case 'yarn':
      return yarn(rope, dimensions);
    case 'longrope':
      return longrope(rope, dimensions, rope.shortFactors);
    case 'proportional':
      return (frequency, pair) => (pair < rope.rotatedPairs ? f32(frequency / rope.factor) : 0);
  }
}

/** Every pair is divided by a factor of its own. */
function longrope(
  { theta }: RopeConfig,
  dimensions: number,
  factors: readonly number[],
): Adjustment {
  return (_frequency, pair) => {
    const power = f32(theta ** f32((2 * pair) / dimensions));
    return f32(1 / f32(f32(factors[pair] ?? Number.NaN) * power));
  };
}

function attentionScalingOf(rope: RopeConfig): number {
  if (rope.kind === 'yarn') return yarnAttentionScaling(rope);
  return rope.kind === 'longrope' ? rope.attentionFactor : 1;
}

function growing({ theta, factor, originalContextLength }: Dynamic): LongSequences {
  return { kind: 'growing', length: originalContextLength, theta, factor };
}

/**
 * The table that the `Rotary` operator reads, as transformers computes it.
 *
 * @param dimensions Elements of a head that are rotated.
 * @throws AppError `malformed-file` when the parameters give no finite positive frequencies
 */
export function rotaryTable(rope: RopeConfig, dimensions: number): RotaryTable {
  const tableOf = (adjust: Adjustment): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: dimensions / 2 }, (_, pair) =>
      adjust(f32(1 / f32(rope.theta ** f32((2 * pair) / dimensions))), pair),
    );
  const inverseFrequencies = tableOf(adjustmentOf(rope, dimensions));
  const other =
    rope.kind === 'longrope' ? tableOf(longrope(rope, dimensions, rope.longFactors)) : null;
  const attentionScaling = attentionScalingOf(rope);
  const mayRest = rope.kind === 'proportional';
  const isUsable =
    [...inverseFrequencies, ...(other ?? [])].every(
      (frequency) => Number.isFinite(frequency) && (frequency > 0 || (mayRest && frequency === 0)),
    ) && Number.isFinite(attentionScaling);
  if (!isUsable)
    throw new AppError(
      'malformed-file',
      `config.json: rotary embeddings of type ${rope.kind} with theta ${rope.theta} give no usable frequencies.`,
      because('bad-config-value', { field: 'rope_parameters', value: rope.kind }),
    );
  const beyond: LongSequences | null =
    rope.kind === 'dynamic'
      ? growing(rope)
      : rope.kind === 'longrope' && other !== null
        ? { kind: 'other', length: rope.originalContextLength, inverseFrequencies: other }
        : null;
  return { inverseFrequencies, attentionScaling, beyond };
}
