import type { AnswerState, Catalog } from '../catalog/index.ts';
import type { Artifact } from '../contract/checkpoint.ts';
import type { ConversationMessage } from '../contract/conversation.ts';
import { AppError, describeError, toAppError } from '../contract/error.ts';
import type { OpenedRunner } from '../contract/open-runner.ts';
import type { GeneratedToken, Message, Sampling } from '../contract/sampling.ts';
import type { SpokenWeights } from '../contract/weights-check.ts';
import type { HeldModels } from './loaded-models.ts';

/** How much of an answer a power cut may cost, in ms. */
const SAVE_INTERVAL_MS = 1_000;

export interface WriteAnswerOptions {
  readonly conversations: Catalog['conversations'];
  readonly models: HeldModels;
  readonly artifact: Artifact;
  /** The row that waits for the answer, `streaming`. */
  readonly answerId: number;
  readonly messages: readonly Message[];
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  readonly onTokens: (tokens: GeneratedToken[]) => void;
}

function spokenOf({ weightsSha256, weightsCheck }: SpokenWeights): SpokenWeights {
  return { weightsSha256, weightsCheck };
}

/** Notes how the check of the weights behind an answer ends. Where the model is closed before that, it stays open. */
async function followCheck(
  conversations: Catalog['conversations'],
  answerId: number,
  checked: Promise<SpokenWeights>,
): Promise<void> {
  const outcome = await checked.then(
    ({ weightsCheck }) => weightsCheck,
    (error: unknown) =>
      toAppError(error).code === 'checksum-mismatch' ? ('unverified' as const) : null,
  );
  try {
    if (outcome !== null) conversations.writeCheck(answerId, outcome);
  } catch {
    // The catalog is closed, or the disk is full: that it is being checked is what is known.
  }
}

/** @throws AppError 'invalid-input' when the conversation leaves no room for an answer */
async function requireRoom(runner: OpenedRunner, messages: readonly Message[]): Promise<void> {
  const { tokens } = await runner.client.countTokens({ messages: [...messages] });
  const { contextLength } = runner.loaded;
  if (tokens < contextLength) return;
  throw new AppError(
    'invalid-input',
    `The conversation takes ${tokens} tokens, and the model's context holds ${contextLength}.`,
    {
      remedy: 'Start a new chat, shorten the message, or raise the context length in Settings.',
    },
  );
}

/**
 * Has a model answer and writes the answer into the catalog while it comes: at least every second, and how it ended.
 *
 * @returns the answer as it is kept: `complete`, `stopped` when `signal` fired or the model was unloaded, else `failed`
 * @throws AppError 'disk-full' and the like, when the catalog cannot keep it
 */
export async function writeAnswer(options: WriteAnswerOptions): Promise<ConversationMessage> {
  const { conversations, answerId, messages, signal } = options;
  let content = '';
  let saved = '';
  const spoken: { weights: SpokenWeights | null; checked: Promise<SpokenWeights> | null } = {
    weights: null,
    checked: null,
  };
  const timer = setInterval(() => {
    if (content === saved) return;
    try {
      conversations.writeAnswer(answerId, { content, state: 'streaming', ...spoken.weights });
      saved = content;
    } catch {
      // The text is still here, and the next write tries again; the last one says what is wrong.
    }
  }, SAVE_INTERVAL_MS);
  let end: AnswerState;
  try {
    const answer = await options.models.use(options.artifact.id, signal, async (runner) => {
      spoken.weights = spokenOf(runner.loaded);
      spoken.checked = runner.client.checkWeights({});
      spoken.checked.catch(() => undefined);
      await requireRoom(runner, messages);
      return runner.client.chat(
        {
          messages: [...messages],
          sampling: options.sampling,
          maxTokens: options.maxTokens,
          reuse: true,
        },
        {
          signal,
          onEvent: (tokens) => {
            content += tokens.map(({ text }) => text).join('');
            options.onTokens(tokens);
          },
        },
      );
    });
    const { text, statistics } = answer;
    spoken.weights = spokenOf(answer);
    const state = statistics.stop === 'cancelled' ? 'stopped' : 'complete';
    end = { content: text, state, statistics };
  } catch (error) {
    const described = describeError(error);
    if (described.code === 'checksum-mismatch' && spoken.weights !== null)
      spoken.weights = { ...spoken.weights, weightsCheck: 'unverified' };
    end =
      described.code === 'aborted'
        ? { content, state: 'stopped' }
        : { content, state: 'failed', error: described };
  } finally {
    clearInterval(timer);
  }
  const kept = conversations.writeAnswer(answerId, { ...end, ...spoken.weights });
  if (kept.weightsCheck === 'checking' && spoken.checked !== null)
    void followCheck(conversations, answerId, spoken.checked);
  return kept;
}
