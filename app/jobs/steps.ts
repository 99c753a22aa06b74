import type { Progress } from '../contract/progress.ts';

/** The steps with the latest word of one of them put in its place; a new step comes last. */
export function withProgress(steps: readonly Progress[], progress: Progress): Progress[] {
  const index = steps.findIndex(({ step }) => step === progress.step);
  return index < 0 ? [...steps, progress] : steps.with(index, progress);
}

/** Steps of a job that holds still: how far each came is still true, how fast it was is not. */
export function atRest(steps: readonly Progress[]): Progress[] {
  return steps.map((step) => ({ ...step, rate: null, secondsLeft: null }));
}

function isFinished({ done, total }: Progress): boolean {
  return total !== null && done >= total;
}

/**
 * Steps of a job that is done: those that an earlier run left half-way and that this one found done by others are
 * taken out, so that nothing seems to be missing.
 */
export function whenDone(steps: readonly Progress[]): Progress[] {
  return atRest(steps.filter(isFinished));
}
