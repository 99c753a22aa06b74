import type { GenerationStatistics } from '../../../app/contract/sampling.ts';
import type { WeightsCheck } from '../../../app/contract/weights-check.ts';

/** One answer in the shapes of OpenAI's chat completions. */

export interface CompletionHead {
  /** `chatcmpl-…`. */
  readonly id: string;
  readonly model: string;
  /** Unix time, s. */
  readonly created: number;
}

/** An answer that has ended. */
export interface Ended {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Names the weights that spoke, and how sure that is. */
  readonly weightsSha256: string;
  readonly weightsCheck: WeightsCheck;
}

/** `stopped`: a stop text appeared, and the rest was not wanted. */
export function finishOf(stop: GenerationStatistics['stop'], stopped: boolean): Ended['finish'] {
  return stopped || stop === 'stop-token' || stop === 'cancelled' ? 'stop' : 'length';
}

function usageOf({ promptTokens, completionTokens }: Ended): Record<string, number> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** Which weights spoke: OpenAI's own field for it, and beside it how the check of that name stands. */
export function weightsOf({ weightsSha256, weightsCheck }: Ended): Record<string, string> {
  return { system_fingerprint: weightsSha256, nibble_weights_check: weightsCheck };
}

/** The whole answer. */
export function completion({ id, model, created }: CompletionHead, ended: Ended): object {
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    ...weightsOf(ended),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: ended.text, refusal: null },
        logprobs: null,
        finish_reason: ended.finish,
      },
    ],
    usage: usageOf(ended),
  };
}

/** A piece of an answer that streams; the first names the role, the last says why it ended. */
export function chunk(
  { id, model, created }: CompletionHead,
  delta: { role?: 'assistant'; content?: string },
  finish: Ended['finish'] | null = null,
): object {
  return {
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  };
}

/** What comes last in a stream whose caller wants to know what it cost. */
export function usageChunk({ id, model, created }: CompletionHead, ended: Ended): object {
  const object = 'chat.completion.chunk';
  return { id, object, created, model, choices: [], usage: usageOf(ended) };
}
