import { beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../../app/contract/sampling.ts';
import { loadModel, type RunnableModel } from '../../../app/run/index.ts';
import { answer } from '../../../app/run/answer.ts';
import { encodePrompt } from '../../../app/run/tokenizer/encode-prompt.ts';
import { chatModel } from '../../fixtures/chat-model.ts';

const sampling = {
  temperature: 1,
  topK: 40,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1.1,
  seed: 5,
};

interface Options {
  maxTokens?: number;
  reuse?: boolean;
  signal?: AbortSignal;
}

let directory: string;
beforeAll(async () => {
  directory = await chatModel({ config: { max_position_embeddings: 2048 } });
});

async function open(): Promise<RunnableModel> {
  return loadModel({ directory, mode: 'fast', threads: 2 });
}

function ask(
  runnable: RunnableModel,
  ids: readonly number[],
  { maxTokens = 12, reuse = true, signal = new AbortController().signal }: Options = {},
): ReturnType<typeof answer> {
  const emit = (): void => undefined;
  const request = { ids, sampling, maxTokens, alternatives: 0, stopIds: [], tokenizer: null };
  return answer(runnable, { ...request, emit, reuse, signal });
}

const count = (from: number, length: number): number[] =>
  Array.from({ length }, (_, i) => 10 + ((from + i * 37) % 4000));

describe('a reused context', () => {
  it('computes of a follow-up only what is new', async () => {
    const runnable = await open();
    const prompt = count(0, 40);
    const first = await ask(runnable, prompt);
    expect(first.statistics).toMatchObject({ promptTokens: 40, cachedTokens: 0 });
    // The last token of an answer is sampled but not appended.
    const followUp = [...prompt, ...first.ids, ...count(7, 9)];
    const second = await ask(runnable, followUp);
    expect(second.statistics).toMatchObject({
      promptTokens: followUp.length,
      cachedTokens: 40 + first.ids.length - 1,
    });
    await runnable.model.close();
  });

  it('writes an answer again without computing its prompt, with the same bits', async () => {
    const runnable = await open();
    const prompt = count(3, 300);
    const first = await ask(runnable, prompt);
    const again = await ask(runnable, prompt);
    expect(again.ids).toEqual(first.ids);
    expect(again.statistics).toMatchObject({
      promptTokens: 300,
      cachedTokens: 300,
      prefillRate: null,
    });
    const fresh = await ask(runnable, prompt, { reuse: false });
    expect(fresh.ids).toEqual(first.ids);
    expect(fresh.statistics).toMatchObject({ promptTokens: 300, cachedTokens: 0 });
    await runnable.model.close();
  });

  it('cuts nowhere inside of what was computed in one go', async () => {
    const runnable = await open();
    const prompt = count(11, 50);
    const cachedOf = async (ids: readonly number[]): Promise<number | undefined> =>
      (await ask(runnable, ids)).statistics.cachedTokens;
    const first = await ask(runnable, prompt);
    const turn = [...prompt, ...first.ids.slice(0, -1)];
    expect(await cachedOf([...turn, ...count(5, 20)])).toBe(turn.length);
    // Another second question, although it begins like the one before.
    expect(await cachedOf([...turn, ...count(5, 10), 7, 8])).toBe(turn.length);
    // Within the answer every token was computed alone.
    expect(await cachedOf([...turn.slice(0, -3), 7, 8, 9])).toBe(turn.length - 3);
    // Another first question: whatever it begins with, and however short.
    expect(await cachedOf([...prompt.slice(0, 20), 7])).toBe(0);
    expect(await cachedOf(prompt.slice(0, 10))).toBe(0);
    await runnable.model.close();
  });

  it('keeps the chunks before an edit, and answers as if there had been nothing before', async () => {
    const runnable = await open();
    const { chunk } = runnable.model;
    const prompt = count(11, 3 * chunk + 40);
    await ask(runnable, prompt);
    for (const place of [3 * chunk + 20, 2 * chunk, chunk + 1, chunk - 1]) {
      const edited = [...prompt.slice(0, place), 7, ...count(place, 30)];
      const reused = await ask(runnable, edited);
      expect(reused.statistics).toMatchObject({
        promptTokens: edited.length,
        cachedTokens: place - (place % chunk),
      });
      const again = await ask(runnable, edited);
      expect(again.statistics.cachedTokens).toBe(edited.length);
      const fresh = await ask(runnable, edited, { reuse: false });
      expect(fresh.statistics.cachedTokens).toBe(0);
      expect([reused.ids, again.ids]).toEqual([fresh.ids, fresh.ids]);
      // Back to the first branch.
      await ask(runnable, prompt);
    }
    await runnable.model.close();
  });

  it('keeps the chunks before an edit of a later question', async () => {
    const runnable = await open();
    const { chunk } = runnable.model;
    const first = count(0, 40);
    const { ids } = await ask(runnable, first);
    const turn = [...first, ...ids.slice(0, -1)];
    const question = count(5, 2 * chunk + 9);
    const original = await ask(runnable, [...turn, ...question]);
    const edited = await ask(runnable, [...turn, ...question.slice(0, chunk + 5), 7]);
    expect(edited.statistics.cachedTokens).toBe(turn.length + chunk);
    const back = await ask(runnable, [...turn, ...question]);
    expect(back.statistics.cachedTokens).toBe(turn.length + chunk);
    expect(back.ids).toEqual(original.ids);
    await runnable.model.close();
  });

  it('keeps what was read of a prompt that was stopped on its way', async () => {
    const runnable = await open();
    const { model } = runnable;
    const prompt = count(2, 6 * model.chunk);
    const expected = await ask(runnable, prompt);
    runnable.cache.clear();
    // As a stop would leave it: some chunks are read.
    await model.evaluate(prompt.slice(0, 2 * model.chunk), { rows: 'none' });
    runnable.cache.note(prompt, []);
    const answered = await ask(runnable, prompt);
    expect(answered.statistics.cachedTokens).toBe(2 * model.chunk);
    expect(answered.ids).toEqual(expected.ids);
    await model.close();
  });

  it('gives the same answer to the same question in the same place, whatever came between', async () => {
    const runnable = await open();
    const prompt = count(21, 45);
    const first = await ask(runnable, prompt);
    const second = [...prompt, ...first.ids, ...count(8, 30)];
    const answered = await ask(runnable, second);
    await ask(runnable, [...prompt, ...first.ids, ...count(8, 15), 77]);
    expect((await ask(runnable, second)).ids).toEqual(answered.ids);
    await ask(runnable, count(400, 30));
    expect((await ask(runnable, prompt)).ids).toEqual(first.ids);
    await runnable.model.close();
  });

  it('answers what was asked, whatever was asked before', async () => {
    const [used, fresh] = [await open(), await open()];
    await ask(used, count(1, 60));
    await ask(used, count(2, 20));
    await ask(used, [...count(2, 20), ...count(70, 5)]);
    const prompt = count(4, 33);
    const expected = await ask(fresh, prompt);
    expect((await ask(used, prompt)).ids).toEqual(expected.ids);
    await Promise.all([used.model.close(), fresh.model.close()]);
  });

  it('holds what a stopped answer had got to', async () => {
    const runnable = await open();
    const prompt = count(0, 40);
    const stopping = new AbortController();
    stopping.abort();
    const stopped = await ask(runnable, prompt, { signal: stopping.signal });
    expect(stopped.statistics.stop).toBe('cancelled');
    const answered = await ask(runnable, prompt);
    expect(answered.statistics.cachedTokens).toBe(0);
    const fresh = await ask(runnable, prompt, { reuse: false });
    expect(answered.ids).toEqual(fresh.ids);
    await runnable.model.close();
  });

  it('reuses the turns of a conversation through the chat template', async () => {
    const runnable = await open();
    const [tokenizer, template] = [await runnable.tokenizer(), await runnable.template()];
    const idsOf = (messages: Message[]): readonly number[] =>
      encodePrompt(tokenizer, template, messages).ids;
    const question: Message = { role: 'user', content: 'Hello there' };
    const first = idsOf([question]);
    await ask(runnable, first);
    const second = idsOf([
      question,
      { role: 'assistant', content: 'Yes' },
      { role: 'user', content: 'And then?' },
    ]);
    const { statistics } = await ask(runnable, second);
    // Other words than the model's own were put into its mouth: the question before them is still there.
    expect(statistics.cachedTokens).toBeGreaterThanOrEqual(first.length);
    expect(statistics.cachedTokens).toBeLessThan(second.length);
    await runnable.model.close();
  });

  it('reads only the end of a conversation whose last question was edited, and nothing to answer that again', async () => {
    const runnable = await open();
    const [tokenizer, template] = [await runnable.tokenizer(), await runnable.template()];
    const turns: Message[] = Array.from({ length: 20 }, (_, turn) => ({
      role: turn % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: `Turn ${turn}: ${'some words to be read, '.repeat(6)}`,
    }));
    const idsOf = (question: string): readonly number[] =>
      encodePrompt(tokenizer, template, [...turns, { role: 'user', content: question }]).ids;
    // As after a restart: all of it is one prompt.
    const before = idsOf('What was the first turn about?');
    expect(before.length).toBeGreaterThan(3 * runnable.model.chunk);
    expect((await ask(runnable, before)).statistics.cachedTokens).toBe(0);
    const after = idsOf('And the last one?');
    const edited = await ask(runnable, after);
    expect(edited.statistics.cachedTokens).toBeGreaterThan(after.length - 2 * runnable.model.chunk);
    expect((await ask(runnable, after)).statistics.cachedTokens).toBe(after.length);
    const fresh = await ask(runnable, after, { reuse: false });
    expect(edited.ids).toEqual(fresh.ids);
    await runnable.model.close();
  });
});
