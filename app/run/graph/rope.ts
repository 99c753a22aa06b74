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

/** Changes the frequency of one pair of elements, in radians per position. */
type Adjustment = (frequency: number, pair: number) => number;

function llama3(rope: Llama3): Adjustment {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength } = rope;
  return (frequency) => {
    const turns = (originalContextLength * frequency) / (2 * Math.PI);
    if (turns < lowFrequencyFactor) return frequency / factor;
    if (turns > highFrequencyFactor) return frequency;
    const smooth = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
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
    const stretch = Math.min(1, Math.max(0, (pair - low) / width));
    return (frequency / rope.factor) * stretch + frequency * (1 - stretch);
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
    case 'default':
    // Within the original context length, which is all that a runner offers such a model, nothing changes.
    case 'dynamic':
      return (frequency) => frequency;
    case 'linear':
      return (frequency) => frequency / rope.factor;
    case 'llama3':
      return llama3(rope);
    case 'yarn':
      return yarn(rope, dimensions);
  }
}

/**
 * The table that the `Rotary` operator reads, as transformers defines it; computed in float64 and rounded once.
 *
 * @param dimensions Elements of a head that are rotated.
 * @throws AppError `malformed-file` when the parameters give no finite positive frequencies
 */
export function rotaryTable(rope: RopeConfig, dimensions: number): RotaryTable {
  const adjust = adjustmentOf(rope, dimensions);
  const inverseFrequencies = Float32Array.from({ length: dimensions / 2 }, (_, pair) =>
    adjust(rope.theta ** ((-2 * pair) / dimensions), pair),
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
