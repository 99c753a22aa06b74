import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { ensureGraph } from '../../app/run/graph/ensure-graph.ts';
import { Model, type OpenOptions } from '../../native-kernels/index.ts';
import { countTo, largestDifference } from './runtime-graphs.ts';

/**
 * Small models with random weights; `expected.safetensors` holds what transformers computed for them in float32.
 *
 * transformers had cast the models to bfloat16 with everything in them, the rotary frequencies included, and computed in
 * float32 from there on. So the frequencies are rounded here, too: then every logit agrees to float32's precision.
 */

const fixtures = fileURLToPath(new URL('../fixtures/golden/architectures/', import.meta.url));
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

/** Rounds the table of rotary frequencies inside a graph to bfloat16. */
function roundFrequencies(graphPath: string, headDim: number, theta: number): void {
  const graph = readFileSync(graphPath);
  const table = Float32Array.from(countTo(headDim / 2), (i) =>
    Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / headDim))),
  );
  const at = graph.indexOf(Buffer.from(table.buffer));
  expect(at).toBeGreaterThan(0);
  const bits = new Uint32Array(table.buffer);
  // To nearest, ties to even.
  const rounded = bits.map((word) => ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) << 16);
  Buffer.from(rounded.buffer).copy(graph, at);
  writeFileSync(graphPath, graph);
}

async function open(
  architecture: string,
  options: Partial<OpenOptions>,
  rounded = true,
): Promise<Model> {
  const directory = mkdtempSync(path.join(folder, architecture));
  cpSync(path.join(fixtures, architecture), directory, { recursive: true });
  const { graphPath } = await ensureGraph(directory);
  const config = JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8')) as {
    hidden_size: number;
    num_attention_heads: number;
    head_dim?: number;
    rope_parameters: { rope_theta: number };
  };
  const headDim = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  if (rounded) roundFrequencies(graphPath, headDim, config.rope_parameters.rope_theta);
  return Model.open({ graphPath, contextLength: 512, mode: 'exact', cacheType: 'f32', ...options });
}

describe.each(['llama', 'mistral', 'qwen2', 'qwen3'])('%s', (architecture) => {
  const expected = readExpected(path.join(fixtures, architecture, 'expected.safetensors'));
  const largest = expected.logits.reduce((a, b) => Math.max(a, Math.abs(b)), 0);

  it.each<[string, Partial<OpenOptions>, number]>([
    ['plain kernels', { isa: 'reference' }, 1e-6],
    ['the best kernels', {}, 1e-6],
    ['three threads', { threads: 3 }, 1e-6],
    ['an f16 cache', { cacheType: 'f16' }, 1e-3],
  ])('gives the logits of transformers with %s', async (_, options, tolerance) => {
    const model = await open(architecture, options);
    const logits = await model.evaluate(expected.ids, { rows: 'all' });
    expect(largestDifference(logits, expected.logits)).toBeLessThan(tolerance * largest);
    await model.close();
  });

  it('generates what transformers generates, greedily', async () => {
    const model = await open(architecture, { mode: 'fast' }, false);
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
