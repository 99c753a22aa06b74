import { describe, expect, it } from 'vitest';
import type { GenerateRequest, TokenEvent } from '../../native-kernels/index.ts';
import { foreignReleases, Model, runtimeVersion } from '../../native-kernels/index.ts';
import {
  at,
  countTo,
  f32,
  floatLinear,
  lookupGraph,
  node,
  noise,
  openGraph,
  writeGraph,
  encodeGraph,
  type Graph,
} from './runtime-graphs.ts';

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };

/** After token i comes i + 1, and after the last one the first. */
function counter(size: number): Graph {
  const table = new Float32Array(size * size);
  for (const i of countTo(size)) table[i * size + ((i + 1) % size)] = 1;
  return lookupGraph(table, size);
}

function request(changes: Partial<GenerateRequest>): GenerateRequest {
  return {
    ids: [0],
    sampling: greedy,
    maxTokens: 5,
    stopIds: [],
    onToken: () => undefined,
    ...changes,
  };
}

/** A graph whose runs take long: 60 products of 1024 x 1024 for each token. */
function slowGraph(): Graph {
  const width = 1024;
  const layers = countTo(60);
  return {
    nodes: [
      node('Embedding', 'x0', ['input_ids', 'table']),
      ...layers.map((i) =>
        node('Linear', `x${i + 1}`, [`x${i}`, 'weight'], floatLinear('f32', width, width)),
      ),
    ],
    tensors: {
      table: f32([4, width], noise(4 * width, 1)),
      weight: f32(
        [width, width],
        noise(width * width, 2).map((v) => v / 16),
      ),
    },
    result: `x${layers.length}`,
    width,
  };
}

describe('runtimeVersion', () => {
  it('tells the version and what it can run on', () => {
    const { onnxruntime, providers } = runtimeVersion();
    expect(onnxruntime).toMatch(/^1\.\d+\.\d+/);
    expect(providers).toContain('CPUExecutionProvider');
  });
});

