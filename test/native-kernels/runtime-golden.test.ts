import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { ensureGraph } from '../../app/run/graph/ensure-graph.ts';
import { Model, type OpenOptions } from '../../native-kernels/index.ts';
import { largestDifference } from './runtime-graphs.ts';

/**
 * Small models with random weights; `expected.safetensors` holds what transformers computed for them in float32.
 */

const fixtures = fileURLToPath(new URL('../fixtures/golden/families/', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'nibble-golden-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Header {
  [name: string]: { dtype: string; data_offsets: [number, number] };
}

function readExpected(file: string): { ids: number[]; logits: Float32Array; greedy: number[] } {
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Header;
  const part = (name: string): ArrayBuffer => {
    const [from, to] = header[name]?.data_offsets ?? [0, 0];
    return Uint8Array.from(bytes.subarray(start + from, start + to)).buffer;
  };
  return {
    ids: Array.from(new BigInt64Array(part('input_ids')), Number),
    logits: new Float32Array(part('logits')),
    greedy: Array.from(new BigInt64Array(part('greedy')), Number),
  };
}

async function open(architecture: string, options: Partial<OpenOptions>): Promise<Model> {
  const directory = mkdtempSync(path.join(folder, architecture));
  cpSync(path.join(fixtures, architecture), directory, { recursive: true });
  const { graphPath } = await ensureGraph(directory);
  return Model.open({ graphPath, contextLength: 512, mode: 'exact', cacheType: 'f32', ...options });
}

describe.each([
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'gemma2',
  'gemma3_text',
  'qwen3_moe',
  'llama4_text',
])('%s', (architecture) => {
  const expected = readExpected(path.join(fixtures, architecture, 'expected.safetensors'));
  const largest = expected.logits.reduce((a, b) => Math.max(a, Math.abs(b)), 0);

  it.each<[string, Partial<OpenOptions>, number]>([
    ['plain kernels', { isa: 'reference' }, 2e-6],
    ['the best kernels', {}, 2e-6],
    ['three threads', { threads: 3 }, 2e-6],
    ['an f16 cache', { cacheType: 'f16' }, 1e-3],
  ])('gives the logits of transformers with %s', async (_, options, tolerance) => {
    const model = await open(architecture, options);
    const logits = await model.evaluate(expected.ids, { rows: 'all' });
    expect(largestDifference(logits, expected.logits)).toBeLessThan(tolerance * largest);
    await model.close();
  });

  it('generates what transformers generates, greedily', async () => {
    const model = await open(architecture, { mode: 'fast' });
    const prompt = 16;
    const { ids, position } = await model.generate({
      ids: expected.greedy.slice(0, prompt),
      sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 },
      maxTokens: expected.greedy.length - prompt,
      stopIds: [],
      onToken: () => undefined,
    });
    expect(ids).toEqual(expected.greedy.slice(prompt));
    expect(position).toBe(expected.greedy.length - 1);
    await model.close();
  });
});
