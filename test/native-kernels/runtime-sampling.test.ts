import { describe, expect, it } from 'vitest';
import type { Model, SamplingOptions } from '../../native-kernels/index.ts';
import { at, countTo, lookupGraph, noise, openGraph } from './runtime-graphs.ts';

const off: SamplingOptions = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  seed: 0,
};

/** Draws one token after token 0, once per seed. */
async function draw(
  model: Model,
  options: Partial<SamplingOptions>,
  draws: number,
): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for (const seed of countTo(draws)) {
    model.truncate(0);
    const { ids } = await model.generate({
      ids: [0],
      sampling: { ...off, ...options, seed },
      maxTokens: 1,
      stopIds: [],
      onToken: () => undefined,
    });
    counts.set(at(ids, 0), (counts.get(at(ids, 0)) ?? 0) + 1);
  }
  return counts;
}

/** A model that gives these probabilities after any token. */
async function modelOf(probabilities: number[]): Promise<Model> {
  const size = probabilities.length;
  const logits = probabilities.map((p) => Math.log(p));
  return openGraph(
    lookupGraph(
      countTo(size).flatMap(() => logits),
      size,
    ),
  );
}

const drawn = (counts: Map<number, number>): number[] => [...counts.keys()].sort((a, b) => a - b);

describe('the sampler', () => {
  const probabilities = [0.05, 0.3, 0.02, 0.4, 0.13, 0.1];

  it('draws with the probabilities that the model gives', async () => {
    const model = await modelOf(probabilities);
    const draws = 4000;
    for (const options of [{}, { topK: 6, topP: 0.9999999 }]) {
      const counts = await draw(model, options, draws);
      probabilities.forEach((p, id) => {
        // Four standard deviations.
        const tolerance = 4 * Math.sqrt(draws * p * (1 - p));
        expect(Math.abs((counts.get(id) ?? 0) - draws * p)).toBeLessThan(tolerance);
      });
    }
  });

  it('sharpens with the temperature', async () => {
    const model = await modelOf([0.2, 0.8]);
    const counts = await draw(model, { temperature: 0.5 }, 2000);
    // 0.04 : 0.64
    expect(counts.get(0)).toBeGreaterThan(2000 * 0.0588 - 45);
    expect(counts.get(0)).toBeLessThan(2000 * 0.0588 + 45);
  });

  it.each<[string, Partial<SamplingOptions>, number[]]>([
    ['top-k', { topK: 2 }, [1, 3]],
    ['top-k of one', { topK: 1, temperature: 5 }, [3]],
    ['top-p that ends between tokens', { topP: 0.75 }, [1, 3, 4]],
    ['top-p of zero', { topP: 0 }, [3]],
    ['min-p', { minP: 0.24 }, [1, 3, 4, 5]],
    ['top-p after top-k, over what is left', { topK: 3, topP: 0.8 }, [1, 3]],
    ['top-p and min-p', { topP: 0.99, minP: 0.2 }, [1, 3, 4, 5]],
    ['min-p at a temperature', { minP: 0.45, temperature: 2 }, [1, 3, 4, 5]],
  ])('keeps exactly the tokens of %s', async (_, options, expected) => {
    const model = await modelOf(probabilities);
    expect(drawn(await draw(model, options, 1000))).toEqual(expected);
  });

  it('finds the same tokens in a vocabulary of 50,000', async () => {
    const size = 50_000;
    const logits = noise(size, 1).map((value) => value * 12);
    const order = countTo(size).sort((a, b) => at(logits, b) - at(logits, a) || a - b);
    const model = await openGraph(lookupGraph(logits, size));
    const weights = order.map((id) => Math.exp(at(logits, id) - at(logits, at(order, 0))));
    const total = weights.reduce((a, b) => a + b);
    let mass = 0;
    const nucleus = weights.findIndex((weight) => (mass += weight) >= 0.02 * total) + 1;
    const cases: [Partial<SamplingOptions>, number][] = [
      [{ topK: 3 }, 3],
      [{ topP: 0.02 }, nucleus],
      [{ minP: at(weights, 4) }, 5],
    ];
    for (const [options, count] of cases) {
      const ids = drawn(await draw(model, options, 400));
      const allowed = new Set(order.slice(0, count));
      expect(ids.every((id) => allowed.has(id))).toBe(true);
      expect(ids.length).toBeGreaterThan(Math.min(count, 100) * 0.9);
    }
    const everything = await draw(model, {}, 300);
    expect(everything.size).toBeGreaterThan(200);
  });

  it.each([
    ['all alike', 0.01, 1],
    ['spread out', 4, 1],
    ['spread out, and hot', 4, 2],
  ])('cuts a large nucleus where it ends: logits %s', async (_, spread, temperature) => {
    const size = 20_000;
    const logits = noise(size, 7).map((value) => value * spread);
    const model = await openGraph(lookupGraph(logits, size));
    const order = countTo(size).sort((a, b) => at(logits, b) - at(logits, a) || a - b);
    const best = at(logits, at(order, 0));
    const weights = order.map((id) => Math.exp((Math.fround(at(logits, id)) - best) / temperature));
    const total = weights.reduce((a, b) => a + b);
    const rankOf = new Map(order.map((id, rank) => [id, rank]));
    for (const [topP, minP] of [
      [0.9, 0],
      [0.5, 0],
      [0.5, 0.9],
      [1, 0.9],
    ] as const) {
      let mass = 0;
      const rest = weights.findIndex((weight) => (mass += weight) >= topP * total);
      const faint = weights.findIndex((weight) => weight < minP);
      const kept = Math.min(rest < 0 ? size : rest + 1, faint < 0 ? size : faint);
      const draws = 300;
      const counts = await draw(model, { temperature, topP, minP }, draws);
      const ranks = [...counts.keys()].map((id) => rankOf.get(id) ?? size);
      // One rank more or less: the float32 logits of the model round.
      expect(Math.max(...ranks)).toBeLessThanOrEqual(kept + 1);
      // Half of the kept weight lies in the first ranks; four standard deviations.
      const keptMass = weights.slice(0, kept).reduce((a, b) => a + b);
      let half = 0;
      const middle = weights.findIndex((weight) => (half += weight) >= keptMass / 2);
      const before = [...counts].reduce(
        (sum, [id, count]) => sum + ((rankOf.get(id) ?? size) <= middle ? count : 0),
        0,
      );
      expect(Math.abs(before - draws / 2)).toBeLessThan(4 * Math.sqrt(draws / 4));
    }
  });

  it('is greedy at temperature 0, and takes the lowest id of equal ones', async () => {
    const model = await modelOf([0.1, 0.3, 0.3, 0.3]);
    expect(drawn(await draw(model, { temperature: 0 }, 5))).toEqual([1]);
    expect(drawn(await draw(model, { topK: 2 }, 200))).toEqual([1, 2]);
  });

  it('penalizes what was seen as transformers does', async () => {
    const model = await openGraph(lookupGraph([2, 1.5, -1, -0.9, 1.6], 5));
    const next = async (ids: number[], history: number[], penalty: number): Promise<number> => {
      model.truncate(0);
      const result = await model.generate({
        ids,
        history,
        sampling: { ...off, temperature: 0, repetitionPenalty: penalty },
        maxTokens: 1,
        stopIds: [],
        onToken: () => undefined,
      });
      return at(result.ids, 0);
    };
    expect(await next([0], [], 1)).toBe(0);
    // 2 / 1.3 = 1.54: behind 1.6, before 1.5.
    expect(await next([0], [], 1.3)).toBe(4);
    expect(await next([0], [4], 1.3)).toBe(0);
    expect(await next([0], [4], 1.4)).toBe(1);
    // Twice seen counts once: 2 / 1.2 is still before 1.6.
    expect(await next([0, 0], [0, 0], 1.2)).toBe(0);
  });

  it('reports the logarithm of the probability in the model itself', async () => {
    const model = await modelOf(probabilities);
    const events: { id: number; logprob: number; alternatives: unknown[] }[] = [];
    await model.generate({
      ids: [0],
      sampling: { ...off, temperature: 3, topK: 2, repetitionPenalty: 2, seed: 5 },
      maxTokens: 3,
      stopIds: [],
      alternatives: 3,
      onToken: (token) => events.push(token),
    });
    expect(events).toHaveLength(3);
    for (const { id, logprob, alternatives } of events) {
      expect(logprob).toBeCloseTo(Math.log(at(probabilities, id)), 5);
      expect(alternatives).toEqual(
        [3, 1, 4].map((other) => ({
          id: other,
          logprob: expect.closeTo(Math.log(at(probabilities, other)), 5) as number,
        })),
      );
    }
  });

  it('draws the same for the same seed and position, whatever came before', async () => {
    const size = 40;
    const model = await openGraph(lookupGraph(noise(size * size, 7), size));
    const answer = async (ids: number[], maxTokens: number): Promise<number[]> =>
      (
        await model.generate({
          ids,
          sampling: { ...off, seed: 2 ** 53 - 1 },
          maxTokens,
          stopIds: [],
          onToken: () => undefined,
        })
      ).ids;
    const whole = await answer([1, 2, 3], 30);
    model.truncate(0);
    const first = await answer([1, 2, 3], 10);
    const rest = await answer([at(first, -1)], 20);
    expect([...first, ...rest]).toEqual(whole);
    const other = await openGraph(lookupGraph(noise(size * size, 7), size), { threads: 2 });
    expect(
      (
        await other.generate({
          ids: [1, 2, 3],
          sampling: { ...off, seed: 4 },
          maxTokens: 30,
          stopIds: [],
          onToken: () => undefined,
        })
      ).ids,
    ).not.toEqual(whole);
  });

  it('fails on logits that are not numbers', async () => {
    const model = await openGraph(lookupGraph([NaN, 1], 2));
    await expect(draw(model, {}, 1)).rejects.toMatchObject({
      code: 'invalid-weights',
      reason: 'logits-not-finite',
    });
  });
});
