import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { Model, type GraphDevice } from '../../../native-kernels/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { readOnnx } from '../../fixtures/read-onnx.ts';
import { readSafetensors } from '../../fixtures/read-safetensors.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import {
  encodeSafetensors,
  writeTinyCheckpoint,
  type TinyCheckpointOptions,
} from '../../fixtures/tiny-checkpoint.ts';

/**
 * The graphs that a GPU gets, computed by the kernels that ONNX Runtime has for processors, beside our exact mode. No
 * GPU is needed for it: what is tested is that both graphs mean the same.
 */

/** Sums of float32 in another order, as a share of the largest logit. */
const SAME_ARITHMETIC = 2e-6;

/** Values of a table in 127ths of the largest one: half a step of 254, several layers deep. */
const TABLE_IN_LEVELS = 2e-2;

const CONTEXT = 64;
const ids = Array.from({ length: 24 }, (_, i) => (i * 37) % 160);

/** Columns that are blocks of 32 and 64 alike, and heads of 16. */
const shape = { hiddenSize: 64, intermediateSize: 192, heads: 4, kvHeads: 2 } as const;

async function artifactOf(options: TinyCheckpointOptions, scheme: SchemeName): Promise<string> {
  const folder = await scratchFolder();
  await writeTinyCheckpoint(path.join(folder, 'original'), { ...shape, ...options });
  await quantizeFolder(path.join(folder, 'original'), path.join(folder, scheme), scheme);
  return path.join(folder, scheme);
}

interface Opened {
  readonly device: GraphDevice;
  readonly mode: 'fast' | 'exact';
  readonly tables: 'table' | 'levels';
}

async function open(
  directory: string,
  { device, mode, tables }: Opened = { device: 'standard-cpu', mode: 'exact', tables: 'table' },
): Promise<Model> {
  const standard = { activations: 'F32', tables, contextLength: CONTEXT } as const;
  const { graphPath } =
    device === 'cpu'
      ? await ensureGraph(directory, mode)
      : await ensureGraph(directory, mode, () => standard);
  return Model.open({ graphPath, contextLength: CONTEXT, device, mode, cacheType: 'f32' });
}

async function logitsOf(directory: string, how: Opened): Promise<Float32Array> {
  const model = await open(directory, how);
  try {
    return await model.evaluate(ids, { rows: 'all' });
  } finally {
    await model.close();
  }
}

/** The largest difference as a share of the largest logit. */
function distance(found: Float32Array, expected: Float32Array): number {
  expect(found).toHaveLength(expected.length);
  let largest = 0;
  let difference = 0;
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs((found[i] ?? NaN) - value));
  }
  return difference / largest;
}

describe.each<[NonNullable<TinyCheckpointOptions['modelType']>, SchemeName]>([
  ['llama', 'bf16'],
  ['qwen2', 'bf16'],
  ['qwen3', 'nf4'],
  ['mistral', 'nf4-dq'],
  ['qwen2', 'nf4-dq'],
  ['llama', 'fp4'],
  ['qwen3', 'fp4-dq'],
  ['llama', 'llm-int8'],
  ['qwen2', 'llm-int8'],
  ['qwen3', 'int8-absmax'],
  ['mistral', 'int8-zeropoint'],
  ['llama', 'int4'],
  ['qwen2', 'int4'],
])('%s in %s, in operators of ONNX Runtime', (modelType, scheme) => {
  it('computes what the exact mode computes', async () => {
    const directory = await artifactOf({ modelType, tied: modelType === 'qwen2' }, scheme);
    const exact = await logitsOf(directory, { device: 'cpu', mode: 'exact', tables: 'table' });
    const standard = { device: 'standard-cpu', mode: 'exact' } as const;
    const found = await logitsOf(directory, { ...standard, tables: 'table' });
    expect(distance(found, exact)).toBeLessThan(SAME_ARITHMETIC);
    if (!/^[nf][fp]4/.test(scheme)) return;
    const levels = await logitsOf(directory, { ...standard, tables: 'levels' });
    expect(distance(levels, exact)).toBeLessThan(TABLE_IN_LEVELS);
  });
});

