import { appendFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  compareArtifacts,
  evaluateArtifact,
  exportLogits,
  type EvaluateOptions,
  type OpenRunner,
} from '../../../app/compare/index.ts';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import { comparisonSchema } from '../../../app/contract/comparison.ts';
import { AppError } from '../../../app/contract/error.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { runnerApi, type RunnerApi } from '../../../app/contract/runner-api.ts';
import { connect, serve, type Client, type Port } from '../../../app/contract/rpc.ts';
import { samplingInputSchema } from '../../../app/contract/sampling.ts';
import { createRunner } from '../../../app/runner.ts';
import { openRunner } from '../../../main/processes/open-runner.ts';
import { artifactIn } from '../../fixtures/artifact-in.ts';
import { chatModel } from '../../fixtures/chat-model.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { numbersOf, readSafetensors } from '../../fixtures/read-safetensors.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

/** Both ends of a channel within this process. */
function channel(): [Port, Port] {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const port = (own: number): Port => ({
    postMessage: (message) => {
      setImmediate(() =>
        listeners[1 - own]?.forEach((listener) => {
          listener(message);
        }),
      );
    },
    onMessage: (listener) => listeners[own]?.push(listener),
    onClose: () => undefined,
  });
  return [port(0), port(1)];
}

const opened: string[] = [];

/** A runner in this process: enough to test what is asked of it, and much faster to start. */
const openHere: OpenRunner = async ({ directory, mode = 'fast', contextLength, signal }) => {
  if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
  const [here, there] = channel();
  serve(runnerApi, createRunner(), there);
  const client: Client<RunnerApi> = connect(runnerApi, here);
  const loaded = await client.load({ directory, mode, contextLength });
  opened.push(directory);
  return {
    client,
    loaded,
    exited: new Promise(() => undefined),
    close: () => {
      opened.splice(opened.indexOf(directory), 1);
      return Promise.resolve();
    },
  };
};

const text = 'The dog ran over the hill and sat down beside the old tree. '.repeat(12);

let original: Artifact;
let small: Artifact;
let spillDirectory: string;

beforeAll(async () => {
  const source = await chatModel();
  const target = path.join(await scratchFolder(), 'nf4');
  await quantizeFolder(source, target, 'nf4');
  spillDirectory = await scratchFolder();
  original = await artifactIn(source, 'tiny-bf16', 'bf16');
  small = await artifactIn(target, 'tiny-nf4', 'nf4');
});

function evaluate(options: Partial<EvaluateOptions> = {}): ReturnType<typeof evaluateArtifact> {
  return evaluateArtifact({
    artifact: small,
    reference: null,
    text,
    mode: 'exact',
    spillDirectory,
    openRunner: openHere,
    ...options,
  });
}

/** Losses of a window one by one, by the definition. */
async function lossesOf(directory: string, windows: number[][]): Promise<number[]> {
  const { client } = await openHere({ directory, mode: 'exact' });
  opened.length = 0;
  const losses: number[] = [];
  for (const ids of windows)
    await client.score(
      { ids },
      {
        onEvent: ({ firstRow, logits }) => {
          for (let row = 0; row < logits.length / 4096; row++) {
            const target = ids[firstRow + row + 1];
            if (target === undefined) continue;
            const values = [...logits.subarray(row * 4096, (row + 1) * 4096)];
            const total = values.reduce((sum, value) => sum + Math.exp(value), 0);
            losses.push(-Math.log(Math.exp(values[target] ?? 0) / total));
          }
        },
      },
    );
  return losses;
}

