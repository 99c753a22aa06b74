import { cp } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readDecoder, stateElements } from '../../../app/models/index.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { PromptCache } from '../../../app/run/prompt-cache.ts';
import { Model, type GenerateResult } from '../../../native-kernels/index.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const families = fileURLToPath(new URL('../../fixtures/golden/families/', import.meta.url));

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };
const tokens = (count: number, from: number): number[] =>
  Array.from({ length: count }, (_, i) => ((i + from) * 37) % 160);

async function openModel(family: string): Promise<Model> {
  const directory = path.join(await scratchFolder(), family);
  await cp(path.join(families, family), directory, { recursive: true });
  const { graphPath } = await ensureGraph(directory, 'exact');
  return Model.open({ graphPath, contextLength: 512, mode: 'exact', cacheType: 'f32' });
}

/** Of each kind of state: the delta rule, a convolution alone, Mamba 2 beside attention and in turn with it. */
describe.each(['qwen3_5_text', 'lfm2', 'falcon_h1', 'nemotron_h'])('%s', (family) => {
  const answer = async (
    model: Model,
    ids: readonly number[],
    more: { readonly signal?: AbortSignal; readonly onToken?: () => void } = {},
  ): Promise<GenerateResult> =>
    model.generate({
      ids,
      sampling: greedy,
      maxTokens: 8,
      stopIds: [],
      onToken: more.onToken ?? (() => undefined),
      ...(more.signal === undefined ? {} : { signal: more.signal }),
    });

  it('goes back to where prompts began and ended, with the bits of a fresh run', async () => {
    const model = await openModel(family);
    try {
      await model.evaluate(tokens(30, 0), { rows: 'none' });
      const first = await answer(model, tokens(12, 5));
      const [begin, end] = [30, 42];
      model.truncate(end);
      expect(model.position).toBe(end);
      expect((await answer(model, [])).ids).toEqual(first.ids);
      // Within the answer there is no state: the last one before it is where the prompt ended.
      model.truncate(end + 3);
      expect(model.position).toBe(end);
      model.truncate(begin);
      expect(model.position).toBe(begin);
      await answer(model, tokens(9, 77));
      model.truncate(begin);
      const again = await model.evaluate(tokens(12, 5), { rows: 'last' });
      model.truncate(0);
      await model.evaluate(tokens(30, 0), { rows: 'none' });
      expect(await model.evaluate(tokens(12, 5), { rows: 'last' })).toEqual(again);
    } finally {
      await model.close();
    }
  });

  it('answers in a conversation that shares a beginning as in one that does not', async () => {
    const model = await openModel(family);
    try {
      const cache = new PromptCache(model);
      const ask = async (ids: readonly number[]): Promise<readonly number[]> => {
        const { rest } = cache.cutTo(ids);
        const { ids: found } = await answer(model, rest);
        cache.note(ids, found);
        return found;
      };
      const question = tokens(40, 3);
      const first = await ask(question);
      const followUp = [...question, ...first, ...tokens(10, 50)];
      const second = await ask(followUp);
      // Another question in the place of the second one, and that one again.
      await ask([...question, ...first, ...tokens(14, 90)]);
      expect(await ask(followUp)).toEqual(second);
      await ask(tokens(25, 120));
      expect(await ask(question)).toEqual(first);
      cache.clear();
      expect(await ask(followUp)).toEqual(second);
    } finally {
      await model.close();
    }
  });

  it('keeps its states when an answer is cancelled', async () => {
    const model = await openModel(family);
    try {
      const prompt = tokens(20, 11);
      const abort = new AbortController();
      let heard = 0;
      const onToken = (): void => {
        if (++heard === 3) abort.abort();
      };
      const { ids } = await answer(model, prompt, { signal: abort.signal, onToken });
      const held = ids.slice(0, model.position - prompt.length);
      const next = await model.evaluate([7], { rows: 'last' });
      model.truncate(0);
      await model.evaluate(prompt, { rows: 'none' });
      for (const id of held) await model.evaluate([id], { rows: 'none' });
      expect(await model.evaluate([7], { rows: 'last' })).toEqual(next);
    } finally {
      await model.close();
    }
  });
});

it('counts states, however long the context is', () => {
  const decoder = readDecoder({
    model_type: 'qwen3_5_text',
    num_hidden_layers: 4,
    linear_num_key_heads: 2,
    linear_num_value_heads: 4,
    linear_key_head_dim: 16,
    linear_value_head_dim: 8,
  });
  // Three layers of four; three earlier tokens of queries, keys and values, and a matrix for each head.
  expect(stateElements(decoder)).toBe(3 * (3 * (2 * 2 * 16 + 4 * 8) + 4 * 16 * 8));
});
