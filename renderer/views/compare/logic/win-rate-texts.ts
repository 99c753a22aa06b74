import type { WinRate } from '../../../../app/contract/comparison.ts';

/** a win rate as a sentence needs it, told from the side that won more. */
export interface WinRateReading {
  readonly preferredId: string;
  readonly otherId: string;
  readonly wins: number;
  /** Votes that chose one of the two. */
  readonly chosen: number;
  readonly ties: number;
  /** Share of the preferred with its 95 % interval; null where nobody chose. */
  readonly share: { readonly value: number; readonly low: number; readonly high: number } | null;
  /** `none`: only ties; `open`: the interval holds one half; `clear`: it lies above. */
  readonly verdict: 'none' | 'open' | 'clear';
}

/** Turns a win rate so that the one with more wins comes first; with as many wins the first stays first. */
export function readWinRate(winRate: WinRate): WinRateReading {
  const { firstId, secondId, firstWins, secondWins, ties, share } = winRate;
  const turned = secondWins > firstWins;
  const turnedShare =
    share === null
      ? null
      : turned
        ? { value: 1 - share.value, low: 1 - share.high, high: 1 - share.low }
        : share;
  return {
    preferredId: turned ? secondId : firstId,
    otherId: turned ? firstId : secondId,
    wins: Math.max(firstWins, secondWins),
    chosen: firstWins + secondWins,
    ties,
    share: turnedShare,
    verdict: turnedShare === null ? 'none' : turnedShare.low > 0.5 ? 'clear' : 'open',
  };
}
