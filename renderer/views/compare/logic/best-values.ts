/** Which of several numbers are the best. Columns without a number take no part. */
export function bestOf(values: readonly (number | null)[], better: 'lower' | 'higher'): boolean[] {
  const known = values.filter((value) => value !== null);
  // One number alone, or all the same, is not better than anything.
  if (known.length < 2 || new Set(known).size === 1) return values.map(() => false);
  const best = better === 'lower' ? Math.min(...known) : Math.max(...known);
  return values.map((value) => value === best);
}
