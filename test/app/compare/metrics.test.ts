import { describe, expect, it } from 'vitest';
import { DivergenceMeter, findDivergence, LossMeter } from '../../../app/compare/index.ts';
import type { GeneratedToken } from '../../../app/contract/sampling.ts';

describe('the meters', () => {
  it('give the perplexity and its standard error', () => {
    const losses = [2.1, 0.3, 4.7, 1.1, 0.9, 3.3];
    const meter = new LossMeter();
    for (const loss of losses) meter.add(loss);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    const variance =
      losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (losses.length - 1);
    expect(meter.count).toBe(6);
    expect(meter.perplexity).toBeCloseTo(Math.exp(mean), 12);
    expect(meter.perplexityError).toBeCloseTo(Math.exp(mean) * Math.sqrt(variance / 6), 12);
  });

  it('have no error to tell from one token', () => {
    const meter = new LossMeter();
    meter.add(1);
    expect(meter.perplexityError).toBe(0);
  });

  it('give mean, 99th percentile and agreement of divergences', () => {
    const meter = new DivergenceMeter();
    for (let i = 1; i <= 200; i++) meter.add({ kl: 201 - i, sameTop: i % 4 !== 0 });
    expect(meter.meanKl).toBe(100.5);
    expect(meter.p99Kl).toBe(198);
    expect(meter.topAgreement).toBe(0.75);
  });
});

describe('where two answers part', () => {
  const answer = (...ids: number[]): GeneratedToken[] =>
    ids.map((id) => ({ id, text: `<${id}>`, logprob: -1, elapsedMs: 1, alternatives: [] }));

  it('is nowhere when they are equal', () => {
    expect(findDivergence('b', answer(1, 2, 3), answer(1, 2, 3))).toBeNull();
    expect(findDivergence('b', [], [])).toBeNull();
  });

  it('is the first token that differs, and its place in the first answer’s text', () => {
    expect(findDivergence('b', answer(1, 22, 3, 4, 5), answer(1, 22, 9, 4, 6))).toMatchObject({
      artifactId: 'b',
      token: 2,
      character: 3 + 4,
      agreement: 3 / 5,
      baselineToken: { id: 3 },
      otherToken: { id: 9 },
    });
  });

  it('is the end of the shorter one where that is all', () => {
    expect(findDivergence('b', answer(1, 2), answer(1, 2, 3, 4))).toMatchObject({
      token: 2,
      character: 6,
      agreement: 0.5,
      baselineToken: null,
      otherToken: { id: 3 },
    });
    expect(findDivergence('b', answer(1), [])).toMatchObject({ token: 0, otherToken: null });
  });
});
