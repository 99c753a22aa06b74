import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { compareArtifacts, type CompareOptions } from '../../../app/compare/index.ts';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import type { Comparison } from '../../../app/contract/comparison.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { samplingInputSchema } from '../../../app/contract/sampling.ts';
import { sampleArtifacts } from '../../fixtures/sample-artifacts.ts';
import { WAIT_MS } from '../../fixtures/wait.ts';
import { watchedRunners, type WatchedRunners } from '../../fixtures/watched-runners.ts';

let eight: Artifact;
let four: Artifact;
let reference: Artifact;

beforeAll(async () => {
  const made = await sampleArtifacts(['bf16', 'llm-int8', 'nf4']);
  const [first, second, third] = made;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('the sample artifacts are missing');
  [reference, eight, four] = [first, second, third];
});

function compare(
  runners: WatchedRunners,
  options: Partial<CompareOptions> = {},
): Promise<Comparison> {
  return compareArtifacts({
    artifacts: [reference, eight, four],
    prompt: 'Tell me a short story about a fox and an owl.',
    system: null,
    sampling: samplingInputSchema.parse({ temperature: 0.8, topP: 0.95, seed: 11 }),
    maxTokens: 40,
    mode: 'fast',
    arrangement: 'together',
    openRunner: runners.openRunner,
    ...options,
  });
}

/** Processes of this one that are runners, however they were started. Where there is no /proc, none can be listed. */
function runnerChildren(): string[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const status = readFileSync(`/proc/${pid}/status`, 'utf8');
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          return (
            status.includes(`PPid:\t${process.pid}\n`) && command.includes('runner-process.ts')
          );
        } catch {
          // It ended while we looked.
          return false;
        }
      });
  } catch {
    return [];
  }
}

describe('comparing together', () => {
  it('gives the texts that each gives alone, whatever the number of threads', async () => {
    const runners = watchedRunners();
    const progress: Progress[] = [];
    let asked = 0;
    let askedAtFirstWord: number | null = null;
    const together = await compare(runners, {
      openRunner: async (options) => {
        const runner = await runners.openRunner(options);
        const chat: typeof runner.client.chat = (...question) => {
          asked++;
          return runner.client.chat(...question);
        };
        return { ...runner, client: { ...runner.client, chat } };
      },
      onProgress: (step) => progress.push(step),
      onTokens: () => {
        askedAtFirstWord ??= asked;
      },
    });
    expect(together.arrangement).toBe('together');
    expect(runners.opened.map(({ threads }) => threads)).toEqual(
      Array.from({ length: 3 }, () => Math.max(1, Math.floor(availableParallelism() / 3))),
    );
    expect(runners.alive()).toBe(0);
    const texts = together.answers.map(({ text }) => text);
    expect(texts.every((text) => text.length > 20)).toBe(true);

    for (const threads of [1, 2]) {
      const alone = await compare(runners, { arrangement: 'alone', threads });
      expect(alone.answers.map(({ text }) => text)).toEqual(texts);
      expect(alone.answers.map(({ artifactId }) => artifactId)).toEqual(
        together.answers.map(({ artifactId }) => artifactId),
      );
      expect(alone.divergences.map((divergence) => divergence?.token)).toEqual(
        together.divergences.map((divergence) => divergence?.token),
      );
    }

    // No column waits for another to be done: all were loaded and asked before the first word.
    expect(askedAtFirstWord).toBe(3);

    const loads = progress.filter(({ phase }) => phase === 'load');
    expect(new Set(loads.map(({ step }) => step)).size).toBe(3);
    expect(loads.filter(({ done, total }) => done === total)).toHaveLength(3);
    expect(progress.at(-1)).toMatchObject({ phase: 'compare', done: 3, total: 3 });
  });

  it('keeps ten alternatives of every token', async () => {
    const { answers } = await compare(watchedRunners(), {
      artifacts: [eight, four],
      maxTokens: 3,
    });
    for (const { tokens } of answers)
      for (const { alternatives } of tokens) {
        expect(alternatives).toHaveLength(10);
        const logprobs = alternatives.map(({ logprob }) => logprob);
        expect(logprobs).toEqual([...logprobs].sort((a, b) => b - a));
      }
  });

  it('ends with the name of the artifact whose runner dies, and leaves no process behind', async () => {
    const runners = watchedRunners();
    let killed = false;
    const pending = compare(runners, {
      artifacts: [eight, four],
      maxTokens: 500,
      onTokens: (id) => {
        if (id !== four.id || killed) return;
        killed = true;
        const victim = runners.opened.find(
          ({ runner }) => runner.loaded.weightsSha256 === four.weightsSha256,
        );
        process.kill(victim?.runner.pid ?? 0, 'SIGKILL');
      },
    });
    await expect(pending).rejects.toMatchObject({
      code: 'runner-crashed',
      message: expect.stringMatching(/^sample-nf4: .*SIGKILL/) as string,
    });
    expect(runners.opened).toHaveLength(2);
    expect(runners.alive()).toBe(0);
    expect(runnerChildren()).toEqual([]);
  });

  it('ends when one cannot be loaded, with the others', async () => {
    const runners = watchedRunners();
    const gone = { ...four, directory: `${four.directory}-gone` };
    await expect(compare(runners, { artifacts: [eight, gone] })).rejects.toMatchObject({
      message: expect.stringMatching(/^sample-nf4: /) as string,
    });
    expect(runners.alive()).toBe(0);
    const changed = { ...four, weightsSha256: '0'.repeat(64) };
    await expect(compare(runners, { artifacts: [eight, changed] })).rejects.toMatchObject({
      code: 'checksum-mismatch',
    });
    expect(runnerChildren()).toEqual([]);
  });

  it('leaves no process behind when it is cancelled, loading or answering', async () => {
    for (const moment of ['load', 'answer']) {
      const runners = watchedRunners();
      const controller = new AbortController();
      const pending = compare(runners, {
        maxTokens: 500,
        signal: controller.signal,
        onProgress: ({ phase }) => {
          if (moment !== 'load' || phase !== 'load') return;
          // Processes are there, and what they load is on its way.
          void vi
            .waitUntil(() => runnerChildren().length > 0, { timeout: WAIT_MS, interval: 1 })
            .then(() => controller.abort());
        },
        onTokens: () => {
          if (moment === 'answer') controller.abort();
        },
      });
      await expect(pending).rejects.toMatchObject({ code: 'aborted' });
      expect(runners.alive()).toBe(0);
      expect(runnerChildren()).toEqual([]);
    }
  });

  it('refuses one, five, or the same one twice', async () => {
    const runners = watchedRunners();
    for (const artifacts of [[four], [four, eight, reference, four, eight], [four, four]])
      await expect(compare(runners, { artifacts })).rejects.toMatchObject({
        code: 'invalid-input',
      });
    expect(runners.opened).toEqual([]);
  });
});
