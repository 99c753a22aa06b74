import { describe, expect, it } from 'vitest';
import {
  agreementShare,
  agreementStrip,
  differenceMarks,
  firstDifference,
} from '../../../renderer/views/compare/logic/alignment.ts';

const ids = (...all: number[]): { id: number }[] => all.map((id) => ({ id }));

describe('the first difference', () => {
  it('is the first place with another token', () => {
    expect(firstDifference(ids(1, 2, 3, 4), ids(1, 2, 9, 4))).toBe(2);
    expect(firstDifference(ids(1), ids(2))).toBe(0);
  });

  it('is none between equal answers', () => {
    expect(firstDifference(ids(1, 2), ids(1, 2))).toBeNull();
    expect(firstDifference([], [])).toBeNull();
  });

  it('is the end of the shorter one when that is a beginning of the other', () => {
    expect(firstDifference(ids(1, 2, 3), ids(1, 2))).toBe(2);
    expect(firstDifference([], ids(5))).toBe(0);
  });

  it('waits for the slower one while both still grow', () => {
    expect(firstDifference(ids(1, 2, 3), ids(1, 2), false)).toBeNull();
    expect(firstDifference(ids(1, 2, 3), ids(1, 7), false)).toBe(1);
  });

  it('is marked in the first answer where the earliest of the others departs', () => {
    expect(differenceMarks([ids(1, 2, 3), ids(1, 2, 4), ids(1, 5, 3)])).toEqual([1, 2, 1]);
    expect(differenceMarks([ids(1, 2), ids(1, 2)])).toEqual([null, null]);
    expect(differenceMarks([])).toEqual([]);
  });
});

describe('the strip of agreement', () => {
  it('joins neighbours with the same judgement', () => {
    const strip = agreementStrip(ids(1, 2, 3, 4, 5), ids(1, 2, 9, 9, 5));
    expect(strip).toEqual({
      places: 5,
      equal: 3,
      runs: [
        { start: 0, length: 2, isEqual: true },
        { start: 2, length: 2, isEqual: false },
        { start: 4, length: 1, isEqual: true },
      ],
    });
    expect(agreementShare(strip)).toBeCloseTo(0.6);
  });

  it('counts places that only one answer has as different', () => {
    const strip = agreementStrip(ids(1, 2), ids(1, 2, 3, 4));
    expect(strip.runs).toEqual([
      { start: 0, length: 2, isEqual: true },
      { start: 2, length: 2, isEqual: false },
    ]);
    expect(agreementShare(strip)).toBe(0.5);
  });

  it('covers every place once, whatever the answers', () => {
    for (let seed = 1; seed < 60; seed++) {
      const random = (i: number): number => Math.floor(Math.abs(Math.sin(seed * 12.9 + i) * 3));
      const a = Array.from({ length: seed % 13 }, (_, i) => ({ id: random(i) }));
      const b = Array.from({ length: (seed * 7) % 17 }, (_, i) => ({ id: random(i + 99) }));
      const { runs, places, equal } = agreementStrip(a, b);
      expect(runs.reduce((sum, run) => sum + run.length, 0)).toBe(places);
      expect(runs.every((run, i) => i === 0 || run.isEqual !== runs[i - 1]?.isEqual)).toBe(true);
      const shorter = Math.min(a.length, b.length);
      const same = a.slice(0, shorter).filter(({ id }, i) => b[i]?.id === id).length;
      expect(equal).toBe(same);
    }
  });

  it('has no share where nothing was said', () => {
    expect(agreementShare(agreementStrip([], []))).toBeNull();
  });
});
