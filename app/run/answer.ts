import { AppError, because } from '../contract/error.ts';
import type { Answer } from '../contract/runner-api.ts';
import type { SpokenWeights } from '../contract/weights-check.ts';
import type { GeneratedToken, GenerationStatistics, Sampling } from '../contract/sampling.ts';
import type { GenerateResult, TokenEvent } from '../../native-kernels/index.ts';
import type { RunnableModel } from './load-model.ts';
import { TokenBatch } from './token-batch.ts';
import type { ModelTokenizer } from './tokenizer/load-tokenizer.ts';

export interface AnswerRequest {
  readonly ids: readonly number[];
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly alternatives: number;
  readonly stopIds: readonly number[];
  /** Without one, tokens have no text. */
  readonly tokenizer: ModelTokenizer | null;
  readonly emit: (tokens: GeneratedToken[]) => void;
  /** Whether what the context holds of the prompt may be used; else the answer starts from an empty one. */
  readonly reuse: boolean;
  readonly signal: AbortSignal;
}

/**
 * More tokens than any vocabulary has. A larger number, which a file of the model or a request may name, says the same, and
 * the runtime does not take it.
 */
const MAX_TOP_K = 2 ** 30;

/** Tokens per second, or null when there is too little to divide. */
function rate(tokens: number, ms: number): number | null {
  return tokens > 0 && ms > 0 ? (tokens / ms) * 1000 : null;
}

function statisticsOf(
  result: GenerateResult,
  cachedTokens: number,
  timeToFirstTokenMs: number | null,
): GenerationStatistics {
  const { stop, promptTokens: computed, prefillMs, decodeMs, ids } = result;
  return {
    stop,
    promptTokens: cachedTokens + computed,
    cachedTokens,
    generatedTokens: ids.length,
    prefillMs,
    decodeMs,
    timeToFirstTokenMs: timeToFirstTokenMs ?? prefillMs + decodeMs,
    prefillRate: rate(computed, prefillMs),
    // The first token falls out of the prompt; only those after it cost a step of decoding.
    decodeRate: rate(ids.length - 1, decodeMs),
  };
}

/** @throws AppError `invalid-input` when a prompt of `tokens` leaves no room for an answer */
export function requireRoom(tokens: number, contextLength: number, forAnswer: boolean): void {
  if (tokens + (forAnswer ? 1 : 0) <= contextLength) return;
  throw new AppError(
    'invalid-input',
    `The prompt has ${tokens} tokens, but the context holds ${contextLength}${forAnswer ? ' with the answer' : ''}.`,
    because(
      'context-overflow',
      { promptTokens: tokens, contextTokens: contextLength },
      { remedy: 'Shorten the conversation, or load the model with a larger context.' },
    ),
  );
}

/**
 * Lets the model continue `ids`. From an empty context the same request gives the same answer to the bit; with `reuse`
 * an answer may differ in its last bits from what it would be without the conversation before it (see README).
 *
 * @throws AppError `invalid-input` when the prompt does not fit; cancelling is not an error but a way to stop
 */
export async function answer(
  runnable: RunnableModel,
  request: AnswerRequest,
): Promise<Omit<Answer, keyof SpokenWeights>> {
  const { model, description, cache } = runnable;
  const { ids, sampling, maxTokens, stopIds, tokenizer, signal } = request;
  requireRoom(ids.length, description.contextLength, maxTokens > 0);
  const startMs = performance.now();
  const text = tokenizer?.stream({ hideSpecial: true });
  const stops = new Set(stopIds);
  const batch = new TokenBatch(request.emit);
  let whole = '';
  let firstTokenMs: number | null = null;
  const textOf = ({ id }: TokenEvent): string => (stops.has(id) ? '' : (text?.push(id) ?? ''));
  if (!request.reuse) cache.clear();
  const { cachedTokens, rest } = cache.cutTo(ids);
  let isDone = false;
  try {
    const result = await model.generate({
      ids: rest,
      history: ids.slice(0, cachedTokens),
      sampling: { ...sampling, topK: Math.min(sampling.topK, MAX_TOP_K) },
      maxTokens,
      stopIds,
      alternatives: request.alternatives,
      signal,
      onToken: (token) => {
        firstTokenMs ??= performance.now() - startMs;
        const added = textOf(token);
        whole += added;
        batch.add({
          id: token.id,
          text: added,
          logprob: token.logprob,
          elapsedMs: token.elapsedMs,
          alternatives: token.alternatives.map(({ id, logprob }) => ({
            id,
            text: tokenizer?.decode([id]) ?? '',
            logprob,
          })),
        });
      },
    });
    cache.note(ids, result.ids);
    isDone = true;
    return {
      // An answer cut off inside a character ends with the replacement character, in no token's own text.
      text: whole + (text?.end() ?? ''),
      ids: result.ids,
      statistics: statisticsOf(result, cachedTokens, firstTokenMs),
      memory: model.memory(),
    };
  } finally {
    if (!isDone) cache.forget();
    batch.flush();
  }
}
