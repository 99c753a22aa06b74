import { AppError } from './contract/error.ts';
import type { Handlers } from './contract/rpc.ts';
import type { RunnerApi } from './contract/runner-api.ts';
import {
  answer,
  CallQueue,
  encodePrompt,
  loadModel,
  profileOf,
  score,
  type RunnableModel,
} from './run/index.ts';
import { prepareRuntime } from '../native-kernels/index.ts';

export { endWithParent } from '../native-kernels/index.ts';

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

  /** Has `task` done by the model, one task after another; its errors say what to do where a device failed. */
  const withModel = <T>(
    signal: AbortSignal,
    task: (runnable: RunnableModel) => Promise<T>,
  ): Promise<T> =>
    queue.run(signal, async () => {
      const runnable = await loaded();
      try {
        return await task(runnable);
      } catch (error) {
        throw await runnable.explain(error);
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
        return runnable.description;
      } catch (error) {
        loading = null;
        throw error;
      }
    },

    chat: ({ messages, sampling, maxTokens, alternatives, reuse }, { signal, emit }) =>
      withModel(signal, async (runnable) => {
        const tokenizer = await runnable.tokenizer();
        const prompt = encodePrompt(tokenizer, runnable.template, messages);
        const { stopIds } = runnable.description;
        const result = await answer(runnable, {
          ids: prompt.ids,
          sampling,
          maxTokens,
          alternatives,
          stopIds,
          tokenizer,
          emit,
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
          tokenizer: hasTokenizer ? await runnable.tokenizer() : null,
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

    tokenize: async ({ text, addSpecialTokens }) => {
      const tokenizer = await (await loaded()).tokenizer();
      return { ids: tokenizer.encode(text, addSpecialTokens) };
    },

    countTokens: async ({ messages }) => {
      const runnable = await loaded();
      const prompt = encodePrompt(await runnable.tokenizer(), runnable.template, messages);
      return { tokens: prompt.ids.length };
    },

    detokenize: async ({ ids }) => {
      const stream = (await (await loaded()).tokenizer()).stream();
      const pieces = ids.map((id) => stream.push(id));
      const end = stream.end();
      if (pieces.length > 0) pieces.push(`${pieces.pop() ?? ''}${end}`);
      return { text: pieces.join(''), pieces };
    },

    memory: async () => (await loaded()).model.memory(),

    profile: (_, { signal }) => queue.run(signal, async () => profileOf((await loaded()).model)),
  };
}
