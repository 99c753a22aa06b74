import { describe, expect, it } from 'vitest';
import type { GeneratedToken } from '../../../app/contract/sampling.ts';
import { alignDistributions } from '../../../renderer/views/compare/logic/distributions.ts';

function token(chosen: number, probabilities: Readonly<Record<number, number>>): GeneratedToken {
  return {
    id: chosen,
    text: `t${chosen}`,
    logprob: Math.log(probabilities[chosen] ?? 0.001),
    elapsedMs: 0,
    alternatives: Object.entries(probabilities).map(([id, probability]) => ({
      id: Number(id),
      text: `t${id}`,
      logprob: Math.log(probability),
    })),
  };
}

describe('distributions side by side', () => {
  it('are aligned by token and ordered by the first one', () => {
    const { rows } = alignDistributions([
      token(1, { 1: 0.6, 2: 0.3, 3: 0.1 }),
      token(2, { 2: 0.5, 1: 0.4, 4: 0.05 }),
    ]);
    expect(rows.map((row) => row.id)).toEqual([1, 2, 3, 4]);
    expect(rows[0]?.cells.map((cell) => cell.probability?.toFixed(2))).toEqual(['0.60', '0.40']);
    expect(rows[0]?.cells.map((cell) => cell.isChosen)).toEqual([true, false]);
    expect(rows[1]?.cells.map((cell) => cell.isChosen)).toEqual([false, true]);
    expect(rows[2]?.cells[1]?.probability).toBeNull();
    expect(rows[3]?.cells[0]?.probability).toBeNull();
  });

  it('say how likely a token can be at most that was not kept', () => {
    const { ceilings } = alignDistributions([token(1, { 1: 0.9, 2: 0.08 }), null]);
    expect(ceilings[0]).toBeCloseTo(0.08);
    expect(ceilings[1]).toBeNull();
  });

  it('keep what was chosen, however unlikely, and however few rows there are', () => {
    const unlikely: GeneratedToken = { ...token(1, { 1: 0.5, 2: 0.3, 3: 0.2 }), id: 77, text: 'x' };
    const { rows } = alignDistributions([unlikely, token(3, { 3: 0.7, 4: 0.3 })], 2);
    expect(rows.map((row) => row.id).sort((a, b) => a - b)).toEqual([3, 77]);
    expect(rows.find((row) => row.id === 77)?.cells[0]).toEqual({
      probability: Math.exp(unlikely.logprob),
      isChosen: true,
    });
  });

  it('leave out what nobody found likely', () => {
    const { rows } = alignDistributions([
      token(1, { 1: 0.999, 2: 0.0001, 3: 0.0009 }),
      token(1, { 1: 0.9999, 2: 0.0001 }),
    ]);
    expect(rows.map((row) => row.id)).toEqual([1, 3]);
  });

  it('leave the cells of an answer that had ended empty', () => {
    const { rows } = alignDistributions([token(1, { 1: 1 }), null]);
    expect(rows).toEqual([
      {
        id: 1,
        text: 't1',
        cells: [
          { probability: 1, isChosen: true },
          { probability: null, isChosen: false },
        ],
      },
    ]);
  });
});
