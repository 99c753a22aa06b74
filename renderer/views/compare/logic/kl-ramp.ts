import {
  divergenceSteps,
  divergenceWord,
  type DivergenceWord,
} from '../../../../app/contract/quality.ts';

/**
 * Steps of the colour ramp over the KL divergence of one token, in nats. The legend's words and the colours change at the
 * same places; a word has two steps, parted near its middle on a logarithmic scale, so that one sees degrees within it.
 * Only what is indistinguishable has one step and no colour: most tokens of a good version, and they should stay quiet.
 */
export const klLimits = [0.001, 0.005, 0.03, 0.12, 0.5, 2] as const;

/** Step of the ramp, 0..6. */
export function klStep(kl: number): number {
  const step = klLimits.findIndex((limit) => kl < limit);
  return step === -1 ? klLimits.length : step;
}

export interface LegendEntry {
  readonly word: DivergenceWord;
  /** Steps of the ramp that the word covers. */
  readonly steps: readonly number[];
  /** The word holds from here, nats. */
  readonly from: number;
}

/** The words of the quality scale with the steps of the ramp that belong to each. */
export function klLegend(): LegendEntry[] {
  const floors = [0, ...klLimits];
  return divergenceSteps.map(({ word }, i) => ({
    word,
    from: i === 0 ? 0 : (divergenceSteps[i - 1]?.below ?? 0),
    steps: floors.flatMap((floor, step) => (divergenceWord(floor) === word ? [step] : [])),
  }));
}
