import { storedWeightsBytes, type Artifact } from '../contract/checkpoint.ts';
import { otherWeights } from '../contract/weights-check.ts';
import type { ComparedAnswer, Comparison } from '../contract/comparison.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { Progress } from '../contract/progress.ts';
import type { CacheType, GeneratedToken, Message, Sampling } from '../contract/sampling.ts';
import type { OpenedRunner, OpenRunner, OpenRunnerOptions } from './open-runner.ts';

/** What each model nearly said beside what it said: enough to draw both distributions where two answers part. */
const ALTERNATIVES = 10;

export interface Question {
  readonly prompt: string;
  readonly system: string | null;
  readonly sampling: Sampling;
  readonly maxTokens: number;
}

export interface CompareOptions extends Question {
  /** The first is the baseline. */
  readonly artifacts: readonly Artifact[];
  readonly mode: 'fast' | 'exact';
  /** What keeps the context of each. @default float16, in exact mode float32 */
  readonly cacheType?: CacheType | undefined;
  /** @default 'alone' */
  readonly arrangement?: Comparison['arrangement'] | undefined;
  /** Threads of each runner; texts do not depend on it. @default all cores; together: the cores shared out */
  readonly threads?: number | undefined;
  readonly openRunner: OpenRunner;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly onTokens?: ((artifactId: string, tokens: GeneratedToken[]) => void) | undefined;
}

/** The same error with the artifact's id in front: of several runners, which one it was is the first question. */
export function namingArtifact({ id }: Artifact, error: unknown): AppError {
  const known = toAppError(error);
  if (known.code === 'aborted') return known;
  return new AppError(known.code, `${id}: ${known.message}`, {
    reason: known.reason,
    facts: known.facts,
    ...(known.remedy === null ? {} : { remedy: known.remedy }),
    cause: error,
  });
}

/**
 * Opens a runner on an artifact and checks that it holds the weights that the catalog knows.
 *
 * @throws AppError `checksum-mismatch` when it does not, and what opening throws; no process is left behind then
 */
export async function openArtifact(
  openRunner: OpenRunner,
  artifact: Artifact,
  options: Omit<OpenRunnerOptions, 'directory' | 'recordsDirectory'>,
): Promise<OpenedRunner> {
  const runner = await openRunner({
    ...options,
    directory: artifact.directory,
    recordsDirectory: artifact.recordsDirectory,
  });
  const { weightsSha256 } = runner.loaded;
  if (weightsSha256 === artifact.weightsSha256) return runner;
  await runner.close();
  throw otherWeights(artifact, weightsSha256);
}

/**
 * One artifact's answer.
 *
 * @throws AppError `aborted` when it was cut off: such an answer would be compared as if the model had meant it
 */
export async function askArtifact(
  { client, loaded }: OpenedRunner,
  artifact: Artifact,
  { prompt, system, sampling, maxTokens }: Question,
  signal: AbortSignal | undefined,
  onTokens: ((artifactId: string, tokens: GeneratedToken[]) => void) | undefined,
): Promise<ComparedAnswer> {
  const messages: Message[] = [
    ...(system === null ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user', content: prompt },
  ];
  const tokens: GeneratedToken[] = [];
  const { text, statistics, memory } = await client.chat(
    { messages, sampling, maxTokens, alternatives: ALTERNATIVES },
    {
      signal,
      onEvent: (batch) => {
        tokens.push(...batch);
        onTokens?.(artifact.id, batch);
      },
    },
  );
  if (statistics.stop === 'cancelled') throw new AppError('aborted', 'Cancelled.');
  // Behind the answer, where nobody's speed is measured: what is kept names weights that were read.
  const weights = await client.checkWeights({ now: true }, { signal });
  return {
    artifactId: artifact.id,
    scheme: artifact.scheme,
    weightsSha256: weights.weightsSha256,
    weightsCheck: weights.weightsCheck,
    weightsBytes: storedWeightsBytes(artifact),
    text,
    tokens,
    statistics,
    memory,
    loadMs: loaded.loadMs,
  };
}
