import { describe, expect, it } from 'vitest';
import {
  DivergenceMeter,
  findDivergence,
  LossMeter,
  rowDivergence,
  tokenLoss,
} from '../../../app/compare/index.ts';
import type { GeneratedToken } from '../../../app/contract/sampling.ts';
import { randomNumbers } from '../../fixtures/tiny-checkpoint.ts';

/** Probabilities by the definition: no shift, no logarithms of sums. */
function probabilities(logits: readonly number[]): number[] {
  const powers = logits.map((logit) => Math.E ** logit);
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function randomLogits(count: number, seed: number, spread = 8): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length: count }, () => (random() - 0.5) * spread);
}

const size = 50;
const rowOf = (logits: Float32Array, row = 0) => ({ logits, row, vocabularySize: size });

describe('the loss of a token', () => {
  it('is minus the logarithm of its probability', () => {
    const logits = randomLogits(size * 3, 1);
    for (const token of [0, 7, 49]) {
      const row = [...logits.slice(size, 2 * size)];
      const expected = -Math.log(probabilities(row)[token] ?? 0);
      expect(tokenLoss(rowOf(logits, 1), token)).toBeCloseTo(expected, 12);
    }
  });

  it('does not overflow where probabilities would', () => {
    const logits = Float32Array.from({ length: size }, (_, i) => (i === 3 ? 10_000 : 9_999));
    expect(tokenLoss(rowOf(logits), 3)).toBeCloseTo(Math.log(1 + 49 / Math.E), 10);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('is refused where a logit is %d', (bad) => {
    const logits = randomLogits(size, 2);
    logits[10] = bad;
    expect(() => tokenLoss(rowOf(logits), 0)).toThrow(/numbers that are none/);
    logits[10] = 0;
    logits[0] = bad;
    expect(() => tokenLoss(rowOf(logits), 1)).toThrow(/numbers that are none/);
  });
});

describe('the divergence of two rows', () => {
  it('is the expected difference of their logarithms under the reference', () => {
    for (let seed = 1; seed < 20; seed++) {
      const p = randomLogits(size, seed);
      const q = randomLogits(size, seed + 100);
      const [a, b] = [probabilities([...p]), probabilities([...q])];
      const expected = a.reduce((sum, pi, i) => sum + pi * Math.log(pi / (b[i] ?? 0)), 0);
      const { kl, sameTop, candidateLogSum } = rowDivergence(rowOf(p), rowOf(q));
      expect(kl).toBeCloseTo(expected, 10);
      expect(tokenLoss(rowOf(q), 3, candidateLogSum)).toBeCloseTo(tokenLoss(rowOf(q), 3), 12);
      expect(sameTop).toBe(p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q)));
    }
  });

  it('is nothing between equal rows, whatever is added to all logits', () => {
    const p = randomLogits(size, 5);
    const q = p.map((logit) => logit + 4);
    expect(rowDivergence(rowOf(p), rowOf(p))).toMatchObject({ kl: 0, sameTop: true });
    expect(rowDivergence(rowOf(p), rowOf(q)).kl).toBeLessThan(1e-12);
  });
});

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