/** Takes the same weights for more heads of 16 elements where they have 24, which no GPU operator takes. */
async function cutHeads(directory: string): Promise<void> {
  const file = path.join(directory, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  if (config['head_dim'] !== 24) return;
  const heads = { num_attention_heads: 6, num_key_value_heads: 3, head_dim: 16 };
  await writeFile(file, JSON.stringify({ ...config, ...heads }));
  const weights = path.join(directory, 'model.safetensors');
  const tensors = [...readSafetensors(weights)].map(([name, { dtype, shape, bytes }]) => ({
    name,
    dtype,
    ...(shape[0] === 24 && shape.length === 1
      ? { shape: [16], bytes: bytes.slice(0, 32) }
      : { shape, bytes }),
  }));
  await writeFile(weights, encodeSafetensors(tensors));
}

describe.each([
  'gemma',
  'gemma2',
  'gemma3_text',
  'gemma4_text',
  'granite',
  'olmo2',
  'olmo3',
  'phi3',
  'seed_oss',
  'cohere',
  'ernie4_5',
  'starcoder2',
  'arcee',
  'apertus',
  'glm4',
])('a golden %s, in operators of ONNX Runtime', (family) => {
  it('computes what the exact mode computes', async () => {
    const golden = new URL(`../../fixtures/golden/families/${family}`, import.meta.url);
    const directory = path.join(await scratchFolder(), family);
    await cp(fileURLToPath(golden), directory, { recursive: true });
    await cutHeads(directory);
    const exact = await logitsOf(directory, { device: 'cpu', mode: 'exact', tables: 'table' });
    const standard = { device: 'standard-cpu', mode: 'exact', tables: 'table' } as const;
    expect(distance(await logitsOf(directory, standard), exact)).toBeLessThan(SAME_ARITHMETIC);
  });
});

describe('a context of a contrib-operator graph', () => {
  it('is cut back and filled again, in one piece or token by token', async () => {
    const model = await open(await artifactOf({}, 'nf4'));
    try {
      const all = await model.evaluate(ids, { rows: 'all' });
      const width = model.vocabularySize;
      const rows = (from: number, to: number): Float32Array => all.slice(from * width, to * width);
      model.truncate(5);
      expect(await model.evaluate(ids.slice(5, 9), { rows: 'none' })).toHaveLength(0);
      const rest = await model.evaluate(ids.slice(9, 20), { rows: 'all' });
      expect(distance(rest, rows(9, 20))).toBeLessThan(SAME_ARITHMETIC);
      for (let at = 20; at < ids.length; at++) {
        const row = await model.evaluate(ids.slice(at, at + 1), { rows: 'last' });
        expect(distance(row, rows(at, at + 1))).toBeLessThan(SAME_ARITHMETIC);
      }
    } finally {
      await model.close();
    }
  });

  it('ends where it was said to end', async () => {
    const model = await open(await artifactOf({}, 'nf4'));
    try {
      const filling = Array.from({ length: CONTEXT }, (_, i) => i % 160);
      await model.evaluate(filling, { rows: 'last' });
      await expect(model.evaluate([1], { rows: 'last' })).rejects.toMatchObject({
        code: 'invalid-input',
      });
      expect(model.memory().cacheBytes).toBe(2 * 2 * 2 * CONTEXT * 16 * 4);
    } finally {
      await model.close();
    }
  });
});

describe('a sliding window in a standard graph', () => {
  it('hides what lies before it', async () => {
    const options = { modelType: 'mistral', config: { sliding_window: 6 } } as const;
    const directory = await artifactOf(options, 'bf16');
    const exact = await logitsOf(directory, { device: 'cpu', mode: 'exact', tables: 'table' });
    const how = { device: 'standard-cpu', mode: 'exact', tables: 'table' } as const;
    expect(distance(await logitsOf(directory, how), exact)).toBeLessThan(SAME_ARITHMETIC);
  });
});

describe('what operators of ONNX Runtime cannot express', () => {
  const refusal = {
    code: 'unsupported-model',
    remedy: 'Run this model on the CPU (--device cpu).',
  };
  const standard = { activations: 'F32', tables: 'table', contextLength: CONTEXT } as const;

  it('is refused: heads that are no multiple of 16', async () => {
    const golden = new URL('../../fixtures/golden/architectures/qwen3', import.meta.url);
    const directory = path.join(await scratchFolder(), 'qwen3');
    await quantizeFolder(fileURLToPath(golden), directory, 'bf16');
    await expect(ensureGraph(directory, 'exact', () => standard)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining('heads have 24 elements') as string,
    });
  });

  it('is refused: 4-bit values from another table', async () => {
    const original = path.join(await scratchFolder(), 'original');
    await writeTinyCheckpoint(original, shape);
    const directory = path.join(await scratchFolder(), 'nf4');
    await quantizeFolder(original, directory, 'nf4');
    const file = path.join(directory, 'model.safetensors');
    const bytes = await readFile(file);
    const at = bytes.indexOf(Buffer.from(new Float32Array([-1, -0.696_192_8]).buffer));
    expect(at).toBeGreaterThan(0);
    bytes.writeFloatLE(-0.9, at);
    await rm(file);
    await writeFile(file, bytes);
    await expect(ensureGraph(directory, 'exact', () => standard)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining('is not the usual one of nf4') as string,
    });
    // Rounded to levels, any table will do.
    await ensureGraph(directory, 'exact', () => ({ ...standard, tables: 'levels' }));
  });
});

describe('the file of a standard graph', () => {
  it('only refers to the weights', async () => {
    const directory = await artifactOf({}, 'nf4-dq');
    const { graphPath } = await ensureGraph(directory, 'fast', () => ({
      activations: 'F16',
      tables: 'levels',
      contextLength: CONTEXT,
    }));
    expect(path.basename(graphPath)).toMatch(/^graph-gpu-[0-9a-f]{12}\.onnx$/);
    const graph = readOnnx(await readFile(graphPath));
    expect(graph.domains).toEqual({ '': 21, 'com.microsoft': 1 });
    expect(graph.inputs.slice(0, 4)).toEqual([
      'input_ids',
      'logit_rows',
      'last_position',
      'context_length',
    ]);
    const inside = [...graph.initializers.values()].map(({ raw }) => raw?.byteLength ?? 0);
    expect(Math.max(...inside)).toBeLessThanOrEqual(512 * 4);
  });
});
