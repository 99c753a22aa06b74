import { describe, expect, it } from 'vitest';
import { readWinRate } from '../../../renderer/views/compare/logic/win-rate-texts.ts';

const winRate = {
  firstId: 'eight',
  secondId: 'four',
  firstWins: 5,
  secondWins: 7,
  ties: 2,
  share: { value: 5 / 12, low: 0.193, high: 0.68 },
};

describe('what a win rate says', () => {
  it('is told from the side that won more, with the interval turned too', () => {
    const reading = readWinRate(winRate);
    expect(reading).toMatchObject({
      preferredId: 'four',
      otherId: 'eight',
      wins: 7,
      chosen: 12,
      ties: 2,
      verdict: 'open',
    });
    expect(reading.share?.value).toBeCloseTo(7 / 12);
    expect(reading.share?.low).toBeCloseTo(0.32);
    expect(reading.share?.high).toBeCloseTo(0.807);
  });

  it('is clear when one half lies outside the interval', () => {
    const reading = readWinRate({
      ...winRate,
      firstWins: 11,
      secondWins: 1,
      share: { value: 11 / 12, low: 0.646, high: 0.985 },
    });
    expect(reading).toMatchObject({ preferredId: 'eight', wins: 11, verdict: 'clear' });
  });

  it('is nothing where nobody chose', () => {
    const reading = readWinRate({ ...winRate, firstWins: 0, secondWins: 0, ties: 3, share: null });
    expect(reading).toMatchObject({ verdict: 'none', chosen: 0, ties: 3, share: null });
  });
});