describe('generate', () => {
  it('delivers tokens in order with their positions', async () => {
    const model = await openGraph(counter(10));
    const tokens: TokenEvent[] = [];
    const result = await model.generate(
      request({ ids: [4, 5, 6], onToken: (token) => tokens.push(token) }),
    );
    expect(result).toMatchObject({
      ids: [7, 8, 9, 0, 1],
      stop: 'max-tokens',
      promptTokens: 3,
      position: 7,
    });
    expect(tokens.map(({ id }) => id)).toEqual(result.ids);
    expect(tokens.map(({ position }) => position)).toEqual([3, 4, 5, 6, 7]);
    const times = tokens.map(({ elapsedMs }) => elapsedMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(result.prefillMs + result.decodeMs).toBeGreaterThanOrEqual(at(times, -1));
    expect(model.position).toBe(7);
  });

  it('ends with a stop token, which it delivers', async () => {
    const model = await openGraph(counter(10));
    const result = await model.generate(request({ maxTokens: 50, stopIds: [3, 8] }));
    expect(result).toMatchObject({ ids: [1, 2, 3], stop: 'stop-token', position: 3 });
  });

  it('ends when the context is full', async () => {
    const model = await openGraph(counter(10), { contextLength: 4 });
    const result = await model.generate(request({ ids: [0, 1], maxTokens: 50 }));
    expect(result).toMatchObject({ ids: [2, 3, 4], stop: 'context-full', position: 4 });
    await expect(model.generate(request({}))).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('only reads the prompt when no tokens are wanted', async () => {
    const model = await openGraph(counter(10));
    const result = await model.generate(request({ ids: [0, 1], maxTokens: 0 }));
    expect(result).toMatchObject({ ids: [], stop: 'max-tokens', position: 2 });
  });

  it('stops within a token of an abort and keeps the context consistent', async () => {
    const model = await openGraph(counter(10), { contextLength: 1_000_000 });
    const controller = new AbortController();
    const tokens: TokenEvent[] = [];
    const result = await model.generate(
      request({
        maxTokens: 900_000,
        signal: controller.signal,
        onToken: (token) => {
          tokens.push(token);
          if (tokens.length === 20) controller.abort();
        },
      }),
    );
    expect(result.stop).toBe('cancelled');
    expect(result.ids.length).toBeLessThan(900_000);
    expect(tokens.map(({ id }) => id)).toEqual(result.ids);
    expect(result.position).toBe(model.position);
    expect(result.position).toBeGreaterThanOrEqual(result.ids.length);
    expect(result.position).toBeLessThanOrEqual(result.ids.length + 1);
    const next = await model.generate(request({ ids: [5], maxTokens: 1 }));
    expect(next.ids).toEqual([6]);
  });

  it('rejects with what onToken throws, and stops', async () => {
    const model = await openGraph(counter(10), { contextLength: 1_000_000 });
    const error = new Error('the listener failed');
    const failing = model.generate(
      request({
        maxTokens: 900_000,
        onToken: () => {
          throw error;
        },
      }),
    );
    await expect(failing).rejects.toBe(error);
    expect(model.position).toBeLessThan(900_000);
  });

  it.each<[string, Partial<GenerateRequest>]>([
    ['no tokens', { ids: [] }],
    ['an unknown token', { ids: [3, 10] }],
    ['half a token', { ids: [0.5] }],
    ['a negative temperature', { sampling: { ...greedy, temperature: -1 } }],
    ['top-p above 1', { sampling: { ...greedy, topP: 1.5 } }],
    ['a broken seed', { sampling: { ...greedy, seed: 0.5 } }],
    ['no penalty', { sampling: { ...greedy, repetitionPenalty: 0 } }],
    ['too many alternatives', { alternatives: 65 }],
  ])('refuses %s', async (_, changes) => {
    const model = await openGraph(counter(10));
    await expect(model.generate(request(changes))).rejects.toMatchObject({ code: 'invalid-input' });
    expect(model.position).toBe(0);
  });
});

describe('commands', () => {
  it('run one after the other', async () => {
    const model = await openGraph(counter(10));
    const results = await Promise.all([
      model.generate(request({ ids: [0], maxTokens: 3 })),
      model.evaluate([5], { rows: 'last' }),
      model.generate(request({ ids: [6], maxTokens: 2 })),
    ]);
    expect(results[0].ids).toEqual([1, 2, 3]);
    expect(Array.from(results[1]).indexOf(1)).toBe(6);
    expect(results[2]).toMatchObject({ ids: [7, 8], position: 6 });
  });

  it('give the rows that are asked for', async () => {
    const model = await openGraph(counter(10));
    expect(await model.evaluate(countTo(10), { rows: 'none' })).toHaveLength(0);
    expect(await model.evaluate([1, 2], { rows: 'last' })).toHaveLength(10);
    expect(await model.evaluate([1, 2], { rows: 'all' })).toHaveLength(20);
    const long = Array.from({ length: 700 }, (_, i) => i % 10);
    const rows = await model.evaluate(long, { rows: 'all' });
    expect(long.every((id, row) => rows[row * 10 + ((id + 1) % 10)] === 1)).toBe(true);
    expect(model.position).toBe(714);
  });

  it('can be aborted in the middle of a long prompt', async () => {
    const model = await openGraph(slowGraph(), { isa: 'reference' });
    const controller = new AbortController();
    const ids = Array.from({ length: 2000 }, (_, i) => i % 4);
    const evaluating = model.evaluate(ids, { rows: 'last', signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, 30);
    await expect(evaluating).rejects.toMatchObject({ code: 'aborted' });
    expect(model.position).toBeLessThan(2000);
    expect(model.position % 256).toBe(0);
    // The next command is not affected.
    await model.evaluate([0], { rows: 'none' });
  });

  it('that were aborted before they began do nothing', async () => {
    const model = await openGraph(counter(10));
    const signal = AbortSignal.abort();
    await expect(model.evaluate([1], { rows: 'none', signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    await expect(model.generate(request({ signal }))).resolves.toMatchObject({
      stop: 'cancelled',
      ids: [],
      position: 0,
    });
  });

  it('forbid truncation while they run', async () => {
    const model = await openGraph(counter(10));
    const running = model.evaluate([1], { rows: 'none' });
    expect(() => {
      model.truncate(0);
    }).toThrow(expect.objectContaining({ code: 'invalid-input' }));
    await running;
    model.truncate(0);
    expect(model.position).toBe(0);
  });

  it('are refused after the model is closed, and those that wait are aborted', async () => {
    const model = await openGraph(slowGraph(), { isa: 'reference' });
    const waiting = model.generate(request({ maxTokens: 1500 }));
    const closing = model.close();
    await expect(waiting).resolves.toMatchObject({ stop: 'cancelled' });
    await closing;
    await model.close();
    expect(() => model.position).toThrow(expect.objectContaining({ code: 'invalid-input' }));
    await expect(model.evaluate([1], { rows: 'none' })).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });

  it('of several models run side by side', async () => {
    const models = await Promise.all(countTo(3).map(async () => openGraph(counter(10))));
    const results = await Promise.all(
      models.map(async (model, i) => model.generate(request({ ids: [i], maxTokens: 200 }))),
    );
    results.forEach(({ ids }, i) => {
      expect(ids).toEqual(Array.from({ length: 200 }, (_, step) => (i + 1 + step) % 10));
    });
  });
});

describe('references to JavaScript', () => {
  it('die on its thread, whatever becomes of a command', async () => {
    const broken = writeGraph(new Uint8Array([8, 10, 255]));
    for (let i = 0; i < 20; i++) {
      await expect(Model.open({ graphPath: broken, contextLength: 8 })).rejects.toThrow();
    }
    const model = await openGraph(counter(10), { contextLength: 1_000_000 });
    for (let i = 0; i < 20; i++) {
      // The first one runs, the others wait; all are cancelled, or refused by the model's thread.
      const controller = new AbortController();
      const waiting = new AbortController();
      const { signal } = waiting;
      const onToken = (): void => {
        // Those that wait first: the model's thread takes up the next one as soon as this one is cancelled.
        waiting.abort();
        controller.abort();
      };
      const running = model.generate(
        request({ maxTokens: 900_000, signal: controller.signal, onToken }),
      );
      const outcomes = await Promise.allSettled([
        running,
        model.evaluate([1, 2], { rows: 'all', signal }),
        model.evaluate([1_000_000], { rows: 'last' }),
        model.generate(request({ ids: [1_000_000], signal })),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'rejected',
        'rejected',
      ]);
    }
    const waiting = model.generate(request({ maxTokens: 900_000 }));
    await model.close();
    await waiting;
    expect(foreignReleases()).toBe(0);
  });
});

describe('open', () => {
  const graphPath = writeGraph(encodeGraph(counter(4)));

  it.each<[string, object]>([
    ['a missing file', { graphPath: '/nowhere/graph.onnx', contextLength: 8 }],
    ['an empty context', { graphPath, contextLength: 0 }],
    ['half a thread', { graphPath, contextLength: 8, threads: 0.5 }],
    ['an unknown mode', { graphPath, contextLength: 8, mode: 'sloppy' }],
    ['an unknown cache', { graphPath, contextLength: 8, cacheType: 'q4' }],
    ['an unknown processor', { graphPath, contextLength: 8, isa: 'mmx' }],
  ])('refuses %s', async (_, options) => {
    await expect(
      Model.open(options as unknown as Parameters<typeof Model.open>[0]),
    ).rejects.toMatchObject({ code: 'invalid-input' });
  });
});
