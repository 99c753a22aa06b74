import type { Conversation, ConversationMessage } from '../../../../app/contract/conversation.ts';

/** The conversation with a message added, which then ends the shown branch, or replaced. */
export function withMessage(
  conversation: Conversation,
  message: ConversationMessage,
): Conversation {
  const { messages } = conversation;
  const index = messages.findLastIndex(({ id }) => id === message.id);
  return index < 0
    ? { ...conversation, messages: [...messages, message], leafId: message.id }
    : { ...conversation, messages: messages.with(index, message) };
}

/**
 * What the engine says of settings and title, over what is known of the messages: an answer may have been written
 * meanwhile. The branch that is shown is the person's and stays.
 */
export function withSettingsOf(known: Conversation, told: Conversation): Conversation {
  return { ...told, messages: known.messages, leafId: known.leafId };
}

/** Whether the message at the end of the shown branch is no longer being written: what it takes of the context is known. */
export function isLeafWhole({ messages, leafId }: Conversation): boolean {
  return messages.findLast(({ id }) => id === leafId)?.state !== 'streaming';
}

/** How full the context is: words are needed from 80 % on. */
export type ContextLevel = 'fine' | 'near' | 'full';

/** From this share on the person is told. */
const NEAR = 0.8;

export function contextLevel(tokens: number, contextLength: number): ContextLevel {
  if (tokens >= contextLength) return 'full';
  return tokens >= NEAR * contextLength ? 'near' : 'fine';
}

/** Letters of the conversation's type in one line at its full width, measured on prose. */
const LINE_LETTERS = 96;
const LINE_PX = 24;
/** Name, actions and margins of a message. */
const AROUND_PX = 88;

/** About how high a message will be, in px, so that a scroll bar over thousands of them hardly moves. */
export function estimatedHeight(content: string): number {
  let lines = 0;
  let from = 0;
  for (let at = content.indexOf('\n'); at >= 0; at = content.indexOf('\n', from)) {
    lines += Math.max(1, Math.ceil((at - from) / LINE_LETTERS));
    from = at + 1;
  }
  lines += Math.ceil((content.length - from) / LINE_LETTERS);
  return AROUND_PX + lines * LINE_PX;
}
