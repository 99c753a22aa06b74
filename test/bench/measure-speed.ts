import { readBandwidth } from './bandwidth.ts';
import type { Contender } from './contenders.ts';
import type { ShapeResult, Trial } from './results.ts';
import { parametersOf, type Shape } from './shapes.ts';
import { cacheBytes } from './token-bytes.ts';
import { promptIds } from './trials/prompt.ts';

export interface SpeedSettings {
  readonly rounds: number;
  readonly threads: number;
  readonly promptTokens: number;
  readonly decodeTokens: number;
}

/** As long as a greeting: what counts there is how soon an answer begins, not how fast a prompt is read. */
const SHORT_PROMPT_TOKENS = 8;

/**
 * Contenders in turns, one process per trial: the machine's mood, which changes from minute to minute, hits all of them.
 *
 * @param correlations what `validate` found, in the order of the contenders
 * @param say hears what was measured as soon as it was
 */
export function measureSpeed(
  shape: Shape,
  contenders: readonly Contender[],
  correlations: readonly number[],
  settings: SpeedSettings,
  say: (line: string) => void,
): ShapeResult {
  const { rounds, threads, promptTokens, decodeTokens } = settings;
  const request = {
    threads,
    // Other tokens than the long prompt's: nobody may have kept anything of it.
    shortPrompt: promptIds(SHORT_PROMPT_TOKENS, promptTokens),
    prompt: promptIds(promptTokens),
    decodeTokens,
  };
  const bandwidth: number[] = [];
  const trials = contenders.map((): Trial[] => []);
  for (let round = 0; round < rounds; round++) {
    bandwidth.push(readBandwidth(threads));
    for (const [i, { facts, speed }] of contenders.entries()) {
      const trial = speed(request);
      trials[i]?.push(trial);
      say(
        `  round ${round + 1} of ${rounds}: ${facts.name}: first token ${trial.loadToFirstTokenMs.toFixed(0)} ms, prefill ${trial.prefillRate.toFixed(0)}, decode ${trial.decodeRate.toFixed(1)} tokens/s`,
      );
    }
  }
  return {
    key: shape.key,
    title: shape.title,
    parameters: parametersOf(shape),
    measuredAt: new Date().toISOString(),
    bandwidth,
    promptTokens,
    shortPromptTokens: SHORT_PROMPT_TOKENS,
    decodeTokens,
    contenders: contenders.map(({ facts }, i) => ({
      ...facts,
      logitCorrelation: correlations[i] ?? Number.NaN,
      cacheBytes: cacheBytes(shape, promptTokens + decodeTokens / 2, facts.cacheElementBytes),
      trials: trials[i] ?? [],
    })),
  };
}
