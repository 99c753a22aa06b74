import { describe, expect, it } from 'vitest';
import { bestOf } from '../../../renderer/views/compare/logic/best-values.ts';

describe('the best of several numbers', () => {
  it('is the lowest or the highest, whichever is better', () => {
    expect(bestOf([3, 1, 2], 'lower')).toEqual([false, true, false]);
    expect(bestOf([3, 1, 2], 'higher')).toEqual([true, false, false]);
  });

  it('leaves out what was not measured', () => {
    expect(bestOf([null, 4, 2], 'lower')).toEqual([false, false, true]);
    expect(bestOf([null, 4, null], 'lower')).toEqual([false, false, false]);
  });

  it('is none where all look the same', () => {
    expect(bestOf([128.1, 128.4], 'lower')).toEqual([false, false]);
    expect(bestOf([5, 5], 'higher')).toEqual([false, false]);
  });

  it('is shared by those that look the same', () => {
    expect(bestOf([100, 100.2, 200], 'lower')).toEqual([true, true, false]);
  });
});
