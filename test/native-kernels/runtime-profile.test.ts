import { describe, expect, it } from 'vitest';
import {
  countTo,
  f32,
  floatLinear,
  lookupGraph,
  node,
  noise,
  openGraph,
  type Graph,
} from './runtime-graphs.ts';

const HIDDEN = 16;
const VOCABULARY = 8;

/** An embedding, one attention layer of one head, and a float32 head. */
function smallGraph(): Graph {
  const attention = {
    layer: { int: 0 },
    heads: { int: 1 },
    kv_heads: { int: 1 },
    head_dim: { int: HIDDEN },
    scale: { float: 0.25 },
    window: { int: 0 },
  };
  return {
    nodes: [
      node('Embedding', 'x', ['input_ids', 'table']),
      node('Rotary', 'cos', ['input_ids', 'position', 'frequencies'], {}, ['sin']),
      node('Attention', 'layers.0.attention', ['x', 'x', 'x', 'cos', 'sin', 'position'], attention),
      node(
        'Linear',
        'head',
        ['layers.0.attention', 'weight'],
        floatLinear('f32', VOCABULARY, HIDDEN),
      ),
    ],
    tensors: {
      table: f32([VOCABULARY, HIDDEN], noise(VOCABULARY * HIDDEN, 1)),
      weight: f32([VOCABULARY, HIDDEN], noise(VOCABULARY * HIDDEN, 2)),
      frequencies: f32([0], []),
    },
    result: 'head',
    width: VOCABULARY,
  };
}

const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };

describe('a profile', () => {
  it('counts the calls, bytes and tokens of every operator, prompts and answers apart', async () => {
    const model = await openGraph(smallGraph(), { profile: true });
    await model.generate({
      ids: countTo(6),
      sampling,
      maxTokens: 4,
      stopIds: [],
      onToken: () => undefined,
    });
    const profile = model.profile();
    expect(profile).toMatchObject({
      prefill: { runs: 1, tokens: 6, samplingMs: 0 },
      // The first token falls out of the prompt.
      decode: { runs: 3, tokens: 3 },
    });
    const summary = (phase: 'prefill' | 'decode'): [string, string, number, number][] =>
      (profile?.[phase].nodes ?? [])
        .map((n): [string, string, number, number] => [n.operator, n.name, n.calls, n.bytes])
        // Operators that do not need each other run in any order.
        .toSorted((a, b) => a[0].localeCompare(b[0]));
    const position = HIDDEN * 4 * 2;
    const head = VOCABULARY * HIDDEN * 4;
    expect(summary('prefill')).toEqual([
      ['Attention', 'layers.0.attention', 1, 6 * position],
      ['Embedding', 'x', 1, 6 * HIDDEN * 4],
      ['Linear', 'head', 1, head],
      ['Rotary', 'cos', 1, 0],
    ]);
    expect(summary('decode')).toEqual([
      ['Attention', 'layers.0.attention', 3, (7 + 8 + 9) * position],
      ['Embedding', 'x', 3, 3 * HIDDEN * 4],
      ['Linear', 'head', 3, 3 * head],
      ['Rotary', 'cos', 3, 0],
    ]);
  });

  it('has parts that are no longer than the whole', async () => {
    const model = await openGraph(smallGraph(), { profile: true });
    await model.evaluate(countTo(8), { rows: 'none' });
    const { nodes = [], runMs = 0 } = model.profile()?.prefill ?? {};
    expect(nodes.every(({ ms }) => ms > 0)).toBe(true);
    expect(nodes.reduce((sum, { ms }) => sum + ms, 0)).toBeLessThanOrEqual(runMs);
  });

  it('is kept only when it was asked for, and is refused while the model works', async () => {
    expect((await openGraph(lookupGraph(noise(8, 1), 8))).profile()).toBeNull();
    const model = await openGraph(smallGraph(), { profile: true });
    const running = model.evaluate(countTo(8), { rows: 'none' });
    expect(() => model.profile()).toThrow(expect.objectContaining({ code: 'invalid-input' }));
    await running;
  });
});
