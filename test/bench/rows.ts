import { formatPercent } from '../../app/contract/format.ts';
import { keptSpeed } from './measure-growth.ts';
import { median, type GrowthResult, type QuantizeResult, type QuantizeSpeed } from './results.ts';

/** Rows that the terminal and the page of the docs show alike. Each brings its own way to write several samples. */
export type Spread = (values: readonly number[], digits: number) => string;

/** Title row and a row per contender: milliseconds per token behind each context. */
export function growthRows(
  { contenders }: GrowthResult,
  spread: Spread,
): { head: string[]; rows: string[][] } {
  const lengths = contenders[0]?.points.map(({ length }) => length) ?? [];
  return {
    head: ['', ...lengths.map(String), 'speed kept'],
    rows: contenders.map(({ name, points }) => [
      name,
      ...points.map(({ msPerToken }) => spread(msPerToken, 1)),
      formatPercent(keptSpeed(points)),
    ]),
  };
}

/** A row per scheme: rate, time, time of a plain copy, and how many times that. */
export function quantizeJobRows({ jobs }: QuantizeResult, spread: Spread): string[][] {
  return jobs.map(({ scheme, weights, ms, copyMs }) => [
    scheme,
    spread(
      ms.map((time) => weights / time / 1000),
      0,
    ),
    spread(ms, 0),
    spread(copyMs, 0),
    (median(ms) / median(copyMs)).toFixed(2),
  ]);
}

export const quantizeSpeedHead = [
  'to',
  'job, M weights/s',
  'of them quantized',
  'job, ms',
  'all cores, ms',
  'command, M weights/s',
  'plain copy, ms',
  'times a copy',
];

/** A row per target. A weight is a parameter of the checkpoint, one that stays in 16 bits included. */
export function quantizeSpeedRows(result: QuantizeSpeed, spread: Spread): string[][] {
  const { parameters, quantizedParameters, targets } = result;
  const rates = (weights: number, ms: readonly number[]): string =>
    spread(
      ms.map((time) => weights / time / 1000),
      0,
    );
  return targets.map(({ target, jobMs, coreMs, commandMs, copyMs }) => [
    target,
    rates(parameters, jobMs),
    rates(quantizedParameters, jobMs),
    spread(jobMs, 0),
    spread(coreMs, 0),
    rates(parameters, commandMs),
    spread(copyMs, 0),
    // Of the rounds, as both take turns.
    spread(
      jobMs.map((ms, round) => ms / (copyMs[round] ?? Number.NaN)),
      2,
    ),
  ]);
}

/** Millions of quantized weights a second where matrices overwrite each other. */
export function quantizeAloneRate(
  { quantizedParameters }: QuantizeSpeed,
  unwrittenMs: readonly number[],
  spread: Spread,
): string {
  return spread(
    unwrittenMs.map((ms) => quantizedParameters / ms / 1000),
    0,
  );
}

/** Millions a second; a dash where nothing was measured. */
export function millions(samples: readonly number[] | undefined, spread: Spread): string {
  if (samples === undefined) return '–';
  return spread(
    samples.map((rate) => rate / 1e6),
    0,
  );
}
