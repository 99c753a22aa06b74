import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ensureGraph } from '../../../app/run/index.ts';
import { Model } from '../../../native-kernels/index.ts';
import { numbersOf, readSafetensors } from '../../fixtures/read-safetensors.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { encodeSafetensors } from '../../fixtures/tiny-checkpoint.ts';

const golden = fileURLToPath(new URL('../../fixtures/golden/', import.meta.url));
const variants = z
  .array(
    z.object({
      name: z.string(),
      base: z.string(),
      config: z.record(z.string(), z.unknown()),
      greedy: z.array(z.int()).optional(),
    }),
  )
  .parse(JSON.parse(await readFile(path.join(golden, 'config-variants', 'variants.json'), 'utf8')));
const logits = readSafetensors(path.join(golden, 'config-variants', 'logits.safetensors'));

/** Positions of the golden text whose logits are kept. */
const ROWS = [7, 40, 71];

async function folderOf(base: string, change: Record<string, unknown>): Promise<string> {
  const directory = path.join(await scratchFolder(), base);
  await cp(path.join(golden, 'architectures', base), directory, { recursive: true });
  const file = path.join(directory, 'config.json');
  const config = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(file, 'utf8')));
  await writeFile(file, JSON.stringify({ ...config, ...change }));
  return directory;
}

async function withModel<T>(
  directory: string,
  use: (model: Model) => Promise<T>,
  contextLength = 128,
): Promise<T> {
  const { graphPath } = await ensureGraph(directory, 'exact');
  const model = await Model.open({
    graphPath,
    contextLength,
    mode: 'exact',
    cacheType: 'f32',
  });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

function idsOf(base: string): number[] {
  const file = path.join(golden, 'architectures', base, 'expected.safetensors');
  return numbersOf(readSafetensors(file).get('input_ids'));
}

/** The rows that are kept, of the logits of the whole golden text. */
async function rowsOf(directory: string, base: string): Promise<number[]> {
  return withModel(directory, async (model) => {
    const all = await model.evaluate(idsOf(base), { rows: 'all' });
    const width = model.vocabularySize;
    return ROWS.flatMap((row) => [...all.subarray(row * width, (row + 1) * width)]);
  });
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  const difference = Math.max(...found.map((value, i) => Math.abs(value - (expected[i] ?? 0))));
  expect(difference / largest).toBeLessThan(2e-6);
}

describe('a configuration', () => {
  it.each(variants)('$name means what it means to transformers', async ({ name, base, config }) => {
    const found = await rowsOf(await folderOf(base, config), base);
    expectClose(found, numbersOf(logits.get(name)));
  });

  it.each(variants.filter(({ greedy }) => greedy !== undefined))(
    '$name goes on as transformers does beyond its own length',
    async ({ base, config, greedy = [] }) => {
      const prompt = greedy.slice(0, 16);
      const answer = await withModel(await folderOf(base, config), (model) =>
        model.generate({
          ids: prompt,
          sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 },
          maxTokens: greedy.length - prompt.length,
          stopIds: [],
          onToken: () => undefined,
        }),
      );
      expect(answer.ids).toEqual(greedy.slice(prompt.length));
    },
  );

  it('with growing rotary embeddings rotates a prompt of several chunks by its whole length', async () => {
    const tokens = 1200;
    const trained = 32;
    const factor = 4;
    const dimensions = 16;
    const theta =
      10_000 * ((factor * tokens) / trained - factor + 1) ** (dimensions / (dimensions - 2));
    const ids = Array.from({ length: tokens }, (_, i) => (i * 37) % 160);
    const lastOf = async (change: Record<string, unknown>): Promise<number[]> =>
      withModel(
        await folderOf('llama', change),
        async (model) => [...(await model.evaluate(ids, { rows: 'last' }))],
        tokens,
      );
    const grown = await lastOf({
      max_position_embeddings: trained,
      rope_parameters: { rope_type: 'dynamic', factor, rope_theta: 10_000 },
    });
    expectClose(
      grown,
      await lastOf({ rope_parameters: { rope_type: 'default', rope_theta: Math.fround(theta) } }),
    );
  });

  it('may leave the embeddings to the head that they are tied to', async () => {
    const directory = await folderOf('llama', {});
    const expected = await rowsOf(directory, 'llama');
    const file = path.join(directory, 'model.safetensors');
    const tensors = [...readSafetensors(file)].map(([name, tensor]) => ({
      name: name === 'model.embed_tokens.weight' ? 'lm_head.weight' : name,
      ...tensor,
    }));
    await writeFile(`${file}.new`, encodeSafetensors(tensors));
    await rename(`${file}.new`, file);
    expectClose(await rowsOf(directory, 'llama'), expected);
  });
});
