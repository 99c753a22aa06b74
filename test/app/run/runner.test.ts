import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { connect, serve, type Client, type Port } from '../../../app/contract/rpc.ts';
import { runnerApi, type LoadedModel, type RunnerApi } from '../../../app/contract/runner-api.ts';
import type { GeneratedToken } from '../../../app/contract/sampling.ts';
import { createRunner } from '../../../app/runner.ts';
import { chatModel } from '../../fixtures/chat-model.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';
import { tensorsHashOf } from '../../fixtures/tensors-hash.ts';

type Runner = Client<RunnerApi>;

/** A runner behind a channel, so that everything it says is checked against the contract. */
function runner(): Runner {
  const { port1, port2 } = new MessageChannel();
  const portOf = (port: typeof port1): Port => ({
    postMessage: (message) => {
      port.postMessage(message);
    },
    onMessage: (listener) => {
      port.on('message', listener);
      port.unref();
    },
    onClose: () => undefined,
  });
  serve(runnerApi, createRunner(), portOf(port1));
  return connect(runnerApi, portOf(port2));
}

const sampling = { temperature: 1, topK: 40, seed: 11 };
const messages = [{ role: 'user' as const, content: 'Hello there' }];

function indexOfMost(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

describe('a runner', () => {
  let directory: string;
  let client: Runner;
  let loaded: LoadedModel;

  beforeAll(async () => {
    directory = await chatModel();
    client = runner();
    loaded = await client.load({ directory, mode: 'exact' });
  });

  it('says what it has loaded', async () => {
    const weights = await readFile(path.join(directory, 'model.safetensors'));
    expect(loaded).toMatchObject({
      architecture: 'LlamaForCausalLM',
      vocabularySize: 4096,
      contextLength: 512,
      weightsSha256: tensorsHashOf(weights),
      hasTokenizer: true,
      hasChatTemplate: true,
      // generation_config and config say 2, the tokenizer's end of a turn is 3.
      stopIds: [2, 3],
      recommendedSampling: {},
      device: 'cpu',
      deviceReason: null,
    });
  });

  it('loads one model only', async () => {
    await expect(client.load({ directory })).rejects.toMatchObject({ code: 'busy' });
  });

  it('answers with tokens whose texts make up the answer', async () => {
    const tokens: GeneratedToken[] = [];
    let batches = 0;
    const answer = await client.chat(
      { messages, sampling, maxTokens: 40, alternatives: 3 },
      {
        onEvent: (batch) => {
          batches++;
          tokens.push(...batch);
        },
      },
    );
    expect(tokens.map(({ id }) => id)).toEqual(answer.ids);
    expect(answer.text.startsWith(tokens.map(({ text }) => text).join(''))).toBe(true);
    expect(batches).toBeLessThan(40);
    expect(tokens[0]?.alternatives).toHaveLength(3);
    expect(tokens[0]?.alternatives[0]?.text).not.toBe('');
    expect(answer.promptText).toContain('Hello there');
    const { statistics, memory } = answer;
    expect(statistics).toMatchObject({ stop: 'max-tokens', generatedTokens: 40 });
    expect(statistics.timeToFirstTokenMs).toBeGreaterThan(0);
    expect(statistics.prefillRate).toBeGreaterThan(0);
    expect(statistics.decodeRate).toBeGreaterThan(0);
    expect(memory.cacheBytes).toBeGreaterThan(0);
    expect((await client.memory({})).residentBytes).toBeGreaterThan(0);
  });

  it('gives the same answer to the same seed whatever was asked before', async () => {
    const ask = (seed: number): Promise<{ ids: number[] }> =>
      client.chat({ messages, sampling: { ...sampling, seed }, maxTokens: 24 });
    const first = await ask(11);
    const other = await ask(12);
    expect((await ask(11)).ids).toEqual(first.ids);
    expect(other.ids).not.toEqual(first.ids);
  });

  it('scores what it would generate', async () => {
    const ids = [1, 300, 301, 302];
    const greedy = await client.generate({ ids, sampling: {}, maxTokens: 8, ignoreStopIds: true });
    const given = [...ids, ...greedy.ids];
    const rows: number[] = [];
    const best: number[] = [];
    const result = await client.score(
      { ids: given },
      {
        onEvent: ({ firstRow, logits }) => {
          for (let row = 0; row < logits.length / 4096; row++) {
            rows.push(firstRow + row);
            const values = logits.subarray(row * 4096, (row + 1) * 4096);
            best.push(values.indexOf(Math.max(...values)));
          }
        },
      },
    );
    expect(result).toMatchObject({ rows: given.length });
    expect(rows).toEqual(given.map((_, i) => i));
    expect(best.slice(ids.length - 1, -1)).toEqual(greedy.ids);
  });

  it('sends scores in pieces of at most 8 MB', async () => {
    const sizes: number[] = [];
    await client.score(
      { ids: Array.from({ length: 512 }, (_, i) => i) },
      {
        onEvent: ({ logits }) => {
          sizes.push(logits.byteLength);
        },
      },
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(512 * 4096 * 4);
  });

  it('scores tokens where the logits are: what these say, and the way from those of another model', async () => {
    const folder = await scratchFolder();
    const other = runner();
    await quantizeFolder(directory, path.join(folder, 'nf4'), 'nf4');
    await other.load({ directory: path.join(folder, 'nf4'), mode: 'exact' });
    // More than are computed at a time.
    const ids = Array.from({ length: 300 }, (_, i) => (i * 37) % 4096);
    const logitsOf = async (of: Runner): Promise<Float32Array> => {
      const all = new Float32Array(ids.length * 4096);
      await of.score(
        { ids },
        { onEvent: ({ firstRow, logits }) => all.set(logits, firstRow * 4096) },
      );
      return all;
    };
    const keep = path.join(folder, 'logits');
    await writeFile(keep, '');
    const scoresOf = async (
      of: Runner,
      files: { keep?: string; reference?: string },
    ): Promise<{ losses: number[]; kl: number[]; sameTop: number[] }> => {
      const scores = { losses: [] as number[], kl: [] as number[], sameTop: [] as number[] };
      const result = await of.scoreTokens(
        { ids, first: 2, end: 299, ...files },
        {
          onEvent: ({ firstRow, losses, kl, sameTop }) => {
            expect(firstRow).toBe(2 + scores.losses.length);
            scores.losses.push(...losses);
            scores.kl.push(...kl);
            scores.sameTop.push(...sameTop);
          },
        },
      );
      expect(result).toMatchObject({ rows: 297 });
      return scores;
    };
    const alone = await scoresOf(client, { keep });
    expect(alone.kl).toEqual([]);
    const [p, q] = [await logitsOf(client), await logitsOf(other)];
    expect(new Float32Array((await readFile(keep)).buffer).slice(2 * 4096)).toEqual(
      p.slice(2 * 4096, 299 * 4096),
    );
    const scored = await scoresOf(other, { reference: keep });
    const rowOf = (logits: Float32Array, row: number): number[] => {
      const values = [...logits.subarray(row * 4096, (row + 1) * 4096)];
      const peak = Math.max(...values);
      const logSum =
        peak + Math.log(values.reduce((sum, value) => sum + Math.exp(value - peak), 0));
      return values.map((value) => value - logSum);
    };
    for (let row = 2; row < 299; row++) {
      const [expected, actual] = [rowOf(p, row), rowOf(q, row)];
      const kl = expected.reduce((sum, x, i) => sum + Math.exp(x) * (x - (actual[i] ?? 0)), 0);
      const next = ids[row + 1] ?? 0;
      expect(Math.abs((alone.losses[row - 2] ?? 0) + (expected[next] ?? 0))).toBeLessThan(1e-12);
      expect(Math.abs((scored.losses[row - 2] ?? 0) + (actual[next] ?? 0))).toBeLessThan(1e-12);
      expect(Math.abs((scored.kl[row - 2] ?? 0) - kl)).toBeLessThan(1e-12);
      const isSame = indexOfMost(expected) === indexOfMost(actual);
      expect(scored.sameTop[row - 2]).toBe(Number(isSame));
    }
    // Rows without a token behind them, and files that are not there or too short.
    await expect(client.scoreTokens({ ids, first: 2, end: 300 })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    const missing = { ids, first: 0, end: 9, reference: path.join(folder, 'none') };
    await expect(client.scoreTokens(missing)).rejects.toMatchObject({ code: 'not-found' });
    await writeFile(keep, 'short');
    await expect(
      client.scoreTokens({ ids, first: 0, end: 9, reference: keep }),
    ).rejects.toMatchObject({ code: 'malformed-file' });
  });

  it('refuses what does not fit into the context, with both numbers', async () => {
    const ids = Array.from({ length: 512 }, () => 5);
    const request = { ids, sampling: {}, maxTokens: 1 };
    await expect(client.generate(request)).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringMatching(/512 tokens.*context holds 512 with the answer/) as string,
    });
    const long = [{ role: 'user' as const, content: 'word '.repeat(2000) }];
    await expect(client.chat({ messages: long, sampling: {}, maxTokens: 1 })).rejects.toMatchObject(
      { code: 'invalid-input' },
    );
    await expect(client.score({ ids: [...ids, 5] })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    // One token fewer leaves room for exactly one.
    const answer = await client.generate({
      ...request,
      ids: ids.slice(1),
      maxTokens: 5,
      ignoreStopIds: true,
    });
    expect(answer.statistics.stop).toBe('context-full');
  });

  it('takes a top-k beyond every vocabulary for what it says: nothing is cut off', async () => {
    const ask = (topK: number): Promise<{ ids: number[] }> =>
      client.chat({ messages, sampling: { ...sampling, topK }, maxTokens: 8 });
    expect((await ask(Number.MAX_SAFE_INTEGER)).ids).toEqual((await ask(0)).ids);
  });

  it('refuses ids that the model does not have', async () => {
    const request = { ids: [1, 4096], sampling: {}, maxTokens: 1 };
    await expect(client.generate(request)).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('generates nothing when asked for nothing', async () => {
    const answer = await client.generate({ ids: [1, 2, 3], sampling: {}, maxTokens: 0 });
    expect(answer).toMatchObject({ text: '', ids: [] });
    expect(answer.statistics.generatedTokens).toBe(0);
  });

  it('stops when it is told to, and answers the next question', async () => {
    const controller = new AbortController();
    const answer = await client.generate(
      { ids: [1], sampling, maxTokens: 500, ignoreStopIds: true },
      {
        signal: controller.signal,
        onEvent: () => {
          controller.abort();
        },
      },
    );
    expect(answer.statistics.stop).toBe('cancelled');
    expect(answer.ids.length).toBeLessThan(500);
    const next = await client.generate({ ids: [1], sampling, maxTokens: 3, ignoreStopIds: true });
    expect(next.ids).toHaveLength(3);
  });

  it('answers calls one after another', async () => {
    const order: string[] = [];
    const note = (name: string) => (): void => void order.push(name);
    const request = { ids: [1, 2], sampling, maxTokens: 60, ignoreStopIds: true };
    await Promise.all([
      client.generate(request, { onEvent: note('first') }).then(note('first done')),
      client
        .generate({ ...request, maxTokens: 2 }, { onEvent: note('second') })
        .then(note('second done')),
    ]);
    expect(order.indexOf('second')).toBeGreaterThan(order.lastIndexOf('first'));
    expect(order.indexOf('first done')).toBeLessThan(order.indexOf('second done'));
  });

  it('turns text into tokens and back', async () => {
    const { ids } = await client.tokenize({ text: 'Zürich 🏔' });
    expect(ids[0]).toBe(1);
    const { text, pieces } = await client.detokenize({ ids });
    expect(text).toBe('<|bos|>Zürich 🏔');
    expect(pieces).toHaveLength(ids.length);
    expect(pieces.join('')).toBe(text);
  });
});

describe('loading', () => {
  it('takes a folder without a tokenizer for raw tokens', async () => {
    const directory = await scratchFolder();
    await writeTinyCheckpoint(directory);
    const client = runner();
    const loaded = await client.load({ directory });
    expect(loaded).toMatchObject({ hasTokenizer: false, hasChatTemplate: false, stopIds: [2] });
    const answer = await client.generate({
      ids: [3, 4],
      sampling: {},
      maxTokens: 4,
      ignoreStopIds: true,
    });
    expect(answer.ids).toHaveLength(4);
    expect(answer.text).toBe('');
    await expect(client.chat({ messages, sampling: {}, maxTokens: 4 })).rejects.toMatchObject({
      code: 'missing-tokenizer',
    });
  });

  it('continues the bare text where there is no template', async () => {
    const directory = await chatModel();
    await rm(path.join(directory, 'chat_template.jinja'));
    const config = path.join(directory, 'tokenizer_config.json');
    const text = await readFile(config, 'utf8');
    await writeFile(config, text.replace('"chat_template"', '"no_template"'));
    const client = runner();
    expect((await client.load({ directory })).hasChatTemplate).toBe(false);
    const answer = await client.chat({ messages, sampling: {}, maxTokens: 2 });
    expect(answer.promptText).toBe('Hello there');
  });

  it('gathers stop tokens and recommendations from every file that has them', async () => {
    const directory = await chatModel({ config: { eos_token_id: [7, 8] } });
    await writeFile(
      path.join(directory, 'generation_config.json'),
      JSON.stringify({
        eos_token_id: [9, 8, 99_999],
        do_sample: true,
        temperature: 0.6,
        top_k: 20,
        top_p: 0.95,
        min_p: 2,
      }),
    );
    const loaded = await runner().load({ directory });
    expect([...loaded.stopIds].sort((a, b) => a - b)).toEqual([3, 7, 8, 9]);
    expect(loaded.recommendedSampling).toEqual({ temperature: 0.6, topK: 20, topP: 0.95 });
  });

  it('reads what Python writes, and needs no file of the chat for raw tokens', async () => {
    const copy = path.join(await scratchFolder(), 'model');
    await cp(await chatModel(), copy, { recursive: true });
    const write = (name: string, text: string): Promise<void> =>
      writeFile(path.join(copy, name), text);
    await write(
      'generation_config.json',
      '{"do_sample": true, "temperature": NaN, "top_p": 0.5, "top_k": Infinity, "eos_token_id": [9, -1]}',
    );
    const stopsOf = async (): Promise<LoadedModel> =>
      runner().load({ directory: copy, mode: 'exact' });
    const read = await stopsOf();
    expect(read.stopIds).toContain(9);
    expect(read.recommendedSampling).toEqual({ topP: 0.5 });
    for (const name of ['generation_config.json', 'tokenizer_config.json', 'tokenizer.json'])
      await write(name, '{"broken": ');
    const client = runner();
    await client.load({ directory: copy, mode: 'exact' });
    const answer = await client.generate({ ids: [1, 300], sampling: {}, maxTokens: 2 });
    expect(answer.ids.length).toBeGreaterThan(0);
    await expect(client.tokenize({ text: 'a' })).rejects.toMatchObject({
      code: 'malformed-file',
    });
  });

  it('finds the end of a turn in tokenizer.json where nothing else lists it', async () => {
    const directory = await chatModel();
    await writeFile(path.join(directory, 'tokenizer_config.json'), '{"eos_token": "<|im_end|>"}');
    expect((await runner().load({ directory })).stopIds).toContain(3);
  });

  it('keeps to the context it is given, and refuses one that the model was not made for', async () => {
    const directory = await chatModel();
    const client = runner();
    await expect(client.load({ directory, contextLength: 513 })).rejects.toMatchObject({
      code: 'invalid-input',
      remedy: expect.stringContaining('512') as string,
    });
    // A failed attempt does not count.
    expect((await client.load({ directory, contextLength: 20 })).contextLength).toBe(20);
    const answer = await client.generate({
      ids: [1, 2, 3],
      sampling,
      maxTokens: 100,
      ignoreStopIds: true,
    });
    expect(answer.statistics.stop).toBe('context-full');
    expect(answer.ids).toHaveLength(20 - 3 + 1);
  });

  it('runs a folder that was moved', async () => {
    const directory = await chatModel();
    await runner().load({ directory });
    const moved = path.join(await scratchFolder(), 'moved');
    await cp(directory, moved, { recursive: true });
    await rm(directory, { recursive: true });
    await expect(runner().load({ directory: moved })).resolves.toBeDefined();
  });

  it('runs what transformers and bitsandbytes would have saved, without a file of ours', async () => {
    const source = await chatModel();
    const artifact = path.join(await scratchFolder(), 'nf4');
    await quantizeFolder(source, artifact, 'nf4-dq');
    const ours = await runner().load({ directory: artifact });
    for (const file of ['nibble.json', 'graph.onnx']) await rm(path.join(artifact, file));
    const client = runner();
    const foreign = await client.load({ directory: artifact });
    expect(foreign.weightsSha256).toBe(ours.weightsSha256);
    expect((await client.chat({ messages, sampling: {}, maxTokens: 4 })).ids).not.toHaveLength(0);
  });

  it('notices that foreign weights have changed', async () => {
    const directory = await chatModel();
    const first = await runner().load({ directory });
    expect((await runner().load({ directory })).weightsSha256).toBe(first.weightsSha256);
    await writeTinyCheckpoint(directory, { vocabularySize: 4096, seed: 2 });
    expect((await runner().load({ directory })).weightsSha256).not.toBe(first.weightsSha256);
  });

  it('refuses calls before a model is there', async () => {
    await expect(runner().memory({})).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('says what is missing in a folder that is none', async () => {
    const directory = await scratchFolder();
    await expect(runner().load({ directory })).rejects.toMatchObject({ code: 'not-found' });
  });
});
