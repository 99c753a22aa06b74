import { AppError } from '../../contract/error.ts';
import type { RopeConfig } from '../../checkpoint/index.ts';

type Llama3 = Extract<RopeConfig, { kind: 'llama3' }>;
type Yarn = Extract<RopeConfig, { kind: 'yarn' }>;

export interface RotaryTable {
  /** [rotaryDimensions / 2], radians per position. */
  readonly inverseFrequencies: Float32Array<ArrayBuffer>;
  /** Factor on cos and sin. */
  readonly attentionScaling: number;
}

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
    const kept = f32(1 - Math.min(1, Math.max(0, ramp)));
    const stretched = f32(1 / f32(rope.factor * f32(rope.theta ** f32((2 * pair) / dimensions))));
    return f32(f32(stretched * f32(1 - kept)) + f32(frequency * kept));
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
    // Within the original context length, which is all that a runner offers it, a dynamic model changes nothing.
    case 'dynamic':
    case 'default':
      return (frequency) => frequency;
    case 'linear':
      return (frequency) => f32(frequency / rope.factor);
    case 'llama3':
      return llama3(rope);
    case 'yarn':
      return yarn(rope, dimensions);
  }
}

/**
 * The table that the `Rotary` operator reads, as transformers computes it.
 *
 * @param dimensions Elements of a head that are rotated.
 * @throws AppError `malformed-file` when the parameters give no finite positive frequencies
 */
export function rotaryTable(rope: RopeConfig, dimensions: number): RotaryTable {
  const adjust = adjustmentOf(rope, dimensions);
  const inverseFrequencies = Float32Array.from({ length: dimensions / 2 }, (_, pair) =>
    adjust(f32(1 / f32(rope.theta ** f32((2 * pair) / dimensions))), pair),
  );
  const attentionScaling = rope.kind === 'yarn' ? yarnAttentionScaling(rope) : 1;
  const isUsable =
    inverseFrequencies.every((frequency) => Number.isFinite(frequency) && frequency > 0) &&
    Number.isFinite(attentionScaling);
  if (!isUsable)
    throw new AppError(
      'malformed-file',
      `config.json: rotary embeddings of type ${rope.kind} with theta ${rope.theta} give no usable frequencies.`,
    );
  return { inverseFrequencies, attentionScaling };
}
