import { randomInt } from 'node:crypto';
import type { Artifact } from '../../app/contract/checkpoint.ts';
import { NO_GPU } from '../../app/contract/device.ts';
import { formatBytes, formatDuration, formatRate } from '../../app/contract/format.ts';
import type { OpenedRunner } from '../../app/contract/open-runner.ts';
import type { Answer, LoadedModel } from '../../app/contract/runner-api.ts';
import {
  chatSampling as defaultChatSampling,
  DEFAULT_MAX_TOKENS,
  type Sampling,
} from '../../app/contract/sampling.ts';
import { otherWeights, type WeightsCheck } from '../../app/contract/weights-check.ts';
import type { GenerationOptions } from './arguments.ts';
import type { Session } from './session.ts';
import { deviceNames, TrialLine } from './self-test-line.ts';

export { DEFAULT_MAX_TOKENS };

/** Seeds are printed so that they can be typed again: six digits are enough to be different. */
const SEED_LIMIT = 1_000_000;

/** Opens a runner on an artifact, and closes it when `use` is done, however it ends. */
export async function withRunner<T>(
  { engine, openRunner, output, quiet, signal }: Session,
  id: string,
  options: GenerationOptions,
  use: (runner: OpenedRunner, artifact: Artifact) => Promise<T>,
): Promise<T> {
  const artifact = await engine.locate({ id }, quiet);
  const trialLine = new TrialLine(output);
  const runner = await openRunner({
    directory: artifact.directory,
    recordsDirectory: artifact.recordsDirectory,
    mode: options.mode,
    ...(options.cache === undefined ? {} : { cacheType: options.cache }),
    profile: options.profile ?? false,
    ...(options.context === undefined ? {} : { contextLength: options.context }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    device: options.device,
    onTrial: (trial) => {
      trialLine.show(trial);
    },
    signal,
  }).finally(() => {
    trialLine.clear();
  });
  const { device, deviceReason, weightsSha256 } = runner.loaded;
  if (weightsSha256 !== artifact.weightsSha256) {
    await runner.close();
    throw otherWeights(artifact, weightsSha256);
  }
  if (deviceReason !== null && deviceReason !== NO_GPU)
    output.note(output.style('dim', `On the ${deviceNames[device]}. ${deviceReason}`));
  try {
    return await use(runner, artifact);
  } finally {
    await runner.close();
  }
}

/** The sampler's settings: what the person chose, else what the model recommends, else the defaults of a chat. */
export function chatSampling(options: GenerationOptions, loaded: LoadedModel): Sampling {
  const recommended = defaultChatSampling(loaded.recommendedSampling);
  return {
    temperature: options.temperature ?? recommended.temperature,
    topK: options.topK ?? recommended.topK,
    topP: options.topP ?? recommended.topP,
    minP: options.minP ?? recommended.minP,
    repetitionPenalty: options.repetitionPenalty ?? recommended.repetitionPenalty,
    seed: options.seed ?? randomInt(SEED_LIMIT),
  };
}

/** Greedy unless the person asks for something else. */
export function rawSampling(options: GenerationOptions): Sampling {
  return {
    temperature: options.temperature ?? 0,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    minP: options.minP ?? 0,
    repetitionPenalty: options.repetitionPenalty ?? 1,
    seed: options.seed ?? 0,
  };
}

/** A fingerprint and how sure it is, in short. */
export function weightsWords({
  weightsSha256,
  weightsCheck,
}: {
  readonly weightsSha256: string;
  readonly weightsCheck?: WeightsCheck | undefined;
}): string {
  const states = {
    verified: ' (verified)',
    checking: ' (not checked yet)',
    unverified: ' (NOT verified: the files were written to)',
  } as const;
  return `weights ${weightsSha256.slice(0, 12)}${weightsCheck === undefined ? '' : states[weightsCheck]}`;
}

/**
 * The answer with the weights read and found right: the process ends behind it, and its check with it.
 *
 * @throws AppError 'checksum-mismatch'
 */
export async function withCheckedWeights<T extends Answer>(
  answer: T,
  runner: OpenedRunner,
  signal: AbortSignal,
): Promise<T> {
  if (answer.weightsCheck !== 'checking') return answer;
  return { ...answer, ...(await runner.client.checkWeights({ now: true }, { signal })) };
}

/** One line about an answer: how long, how fast, how much memory, whose weights. */
export function answerSummary(answer: Answer, sampling: Sampling): string {
  const { statistics, memory } = answer;
  const parts = [
    `${statistics.generatedTokens} tokens`,
    (statistics.cachedTokens ?? 0) === 0
      ? ''
      : `${statistics.cachedTokens} of ${statistics.promptTokens} prompt tokens reused`,
    `first after ${formatDuration(statistics.timeToFirstTokenMs)}`,
    statistics.decodeRate === null ? '' : formatRate(statistics.decodeRate, 'tokens'),
    `memory ${formatBytes(memory.residentBytes)}`,
    sampling.temperature === 0 ? 'greedy' : `seed ${sampling.seed}`,
    weightsWords(answer),
  ];
  const stops = {
    'stop-token': '',
    'max-tokens': 'stopped at --max-tokens',
    'context-full': 'the context is full',
    cancelled: 'stopped',
  } as const;
  return [...parts, stops[statistics.stop]].filter((part) => part !== '').join(' · ');
}
