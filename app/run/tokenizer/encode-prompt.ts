import { AppError, because, toAppError } from '../../contract/error.ts';
import type { Message } from '../../contract/sampling.ts';
import type { ChatTemplate } from '../template/chat-template.ts';
import type { ModelTokenizer } from './load-tokenizer.ts';
import { TooManyTokens } from './models/token-model.ts';

export interface Prompt {
  /** What the model reads, as text. */
  readonly text: string;
  readonly ids: number[];
}

/** Characters that stand for nothing: Unicode's noncharacters, then those of the last private plane. */
function* markers(): Generator<string> {
  for (let codePoint = 0xfdd0; codePoint <= 0xfdef; codePoint++)
    yield String.fromCodePoint(codePoint);
  for (let codePoint = 0x100000; codePoint <= 0x10fffd; codePoint++)
    yield String.fromCodePoint(codePoint);
}

/** A character that none of `texts` contains, so that nothing can be made with it that was not there before. */
function unusedMarker(texts: readonly string[]): string {
  for (const marker of markers()) if (!texts.some((text) => text.includes(marker))) return marker;
  throw new AppError('invalid-input', 'The conversation has every character that there is.');
}

/** Puts `marker` behind the first character of every special token's name in `text`. */
function markSpecialTokens(text: string, starts: readonly number[], marker: string): string {
  const parts: string[] = [];
  let last = 0;
  for (const start of starts) {
    const behind = start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
    parts.push(text.slice(last, behind));
    last = behind;
  }
  parts.push(text.slice(last));
  return parts.join(marker);
}

/** Without a template there is no convention to follow: the model goes on from the bare text. */
function plainText(messages: readonly Message[]): string {
  return messages.map(({ content }) => content).join('\n\n');
}

/** A text up to this length is tokenized in full, so that it can be said by how much it is too long. */
const MAX_COUNTED_LENGTH = 1024 * 1024;

function beyondContext(characters: number, contextTokens: number): AppError {
  return new AppError(
    'invalid-input',
    `The prompt has more than ${contextTokens} tokens, which is what the context holds.`,
    because(
      'prompt-beyond-context',
      { characters, contextTokens },
      { remedy: 'Shorten the conversation, or load the model with a larger context.' },
    ),
  );
}

/** Whether the messages alone, without what a template puts around them, have more tokens than there is room for. */
function isBeyond(
  tokenizer: ModelTokenizer,
  messages: readonly Message[],
  contextLength: number,
): boolean {
  const text = plainText(messages);
  if (text.length <= MAX_COUNTED_LENGTH) return false;
  try {
    tokenizer.encode(text, false, { limit: contextLength });
    return false;
  } catch (error) {
    if (error instanceof TooManyTokens) return true;
    throw error;
  }
}

/** What the template makes of the messages. A template that a text is too long for is not to blame for its length. */
function rendered(
  tokenizer: ModelTokenizer,
  template: ChatTemplate,
  messages: readonly Message[],
  contextLength: number,
): string {
  try {
    return template.render(messages);
  } catch (error) {
    if (
      toAppError(error).reason === 'chat-template-limit' &&
      isBeyond(tokenizer, messages, contextLength)
    )
      throw beyondContext(plainText(messages).length, contextLength);
    throw error;
  }
}

/**
 * The tokens that make the model answer a conversation.
 *
 * What people write cannot forge control tokens: the name of one in a message ('<|im_end|>') is encoded as the plain
 * characters it consists of, and everything else exactly as transformers does.
 *
 * @param template null: the messages alone, one after another, are continued
 * @param contextLength Tokens that there is room for. A prompt far beyond is refused before it is tokenized to its end.
 * @throws AppError `invalid-input` for such a prompt, and what template and tokenizer throw
 */
export function encodePrompt(
  tokenizer: ModelTokenizer,
  template: ChatTemplate | null,
  messages: readonly Message[],
  contextLength = Infinity,
): Prompt {
  const marker = unusedMarker([
    ...messages.map(({ content }) => content),
    ...tokenizer.specialTokens,
  ]);
  const marked = messages.map((message) => ({
    ...message,
    content: markSpecialTokens(
      message.content,
      tokenizer.findSpecialTokens(message.content),
      marker,
    ),
  }));
  const whole =
    template === null ? plainText(marked) : rendered(tokenizer, template, marked, contextLength);
  const parts = whole.split(marker);
  let length = 0;
  const plainAt = parts.slice(0, -1).map((part) => (length += part.length));
  const text = parts.join('');
  const limit = text.length > MAX_COUNTED_LENGTH ? contextLength : Infinity;
  try {
    // A template writes the token for the beginning itself; without one the tokenizer adds it, once.
    return { text, ids: tokenizer.encode(text, template === null, { plainAt, limit }) };
  } catch (error) {
    if (!(error instanceof TooManyTokens)) throw error;
    throw beyondContext(text.length, contextLength);
  }
}
