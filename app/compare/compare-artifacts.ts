import type { Artifact } from '../contract/checkpoint.ts';
import type { ComparedAnswer, Comparison } from '../contract/comparison.ts';
import { AppError } from '../contract/error.ts';
import { ProgressMeter } from '../progress/index.ts';
import { askArtifact, openArtifact, type CompareOptions } from './ask-artifact.ts';
import { askTogether } from './ask-together.ts';
import { findDivergence } from './divergence.ts';

async function askAlone(
  options: CompareOptions,
  onStart: (artifact: Artifact) => void,
  onAnswer: (artifact: Artifact) => void,
): Promise<ComparedAnswer[]> {
  const { artifacts, mode, cacheType, threads, openRunner, signal, onTokens } = options;
  const answers: ComparedAnswer[] = [];
  for (const artifact of artifacts) {
    if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
    onStart(artifact);
    const runner = await openArtifact(openRunner, artifact, { mode, cacheType, threads, signal });
    try {
      answers.push(await askArtifact(runner, artifact, options, signal, onTokens));
    } finally {
      await runner.close();
    }
    onAnswer(artifact);
  }
  return answers;
}

/**
 * Asks two or more artifacts the same thing with the same seed and sampler, and says where their answers part.
 *
 * Each answers in a fresh process of its own, so that no cache is shared: one after the other (`alone`: memory and speed
 * are those of that model by itself) or all at the same time (`together`: they share the cores, the texts are the same).
 *
 * @throws AppError `checksum-mismatch` when a folder is not what the catalog says, `aborted`, and what running throws;
 * every process is ended before
 */
export async function compareArtifacts(options: CompareOptions): Promise<Comparison> {
  const { artifacts, prompt, system, sampling, arrangement = 'alone', onProgress } = options;
  const meter = new ProgressMeter({
    step: artifacts.map(({ id }) => id).join(' '),
    phase: 'compare',
    subject: artifacts.map(({ name }) => name).join(', '),
    unit: 'items',
    total: artifacts.length,
    onProgress,
  });
  const onAnswer = ({ name, id }: Artifact): void => {
    meter.advance(1, name, id);
  };
  const answers =
    arrangement === 'together'
      ? await askTogether(options, onAnswer)
      : await askAlone(
          options,
          ({ name, id }) => {
            meter.announce(name, id);
          },
          onAnswer,
        );
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
    arrangement,
    votes: [],
    createdAt: new Date().toISOString(),
  };
}
