import { availableParallelism } from 'node:os';
import { storedWeightsBytes, type Artifact } from '../contract/checkpoint.ts';
import type { ComparedAnswer } from '../contract/comparison.ts';
import { AppError } from '../contract/error.ts';
import type { Progress } from '../contract/progress.ts';
import { ProgressMeter } from '../progress/index.ts';
import { askArtifact, namingArtifact, openArtifact, type CompareOptions } from './ask-artifact.ts';
import type { OpenedRunner } from './open-runner.ts';

/** A function, because the compiler takes a flag that it saw unset for unset. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Columns that fit on a screen, and models that fit in a memory. */
const MOST_TOGETHER = 4;

function requireFitTogether(artifacts: readonly Artifact[]): void {
  if (artifacts.length < 2 || artifacts.length > MOST_TOGETHER)
    throw new AppError(
      'invalid-input',
      `${artifacts.length} artifacts cannot answer side by side; it takes 2 to ${MOST_TOGETHER}.`,
      { remedy: 'Choose fewer, or let them answer one after the other.' },
    );
  const ids = artifacts.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined)
    throw new AppError('invalid-input', `${twice} cannot answer in two columns at the same time.`, {
      remedy: 'Choose each artifact once, or let them answer one after the other.',
    });
}

/** A chat template's own words: the longest known ones (tool calls, a date, a policy) have some two thousand tokens. */
const TEMPLATE_TOKENS = 4096;

/** Tokens that are enough for the question and its answer: no tokenizer makes more tokens than a text has bytes. */
function contextFor({ prompt, system, maxTokens }: CompareOptions): number {
  return Buffer.byteLength(`${system ?? ''}${prompt}`) + maxTokens + TEMPLATE_TOKENS;
}

/**
 * Does all of the work at the same time. When one fails, `onFailure` is called, the others are waited for and the first
 * error is thrown: nothing goes on behind the caller's back.
 */
async function allOrNone<T>(work: readonly Promise<T>[], onFailure: () => void): Promise<T[]> {
  try {
    return await Promise.all(work);
  } catch (error) {
    onFailure();
    await Promise.allSettled(work);
    throw error;
  }
}

function loadingMeter(
  artifact: Artifact,
  onProgress: ((progress: Progress) => void) | undefined,
): ProgressMeter {
  return new ProgressMeter({
    step: `load ${artifact.id}`,
    phase: 'load',
    subject: artifact.name,
    artifact: artifact.id,
    format: artifact.scheme,
    unit: 'bytes',
    total: storedWeightsBytes(artifact),
    onProgress,
  });
}

/**
 * Loads all artifacts, then has them answer at the same time, the cores shared out among them.
 *
 * @param onAnswer Called as each answer ends.
 * @returns in the order of the artifacts
 * @throws AppError the first failure, naming its artifact; every runner is ended before it is thrown
 */
export async function askTogether(
  options: CompareOptions,
  onAnswer: (artifact: Artifact) => void,
): Promise<ComparedAnswer[]> {
  const { artifacts, mode, cacheType, openRunner, signal, onProgress, onTokens } = options;
  requireFitTogether(artifacts);
  if (isAborted(signal)) throw new AppError('aborted', 'Cancelled.');
  const threads =
    options.threads ?? Math.max(1, Math.floor(availableParallelism() / artifacts.length));
  const opened: OpenedRunner[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(opened.map((runner) => runner.close()));
  };
  const failed = new AbortController();
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  // A runner that does not listen is ended, which rejects what it was asked. `close` may be called twice.
  either.addEventListener('abort', () => void closeAll());
  const together = <T>(work: (artifact: Artifact, index: number) => Promise<T>): Promise<T[]> =>
    allOrNone(
      artifacts.map((artifact, index) =>
        work(artifact, index).catch((error: unknown) => {
          throw namingArtifact(artifact, error);
        }),
      ),
      () => {
        failed.abort();
      },
    );
  try {
    const runners = await together(async (artifact) => {
      const meter = loadingMeter(artifact, onProgress);
      meter.announce(artifact.name);
      const runner = await openArtifact(openRunner, artifact, {
        mode,
        cacheType,
        threads,
        // Caches as long as the models allow would not fit beside each other.
        maxContextLength: contextFor(options),
        signal: either,
      });
      opened.push(runner);
      meter.finish();
      return runner;
    });
    return await together(async (artifact, index) => {
      const runner = runners[index];
      if (runner === undefined) throw new AppError('internal', 'A runner is missing.');
      const answer = await askArtifact(runner, artifact, options, either, onTokens);
      onAnswer(artifact);
      return answer;
    });
  } catch (error) {
    if (isAborted(signal)) throw new AppError('aborted', 'Cancelled.', { cause: error });
    throw error;
  } finally {
    await closeAll();
  }
}
