/** Numbers closer than this look the same on the screen and differ from one run to the next. */
const ALIKE = 0.01;

/** Which of several positive numbers are the best or as good. Columns without a number take no part. */
export function bestOf(values: readonly (number | null)[], better: 'lower' | 'higher'): boolean[] {
  const known = values.filter((value) => value !== null);
  // One number alone, or all the same, is not better than anything.
  if (known.length < 2) return values.map(() => false);
  const best = better === 'lower' ? Math.min(...known) : Math.max(...known);
  const isBest = (value: number): boolean => Math.abs(value - best) <= ALIKE * Math.abs(best);
  if (known.every(isBest)) return values.map(() => false);
  return values.map((value) => value !== null && isBest(value));
}
