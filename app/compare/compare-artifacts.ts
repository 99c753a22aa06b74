import type { Artifact } from '../contract/checkpoint.ts';
import type { ComparedAnswer, Comparison } from '../contract/comparison.ts';
import { AppError } from '../contract/error.ts';
import type { Progress } from '../contract/progress.ts';
import type { GeneratedToken, Message, Sampling } from '../contract/sampling.ts';
import { ProgressMeter } from '../progress/index.ts';
import { findDivergence } from './divergence.ts';
import type { OpenRunner } from './open-runner.ts';

/** What each model nearly said beside what it said; shown where two answers part. */
const ALTERNATIVES = 5;

export interface CompareOptions {
  /** The first is the baseline. */
  readonly artifacts: readonly Artifact[];
  readonly prompt: string;
  readonly system: string | null;
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly mode: 'fast' | 'exact';
  readonly openRunner: OpenRunner;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly onTokens?: ((artifactId: string, tokens: GeneratedToken[]) => void) | undefined;
}

async function answerOf(options: CompareOptions, artifact: Artifact): Promise<ComparedAnswer> {
  const { prompt, system, sampling, maxTokens, mode, openRunner, signal, onTokens } = options;
  const runner = await openRunner({ directory: artifact.directory, mode, signal });
  try {
    const { weightsSha256, loadMs } = runner.loaded;
    if (weightsSha256 !== artifact.weightsSha256)
      throw new AppError(
        'checksum-mismatch',
        `The folder of ${artifact.id} holds other weights than the catalog says (${weightsSha256.slice(0, 12)} instead of ${artifact.weightsSha256.slice(0, 12)}).`,
        { remedy: `Run \`nibble verify ${artifact.id}\`, or make it again.` },
      );
    const messages: Message[] = [
      ...(system === null ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user', content: prompt },
    ];
    const tokens: GeneratedToken[] = [];
    const { text, statistics, memory } = await runner.client.chat(
      { messages, sampling, maxTokens, alternatives: ALTERNATIVES },
      {
        signal,
        onEvent: (batch) => {
          tokens.push(...batch);
          onTokens?.(artifact.id, batch);
        },
      },
    );
    // A cut-off answer would be compared as if the model had meant it.
    if (statistics.stop === 'cancelled') throw new AppError('aborted', 'Cancelled.');
    return {
      artifactId: artifact.id,
      scheme: artifact.scheme,
      weightsSha256,
      weightsBytes: artifact.weightsBytes,
      text,
      tokens,
      statistics,
      memory,
      loadMs,
    };
  } finally {
    await runner.close();
  }
}

/**
 * Asks two or more artifacts the same thing with the same seed and sampler, and says where their answers part.
 *
 * Each answers in a fresh process of its own, one after the other: no cache is shared, and the memory and speed that are
 * reported are those of that model alone.
 *
 * @throws AppError `checksum-mismatch` when a folder is not what the catalog says, `aborted`, and what running throws
 */
export async function compareArtifacts(options: CompareOptions): Promise<Comparison> {
  const { artifacts, prompt, system, sampling, signal, onProgress } = options;
  const meter = new ProgressMeter({
    step: artifacts.map(({ id }) => id).join(' '),
    kind: 'compare',
    unit: 'items',
    total: artifacts.length,
    onProgress,
  });
  const answers: ComparedAnswer[] = [];
  for (const artifact of artifacts) {
    if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
    meter.announce(artifact.name);
    answers.push(await answerOf(options, artifact));
    meter.advance(1);
  }
  meter.finish();
  const [baseline, ...others] = answers;
  return {
    id: null,
    prompt,
    system,
    sampling,
    answers,
    divergences: others.map(({ artifactId, tokens }) =>
      findDivergence(artifactId, baseline?.tokens ?? [], tokens),
    ),
    createdAt: new Date().toISOString(),
  };
}
