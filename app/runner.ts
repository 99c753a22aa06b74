import { AppError, toAppError } from './contract/error.ts';
import type { Handlers } from './contract/rpc.ts';
import type { RunnerApi } from './contract/runner-api.ts';
import type { SpokenWeights } from './contract/weights-check.ts';
import {
  answer,
  CallQueue,
  encodePrompt,
  loadModel,
  profileOf,
  score,
  scoreTokens,
  type RunnableModel,
} from './run/index.ts';
import { prepareRuntime } from '../native-kernels/index.ts';

export { endWithParent } from '../native-kernels/index.ts';

/** A model is mostly asked something as soon as it is there: the check of its weights does not get in between. */
const CHECK_AFTER_MS = 2_000;

/** Raw token ids need no tokenizer: one that cannot be read counts as none for them. */
function noneIfMalformed(error: unknown): null {
  if (toAppError(error).code === 'malformed-file') return null;
  throw error;
}

/**
 * A runner: owns one loaded model for the life of its process. Loading happens once; calls that use the model run one
 * after another, in the order they came.
 */
export function createRunner(): Handlers<RunnerApi> {
  const queue = new CallQueue();
  // While the host says what to load.
  prepareRuntime();
  let loading: Promise<RunnableModel> | null = null;

  const loaded = (): Promise<RunnableModel> =>
    loading ?? Promise.reject(new AppError('invalid-input', 'This runner has not loaded a model.'));

  /**
   * Has `task` done by the model, one task after another, and says whose weights did it. Errors say what to do where a
   * device failed; that the weights are no longer what they were goes before any other.
   */
  const withModel = <T extends object>(
    signal: AbortSignal,
    task: (runnable: RunnableModel) => Promise<T>,
  ): Promise<T & SpokenWeights> =>
    queue.run(signal, async () => {
      const runnable = await loaded();
      const { weights } = runnable;
      try {
        await weights.beforeAnswer();
        try {
          const result = await task(runnable);
          return { ...result, ...(await weights.afterAnswer()) };
        } catch (error) {
          const known = await runnable.explain(error);
          // A file that ended under the model is the better word for what became of it.
          if (known.reason !== 'weights-unreadable') await weights.afterAnswer();
          throw known;
        }
      } finally {
        weights.rest();
      }
    });

  return {
    load: async (params, { emit }) => {
      if (loading !== null)
        throw new AppError('busy', 'This runner has a model already; start another one.');
      const attempt = loadModel({ ...params, onTrial: emit });
      loading = attempt;
      try {
        const runnable = await attempt;
        // Behind the answer to this call: the tokenizer is ready, or nearly so, when the first question comes.
        if (runnable.description.hasTokenizer)
          setImmediate(() => void runnable.tokenizer().catch(() => undefined));
        setTimeout(() => {
          runnable.weights.begin();
        }, CHECK_AFTER_MS).unref();
        return runnable.description;
      } catch (error) {
        loading = null;
        throw error;
      }
    },

    chat: ({ messages, sampling, maxTokens, alternatives, reuse }, { signal, emit }) =>
      withModel(signal, async (runnable) => {
        const tell: typeof emit = (tokens) => {
          runnable.weights.firstToken();
          emit(tokens);
        };
        const tokenizer = await runnable.tokenizer();
        const { contextLength, stopIds } = runnable.description;
        const prompt = encodePrompt(tokenizer, await runnable.template(), messages, contextLength);
        const result = await answer(runnable, {
          ids: prompt.ids,
          sampling,
          maxTokens,
          alternatives,
          stopIds,
          tokenizer,
          emit: tell,
          reuse,
          signal,
        });
        return { ...result, promptText: prompt.text };
      }),

    generate: (
      { ids, sampling, maxTokens, alternatives, ignoreStopIds, reuse },
      { signal, emit },
    ) =>
      withModel(signal, async (runnable) => {
        const { hasTokenizer, stopIds } = runnable.description;
        return answer(runnable, {
          ids,
          sampling,
          maxTokens,
          alternatives,
          stopIds: ignoreStopIds ? [] : stopIds,
          tokenizer: hasTokenizer ? await runnable.tokenizer().catch(noneIfMalformed) : null,
          emit,
          reuse,
          signal,
        });
      }),

    score: ({ ids }, { signal, emit }) =>
      withModel(signal, async (runnable) => {
        await score(runnable, ids, emit, signal);
        return { rows: ids.length };
      }),

    scoreTokens: (params, { signal, emit }) =>
      withModel(signal, async (runnable) => {
        await scoreTokens(runnable, params, emit, signal);
        return { rows: params.end - params.first };
      }),

    tokenize: async ({ text, addSpecialTokens }) => {
      const tokenizer = await (await loaded()).tokenizer();
      return { ids: tokenizer.encode(text, addSpecialTokens) };
    },

    countTokens: async ({ messages }) => {
      const runnable = await loaded();
      const prompt = encodePrompt(await runnable.tokenizer(), await runnable.template(), messages);
      return { tokens: prompt.ids.length };
    },

    detokenize: async ({ ids }) => {
      const tokenizer = await (await loaded()).tokenizer();
      const stream = tokenizer.stream();
      const pieces = ids.map((id) => stream.push(id));
      const end = stream.end();
      if (pieces.length > 0) pieces.push(`${pieces.pop() ?? ''}${end}`);
      return { text: tokenizer.decode(ids), pieces };
    },

    checkWeights: async ({ now }) => {
      const { weights } = await loaded();
      if (now) weights.begin();
      await weights.settled();
      return { weightsSha256: weights.fingerprint, weightsCheck: weights.state };
    },

    memory: async () => (await loaded()).model.memory(),

    profile: (_, { signal }) => queue.run(signal, async () => profileOf((await loaded()).model)),
  };
}
