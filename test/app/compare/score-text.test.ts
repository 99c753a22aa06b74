import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { scoreText, type ScoreTextOptions } from '../../../app/compare/index.ts';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import { scoredTextSchema, type ScoredText } from '../../../app/contract/comparison.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { openRunner } from '../../../main/processes/open-runner.ts';
import { artifactIn } from '../../fixtures/artifact-in.ts';
import { chatModel } from '../../fixtures/chat-model.ts';
import { sampleArtifacts } from '../../fixtures/sample-artifacts.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { watchedRunners } from '../../fixtures/watched-runners.ts';

const text = 'Once upon a time a fox met an owl – “naïve”, said 小狐 👩‍🚀, and flew home.';

let reference: Artifact;
let four: Artifact;
let eight: Artifact;
let spillDirectory: string;
beforeAll(async () => {
  const [first, second, third] = await sampleArtifacts(['bf16', 'nf4', 'llm-int8']);
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('the sample artifacts are missing');
  [reference, four, eight] = [first, second, third];
  spillDirectory = await scratchFolder();
});

function score(options: Partial<ScoreTextOptions> = {}): Promise<ScoredText> {
  return scoreText({
    reference,
    others: [four, eight],
    text,
    mode: 'exact',
    spillDirectory,
    openRunner,
    ...options,
  });
}

/** All rows of logits, from a runner of the test's own. */
async function logitsOf(artifact: Artifact, ids: number[]): Promise<number[][]> {
  const runner = await openRunner({ directory: artifact.directory, mode: 'exact' });
  const rows: number[][] = [];
  await runner.client.score(
    { ids },
    {
      onEvent: ({ logits }) => {
        for (let at = 0; at < logits.length; at += runner.loaded.vocabularySize)
          rows.push([...logits.subarray(at, at + runner.loaded.vocabularySize)]);
      },
    },
  );
  await runner.close();
  return rows;
}

/** p = e^x / Σ e^x, by the definition. */
function probabilities(row: readonly number[]): number[] {
  const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
  return row.map((value) => Math.exp(value) / total);
}

describe('scoring a text', () => {
  it('gives at every token what the logits give by the definition', async () => {
    const scored = await score();
    expect(scoredTextSchema.parse(scored)).toEqual(scored);
    expect(scored.columns.map(({ artifactId }) => artifactId)).toEqual([
      'sample-bf16',
      'sample-nf4',
      'sample-llm-int8',
    ]);
    const ids = scored.tokens.map(({ id }) => id);
    const expected = await logitsOf(reference, ids);
    for (const [i, artifact] of [reference, four, eight].entries()) {
      const column = scored.columns[i];
      const rows = await logitsOf(artifact, ids);
      expect(column?.weightsSha256).toBe(artifact.weightsSha256);
      expect([column?.logprobs[0], column?.kl[0], column?.agrees[0]]).toEqual([null, null, null]);
      let loss = 0;
      let divergence = 0;
      let agreements = 0;
      for (let token = 1; token < ids.length; token++) {
        const p = probabilities(expected[token - 1] ?? []);
        const q = probabilities(rows[token - 1] ?? []);
        const kl = p.reduce((sum, value, id) => sum + value * Math.log(value / (q[id] ?? 0)), 0);
        const logprob = Math.log(q[ids[token] ?? 0] ?? 0);
        const agrees = p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q));
        expect(column?.kl[token]).toBeCloseTo(kl, 9);
        expect(column?.logprobs[token]).toBeCloseTo(logprob, 9);
        expect(column?.agrees[token]).toBe(agrees);
        loss -= logprob;
        divergence += kl;
        agreements += agrees ? 1 : 0;
      }
      const count = ids.length - 1;
      expect(column?.perplexity).toBeCloseTo(Math.exp(loss / count), 6);
      expect(column?.meanKl).toBeCloseTo(divergence / count, 9);
      expect(column?.topAgreement).toBeCloseTo(agreements / count, 12);
    }
    expect(scored.columns[0]).toMatchObject({ meanKl: 0, topAgreement: 1 });
    // 4 bit is further away than 8 bit.
    expect(scored.columns[1]?.meanKl).toBeGreaterThan(scored.columns[2]?.meanKl ?? Number.NaN);
    expect(readdirSync(spillDirectory)).toEqual([]);
  });

  it('gives each token the text that it completes, and all of it together', async () => {
    const scored = await score({ others: [four] });
    expect(scored.text).toBe(text);
    expect(scored.tokens.map((token) => token.text).join('')).toBe(text);
    // The astronaut has more bytes than one token of this vocabulary: some of them add nothing yet.
    expect(scored.tokens.slice(1).some((token) => token.text === '')).toBe(true);
    expect(scored.tokens.every((token) => !token.text.includes('\uFFFD'))).toBe(true);
  });

  it('reads no more than the context holds, and the beginning of the text then', async () => {
    const long = 'The fox and the owl went home. '.repeat(300);
    const scored = await score({ text: long, others: [four], mode: 'fast' });
    expect(scored.tokens).toHaveLength(1024);
    expect(long.startsWith(scored.text)).toBe(true);
    expect(scored.columns[1]?.kl).toHaveLength(1024);
    expect(scored.columns[1]?.kl.slice(1).every((value) => (value ?? -1) >= 0)).toBe(true);
  });

  it('says how far it is, over all models', async () => {
    const progress: Progress[] = [];
    const scored = await score({ onProgress: (step) => progress.push(step) });
    expect(progress.at(-1)).toMatchObject({ phase: 'evaluate', unit: 'tokens' });
    expect(progress.at(-1)?.done).toBe((scored.tokens.length - 1) * 3);
    expect(new Set(progress.map(({ detail }) => detail))).toEqual(
      new Set(['sample-bf16', 'sample-nf4', 'sample-llm-int8']),
    );
  });

  it('refuses models that read other tokens, nothing to compare, and no text to speak of', async () => {
    const directory = await chatModel({ vocabularySize: 4160 });
    const stranger = await artifactIn(directory, 'stranger', 'bf16');
    await expect(score({ others: [stranger] })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringMatching(/^stranger: .*different tokens/) as string,
    });
    await expect(score({ others: [reference] })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(score({ text: '' })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('too short') as string,
    });
    expect(readdirSync(spillDirectory)).toEqual([]);
  });

  it('ends its runners and its file when it is cancelled', async () => {
    const runners = watchedRunners();
    const controller = new AbortController();
    const pending = score({
      openRunner: runners.openRunner,
      signal: controller.signal,
      onProgress: ({ done, detail }) => {
        if (done > 0 || detail === 'sample-nf4') controller.abort();
      },
    });
    await expect(pending).rejects.toMatchObject({ code: 'aborted' });
    expect(runners.opened.length).toBeGreaterThan(0);
    expect(runners.alive()).toBe(0);
    expect(readdirSync(spillDirectory)).toEqual([]);
  });
});
