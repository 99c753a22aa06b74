import { describe, expect, it } from 'vitest';
import { winRatesOf, wilsonInterval } from '../../../app/compare/index.ts';

describe('the Wilson interval', () => {
  it('gives the worked example of 8 wins in 10: 0.490 to 0.943', () => {
    // z = 1.96: centre (0.8 + 0.19208) / 1.38415 = 0.71675; reach 1.96 · sqrt(0.016 + 0.009604) / 1.38415 = 0.22658.
    const share = wilsonInterval(8, 10);
    expect(share?.value).toBe(0.8);
    expect(share?.low).toBeCloseTo(0.4902, 4);
    expect(share?.high).toBeCloseTo(0.9433, 4);
  });

  it('stays within 0..1 where all votes are equal', () => {
    // By the formula with p = 0: high = (z²/n) / (1 + z²/n).
    const z2 = 1.959963984540054 ** 2;
    expect(wilsonInterval(0, 10)?.low).toBe(0);
    expect(wilsonInterval(0, 10)?.high).toBeCloseTo(z2 / 10 / (1 + z2 / 10), 12);
    expect(wilsonInterval(10, 10)).toMatchObject({ value: 1, high: 1 });
    expect(wilsonInterval(1, 1)?.low).toBeCloseTo(1 / (1 + z2), 12);
  });

  it('says nothing without a vote', () => {
    expect(wilsonInterval(0, 0)).toBeNull();
  });

  it('solves the equation that defines it: |p − w| = z √(w (1 − w) / n) at both ends', () => {
    for (const [wins, trials] of [
      [3, 17],
      [40, 41],
      [500, 1000],
    ] as const) {
      const share = wilsonInterval(wins, trials);
      for (const end of [share?.low ?? Number.NaN, share?.high ?? Number.NaN])
        expect(Math.abs(wins / trials - end)).toBeCloseTo(
          1.959963984540054 * Math.sqrt((end * (1 - end)) / trials),
          12,
        );
    }
  });
});

describe('the win rates of votes', () => {
  it('counts pair by pair over all comparisons', () => {
    const winRate = winRatesOf([
      { artifactIds: ['nf4', 'int8'], choice: 'int8' },
      { artifactIds: ['int8', 'nf4', 'fp4'], choice: 'int8' },
      { artifactIds: ['int8', 'nf4', 'fp4'], choice: null },
      { artifactIds: ['int8', 'nf4'], choice: 'nf4' },
    ]);
    expect(winRate.map(({ share, ...counts }) => [counts, share === null])).toEqual([
      [{ firstId: 'fp4', secondId: 'int8', firstWins: 0, secondWins: 1, ties: 1 }, false],
      [{ firstId: 'fp4', secondId: 'nf4', firstWins: 0, secondWins: 0, ties: 1 }, true],
      [{ firstId: 'int8', secondId: 'nf4', firstWins: 2, secondWins: 1, ties: 1 }, false],
    ]);
    expect(winRate[2]?.share).toEqual(wilsonInterval(2, 3));
  });

  it('does not pit an artifact against itself', () => {
    expect(winRatesOf([{ artifactIds: ['nf4', 'nf4'], choice: 'nf4' }])).toEqual([]);
    expect(winRatesOf([])).toEqual([]);
  });
});
