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

  it('draws every prompt of a run on its own: what one order shows says nothing about the next', () => {
    const draws = 12_000;
    for (const [count, orders] of [
      [2, 2],
      [3, 6],
    ] as const)
      // Neighbours, and prompts that are further apart.
      for (const [first, second] of [
        [0, 1],
        [1, 2],
        [0, 4],
        [3, 9],
      ] as const) {
        const pairs = new Map<string, number>();
        for (let secret = 0; secret < draws; secret++) {
          const pair = `${blindOrder(count, secret, first).join('')} ${blindOrder(count, secret, second).join('')}`;
          pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
        }
        const expected = draws / orders ** 2;
        expect(pairs.size).toBe(orders ** 2);
        const reach = 5 * Math.sqrt(expected);
        for (const times of pairs.values()) expect(Math.abs(times - expected)).toBeLessThan(reach);
      }
  });

  it('gives a run of ten prompts about as many patterns as there are', () => {
    const patterns = new Set<string>();
    for (let secret = 0; secret < 4000; secret++) {
      const firsts = Array.from({ length: 10 }, (_, round) => blindOrder(2, secret, round)[0]);
      patterns.add(firsts.join(''));
    }
    // 4,000 draws of 1,024 patterns leave out 1,024 · (1 - 1/1,024)^4,000, about 20.
    expect(patterns.size).toBeGreaterThan(980);
  });

  it('depends on large secrets as on small ones, and reaches every order of four', () => {
    const orders = new Set<string>();
    for (let i = 0; i < 1000; i++) orders.add(blindOrder(4, 2 ** 32 - 1 - i * 65_536, 0).join(''));
    expect(orders.size).toBe(24);
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
