/**
 * The answers that are being written. They belong to no component: an answer goes on while the person looks at another
 * chat or another view.
 */
import type { ConversationMessage } from '../../../../app/contract/conversation.ts';
import { toAppError, type AppError } from '../../../../app/contract/error.ts';
import type { GeneratedToken } from '../../../../app/contract/sampling.ts';
import { engine } from '../../../bridge.ts';
import { createStore, type Store } from '../../../state/store.ts';
import {
  conversationsChanged,
  knownConversation,
  putMessage,
  reloadConversation,
  reloadSettings,
} from '../conversations/conversation-cache.ts';
import { draftOf } from '../drafts.ts';
import { keepSettings } from '../settings/stored-settings.ts';

/** What changes seldom of an answer that is being written. */
export interface LiveAnswer {
  /** Null until the engine has taken the question. */
  readonly messageId: number | null;
  /** `lost`: the connection broke; what the engine kept is read when it is back. */
  readonly phase: 'waiting' | 'writing' | 'stopping' | 'lost';
}

/** What changes with each token. */
export interface LiveText {
  readonly text: string;
  readonly tokens: number;
  /** Since the engine began with the answer, in ms. */
  readonly elapsedMs: number;
}

interface LiveChat {
  readonly answer: Store<LiveAnswer | null>;
  readonly text: Store<LiveText>;
  /** Why the last call was refused, where no message says it. */
  readonly failure: Store<AppError | null>;
  stop: () => void;
}

const NO_TEXT: LiveText = { text: '', tokens: 0, elapsedMs: 0 };
const chats = new Map<number, LiveChat>();

/** The answer that ended last, in whatever chat: for the live region. */
export const endedAnswer: Store<{
  readonly conversationId: number;
  readonly message: ConversationMessage;
} | null> = createStore<{
  readonly conversationId: number;
  readonly message: ConversationMessage;
} | null>(null);

export function liveChat(conversationId: number): LiveChat {
  let chat = chats.get(conversationId);
  if (chat === undefined) {
    chat = {
      answer: createStore<LiveAnswer | null>(null),
      text: createStore(NO_TEXT),
      failure: createStore<AppError | null>(null),
      stop: () => undefined,
    };
    chats.set(conversationId, chat);
  }
  return chat;
}

/** Collects tokens and shows them once per frame. */
function batch(text: Store<LiveText>): {
  readonly add: (tokens: readonly GeneratedToken[]) => void;
  readonly flush: () => void;
} {
  let waiting: GeneratedToken[] = [];
  let frame: number | null = null;
  const flush = (): void => {
    if (frame !== null) cancelAnimationFrame(frame);
    frame = null;
    const last = waiting.at(-1);
    if (last === undefined) return;
    const before = text.read();
    text.write({
      text: before.text + waiting.map((token) => token.text).join(''),
      tokens: before.tokens + waiting.length,
      elapsedMs: last.elapsedMs,
    });
    waiting = [];
  };
  return {
    add: (tokens) => {
      waiting.push(...tokens);
      frame ??= requestAnimationFrame(flush);
    },
    flush,
  };
}

type LiveEvent =
  | { readonly kind: 'message'; readonly message: ConversationMessage }
  | { readonly kind: 'tokens'; readonly tokens: readonly GeneratedToken[] };
type Call = (options: {
  readonly signal: AbortSignal;
  readonly onEvent: (event: LiveEvent) => void;
}) => Promise<ConversationMessage>;

async function run(conversationId: number, call: Call): Promise<{ readonly taken: boolean }> {
  const chat = liveChat(conversationId);
  if (chat.answer.read() !== null) return { taken: false };
  const controller = new AbortController();
  const tokens = batch(chat.text);
  let taken = false;
  chat.failure.write(null);
  chat.text.write(NO_TEXT);
  chat.answer.write({ messageId: null, phase: 'waiting' });
  chat.stop = () => {
    chat.answer.write({ messageId: chat.answer.read()?.messageId ?? null, phase: 'stopping' });
    controller.abort();
  };
  const onEvent = (event: LiveEvent): void => {
    if (event.kind === 'tokens') {
      tokens.add(event.tokens);
      if (chat.answer.read()?.phase === 'waiting')
        chat.answer.write({ messageId: chat.answer.read()?.messageId ?? null, phase: 'writing' });
      return;
    }
    taken = true;
    putMessage(conversationId, event.message);
    if (event.message.role === 'assistant')
      chat.answer.write({
        messageId: event.message.id,
        phase: chat.answer.read()?.phase ?? 'waiting',
      });
    else {
      conversationsChanged();
      // The engine names a conversation after its first question.
      if (knownConversation(conversationId)?.title === '') void reloadSettings(conversationId);
    }
  };
  try {
    // What was changed a moment ago holds for this answer, too.
    await keepSettings(conversationId);
    const message = await call({ signal: controller.signal, onEvent });
    putMessage(conversationId, message);
    endedAnswer.write({ conversationId, message });
  } catch (thrown) {
    tokens.flush();
    const error = toAppError(thrown);
    const messageId = chat.answer.read()?.messageId ?? null;
    if (error.code === 'network' || error.code === 'engine-restarted')
      chat.answer.write({ messageId, phase: 'lost' });
    const told = await reloadConversation(conversationId).then(
      ({ messages }) => messages.find(({ id }) => id === messageId),
      () => undefined,
    );
    if (told !== undefined) endedAnswer.write({ conversationId, message: told });
    else if (error.code !== 'aborted') chat.failure.write(error);
  } finally {
    tokens.flush();
    chat.answer.write(null);
    chat.stop = () => undefined;
    conversationsChanged();
  }
  return { taken };
}

/** Says something under `parentId` and has it answered. What was not taken comes back into the draft. */
export async function say(
  conversationId: number,
  parentId: number | null,
  content: string,
): Promise<void> {
  const { taken } = await run(conversationId, (options) =>
    engine.say({ conversationId, parentId, content }, options),
  );
  const draft = draftOf(conversationId);
  if (!taken && draft.read() === '') draft.write(content);
}

/** Has a question answered again; the new answer is a sibling of those before. */
export async function answerAgain(conversationId: number, parentId: number): Promise<void> {
  await run(conversationId, (options) => engine.answerAgain({ conversationId, parentId }, options));
}

/** Stops the answer that is being written; its text stays. */
export function stopAnswer(conversationId: number): void {
  chats.get(conversationId)?.stop();
}
