import { beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../../../app/contract/runner-api.ts';
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
  directory = await chatModel();
});

async function open(): Promise<RunnableModel> {
  return loadModel({ directory, mode: 'fast', threads: 2 });
}

function ask(
  runnable: RunnableModel,
  ids: readonly number[],
  { maxTokens = 12, reuse = true, signal = new AbortController().signal }: Options = {},
): Promise<Answer> {
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
    const tokenizer = await runnable.tokenizer();
    const idsOf = (messages: Message[]): readonly number[] =>
      encodePrompt(tokenizer, runnable.template, messages).ids;
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
});