describe('evaluating an artifact', () => {
  it('gives the perplexity of the text in windows behind a beginning each', async () => {
    const { client } = await openHere({ directory: small.directory });
    const { ids } = await client.tokenize({ text, addSpecialTokens: false });
    const windows: number[][] = [];
    for (let start = 0; start < ids.length; start += 63)
      windows.push([1, ...ids.slice(start, start + 63)]);
    const losses = await lossesOf(small.directory, windows);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(losses).toHaveLength(ids.length);

    const measured = await evaluate({ windowTokens: 64 });
    expect(measured).toMatchObject({ tokens: ids.length, windowTokens: 64, meanKl: null });
    expect(measured.perplexity).toBeCloseTo(Math.exp(mean), 6);
    expect(measured.perplexityError).toBeGreaterThan(0);
    expect(opened).toEqual([]);
  });

  it('measures nothing against itself and something against the original', async () => {
    const itself = await evaluate({ reference: small, windowTokens: 64 });
    expect(itself).toMatchObject({ meanKl: 0, p99Kl: 0, topAgreement: 1 });
    const other = await evaluate({ reference: original, windowTokens: 64 });
    expect(other.meanKl).toBeGreaterThan(0);
    expect(other.p99Kl).toBeGreaterThan(other.meanKl ?? 0);
    expect(other.topAgreement).toBeLessThan(1);
    expect(other.perplexity).toBe(itself.perplexity);
    expect(opened).toEqual([]);
  });

  it('reports its progress in tokens and stops where it is told to', async () => {
    const progress: Progress[] = [];
    const measured = await evaluate({
      maxTokens: 100,
      windowTokens: 32,
      onProgress: (step) => progress.push(step),
    });
    expect(measured.tokens).toBe(100);
    expect(progress.at(-1)).toMatchObject({
      step: 'tiny-nf4',
      phase: 'evaluate',
      artifact: 'tiny-nf4',
      format: 'nf4',
      unit: 'tokens',
      done: 100,
      total: 100,
    });
    const done = progress.map((step) => step.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });

  it('goes on where it was stopped, with the same figures to the bit', async () => {
    const journalFile = path.join(await scratchFolder(), 'measurement.jsonl');
    const what = { reference: original, windowTokens: 32 };
    const whole = await evaluate(what);
    const steps: number[] = [];
    const stop = new AbortController();
    let windows = 0;
    const stopped = evaluate({
      ...what,
      journalFile,
      signal: stop.signal,
      // After the second window, when the third is asked for.
      openRunner: async (options) => {
        const runner = await openHere(options);
        if (options.directory !== small.directory) return runner;
        const scoreTokens: typeof runner.client.scoreTokens = (...args) => {
          if (++windows === 3) stop.abort();
          return runner.client.scoreTokens(...args);
        };
        return { ...runner, client: { ...runner.client, scoreTokens } };
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    // As a process that is killed leaves it.
    await appendFile(journalFile, '{"losses":[1.5');
    const resumed = await evaluate({
      ...what,
      journalFile,
      onProgress: ({ done }) => steps.push(done),
    });
    expect(resumed).toEqual(whole);
    // From the first word on: at 0 it would seem to have begun anew.
    expect(steps[0]).toBeGreaterThanOrEqual(62);
    // Nothing is left to measure, and another reference is another measurement.
    expect(await evaluate({ ...what, journalFile })).toEqual(whole);
    const alone = await evaluate({ windowTokens: 32, journalFile });
    expect(alone).toEqual(await evaluate({ windowTokens: 32 }));
  });

  it('takes windows of 512 tokens where nobody says otherwise', async () => {
    expect((await evaluate({ maxTokens: 20 })).windowTokens).toBe(512);
  });

  it('refuses windows and texts that it cannot use', async () => {
    await expect(evaluate({ windowTokens: 513 })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(evaluate({ text: ' '.repeat(0) })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    expect(opened).toEqual([]);
  });

  it('refuses a reference that does not share its vocabulary', async () => {
    const directory = await chatModel({ vocabularySize: 4160 });
    const reference = await artifactIn(directory, 'other', 'bf16');
    await expect(evaluate({ reference })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('different tokens') as string,
    });
    expect(opened).toEqual([]);
  });

  it('can be cancelled, and closes its runners', async () => {
    const controller = new AbortController();
    const pending = evaluate({
      reference: original,
      windowTokens: 32,
      signal: controller.signal,
      onProgress: () => {
        controller.abort();
      },
    });
    await expect(pending).rejects.toMatchObject({ code: 'aborted' });
    expect(opened).toEqual([]);
  });
});

describe('comparing artifacts', () => {
  it('asks each in a process of its own and says where they part', async () => {
    const events: [string, number][] = [];
    const comparison = await compareArtifacts({
      artifacts: [original, original, small],
      prompt: 'Tell me about dogs',
      system: 'Be brief.',
      sampling: samplingInputSchema.parse({ temperature: 0.7, seed: 3 }),
      maxTokens: 24,
      mode: 'fast',
      openRunner,
      onTokens: (id, tokens) => events.push([id, tokens.length]),
    });
    expect(comparisonSchema.parse(comparison)).toEqual(comparison);
    const [first, again, other] = comparison.answers;
    expect(first?.tokens).toHaveLength(24);
    expect(again?.tokens.map(({ id }) => id)).toEqual(first?.tokens.map(({ id }) => id));
    expect(comparison.divergences[0]).toBeNull();
    expect(comparison.divergences[1]).toMatchObject({ artifactId: 'tiny-nf4' });
    expect(other?.weightsSha256).toBe(small.weightsSha256);
    expect(other?.memory.residentBytes).toBeGreaterThan(0);
    const streamed = events.filter(([id]) => id === 'tiny-nf4').reduce((sum, [, n]) => sum + n, 0);
    expect(streamed).toBe(24);
  });

  it('refuses to compare weights that the catalog does not know', async () => {
    const pending = compareArtifacts({
      artifacts: [{ ...original, weightsSha256: '0'.repeat(64) }, small],
      prompt: 'x',
      system: null,
      sampling: samplingInputSchema.parse({}),
      maxTokens: 2,
      mode: 'fast',
      openRunner: openHere,
    });
    await expect(pending).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(opened).toEqual([]);
  });

  it('is cancelled rather than made of answers that were cut off', async () => {
    const controller = new AbortController();
    const pending = compareArtifacts({
      artifacts: [original, small],
      prompt: 'x',
      system: null,
      sampling: samplingInputSchema.parse({ temperature: 1 }),
      maxTokens: 400,
      mode: 'fast',
      openRunner: openHere,
      signal: controller.signal,
      onTokens: () => {
        controller.abort();
      },
    });
    await expect(pending).rejects.toMatchObject({ code: 'aborted' });
    expect(opened).toEqual([]);
  });
});

describe('exporting logits', () => {
  it('writes them with the tokens, as safetensors', async () => {
    const { client } = await openHere({ directory: original.directory, mode: 'exact' });
    const file = path.join(await scratchFolder(), 'logits.safetensors');
    const ids = [1, 50, 60, 70, 80];
    await exportLogits({ client, ids, vocabularySize: 4096, file });
    const tensors = readSafetensors(file);
    expect(tensors.get('logits')?.shape).toEqual([5, 4096]);
    expect(numbersOf(tensors.get('input_ids'))).toEqual(ids);
    const written = numbersOf(tensors.get('logits'));
    const expected: number[] = [];
    await client.score({ ids }, { onEvent: ({ logits }) => expected.push(...logits) });
    expect(written).toEqual(expected);
  });

  it('leaves nothing behind when it fails', async () => {
    const { client } = await openHere({ directory: original.directory });
    const folder = await scratchFolder();
    const file = path.join(folder, 'logits.safetensors');
    const ids = [1, 99_999];
    await expect(exportLogits({ client, ids, vocabularySize: 4096, file })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    expect(await readdir(folder)).toEqual([]);
    const nowhere = path.join(folder, 'no', 'logits.safetensors');
    await expect(
      exportLogits({ client, ids: [1], vocabularySize: 4096, file: nowhere }),
    ).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(path.dirname(nowhere))).toBe(false);
  });
});
