import { describe, expect, it } from 'vitest';
import {
  ballotOfKey,
  blindOrder,
  columnLetter,
  unblind,
} from '../../../renderer/views/compare/logic/blind.ts';

describe('the order of a blind comparison', () => {
  it('is a permutation that stays the same for the same secret and round', () => {
    for (let secret = 0; secret < 50; secret++) {
      const order = blindOrder(4, secret, 2);
      expect([...order].sort()).toEqual([0, 1, 2, 3]);
      expect(blindOrder(4, secret, 2)).toEqual(order);
    }
  });

  it('is fair: every order of two and of three comes up about as often', () => {
    for (const count of [2, 3]) {
      const seen = new Map<string, number>();
      const draws = 6000;
      for (let secret = 0; secret < draws; secret++) {
        const key = blindOrder(count, secret, secret % 5).join();
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
      const orders = count === 2 ? 2 : 6;
      expect(seen.size).toBe(orders);
      // Five standard deviations of a binomial count; the secrets are fixed, so this never changes.
      const expected = draws / orders;
      const reach = 5 * Math.sqrt(expected * (1 - 1 / orders));
      for (const times of seen.values()) expect(Math.abs(times - expected)).toBeLessThan(reach);
    }
  });

  it('changes from prompt to prompt', () => {
    const orders = new Set(Array.from({ length: 16 }, (_, round) => blindOrder(2, 123, round)[0]));
    expect(orders.size).toBe(2);
  });

  it('leads back from the column that was preferred to the artifact', () => {
    expect(unblind(0, [1, 0], ['eight', 'four'])).toBe('four');
    expect(unblind(1, [1, 0], ['eight', 'four'])).toBe('eight');
    expect(unblind('tie', [1, 0], ['eight', 'four'])).toBeNull();
  });

  it('names columns by letters and keys by numbers', () => {
    expect([0, 1, 2, 3].map(columnLetter).join('')).toBe('ABCD');
    expect(ballotOfKey('1', 2)).toBe(0);
    expect(ballotOfKey('2', 2)).toBe(1);
    expect(ballotOfKey('3', 2)).toBeNull();
    expect(ballotOfKey('0', 2)).toBe('tie');
    expect(ballotOfKey('a', 2)).toBeNull();
    expect(ballotOfKey('12', 2)).toBeNull();
  });
});
