import type { WinRate } from '../contract/comparison.ts';

/** One vote and everyone it was cast among; `choice` is null where the person saw no difference. */
export interface Ballot {
  readonly artifactIds: readonly string[];
  readonly choice: string | null;
}

/** The 97.5th percentile of the standard normal distribution: 95 % lie within it on both sides. */
const Z_95 = 1.959963984540054;

/**
 * A share of `wins` in `trials` with its 95 % confidence interval by the score method of E. B. Wilson, "Probable
 * inference, the law of succession, and statistical inference", Journal of the American Statistical Association 22
 * (1927), 209-212:
 *
 *     (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
 *
 * Unlike p ± z √(p(1 − p)/n) it holds for the few votes that one person casts, and never leaves 0..1.
 *
 * @returns null without a trial
 */
export function wilsonInterval(wins: number, trials: number): WinRate['share'] {
  if (trials === 0) return null;
  const value = wins / trials;
  const squared = Z_95 ** 2 / trials;
  const centre = value + squared / 2;
  const reach = Z_95 * Math.sqrt((value * (1 - value)) / trials + squared / (4 * trials));
  return {
    value,
    // Rounding leaves the ends of "none" and "all" some 1e-17 beside 0 and 1.
    low: wins === 0 ? 0 : Math.max(0, (centre - reach) / (1 + squared)),
    high: wins === trials ? 1 : Math.min(1, (centre + reach) / (1 + squared)),
  };
}

/**
 * Counts votes pair by pair: the chosen one beats every other answer of its comparison, and says nothing about those
 * among each other; a vote for none is a tie of every pair.
 *
 * @returns one entry per pair that something is known of, ids in ascending order, within a pair as well
 */
export function winRatesOf(ballots: readonly Ballot[]): WinRate[] {
  const counts = new Map<
    string,
    { firstId: string; secondId: string; firstWins: number; secondWins: number; ties: number }
  >();
  for (const { artifactIds, choice } of ballots) {
    const ids = [...new Set(artifactIds)].sort();
    for (const [i, firstId] of ids.entries())
      for (const secondId of ids.slice(i + 1)) {
        if (choice !== null && choice !== firstId && choice !== secondId) continue;
        const key = JSON.stringify([firstId, secondId]);
        const count = counts.get(key) ?? {
          firstId,
          secondId,
          firstWins: 0,
          secondWins: 0,
          ties: 0,
        };
        if (choice === null) count.ties++;
        else if (choice === firstId) count.firstWins++;
        else count.secondWins++;
        counts.set(key, count);
      }
  }
  return [...counts.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, count]) => ({
      ...count,
      share: wilsonInterval(count.firstWins, count.firstWins + count.secondWins),
    }));
}
