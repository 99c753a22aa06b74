import type { Message } from '../../contract/sampling.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { ModelTokenizer } from './load-tokenizer.ts';

export interface Prompt {
  /** What the model reads, as text. */
  readonly text: string;
  readonly ids: number[];
}

/** Unicode noncharacters: they never occur in text that is exchanged, so a marker made of them stands out. */
const MARKER_START = '\uFDD0';
const MARKER_END = '\uFDD1';

/** The first character of a name, whole even where it takes two UTF-16 units. */
function firstCharacter(name: string): string {
  return String.fromCodePoint(name.codePointAt(0) ?? 0);
}

/** A short text that none of `texts` contains. */
function unusedMarker(texts: readonly string[]): string {
  for (let number = 0; ; number++) {
    const marker = `${MARKER_START}${number}${MARKER_END}`;
    if (texts.every((text) => !text.includes(marker))) return marker;
  }
}

/**
 * Puts `marker` behind the first character of every special token's name in `text`, so that cutting there leaves only
 * plain text.
 */
function cutSpecialTokens(text: string, names: readonly string[], marker: string): string {
  let cut = text;
  // A cut may leave a new name behind it ('<<' in '<<<'), hence until there is none.
  for (const name of names)
    while (cut.includes(name)) {
      const first = firstCharacter(name);
      cut = cut.replaceAll(name, `${first}${marker}${name.slice(first.length)}`);
    }
  return cut;
}

/** Without a template there is no convention to follow: the model goes on from the bare text. */
function plainText(messages: readonly Message[]): string {
  return messages.map(({ content }) => content).join('\n\n');
}

/**
 * The tokens that make the model answer a conversation.
 *
 * What people write cannot forge control tokens: the name of one in a message ('<|im_end|>') is encoded as the plain
 * characters it consists of. A conversation without such names is encoded in one go, exactly as transformers does.
 *
 * @param template null: the messages alone, one after another, are continued
 */
export function encodePrompt(
  tokenizer: ModelTokenizer,
  template: ChatTemplate | null,
  messages: readonly Message[],
): Prompt {
  // A name of one character cannot be cut.
  const names = tokenizer.specialTokens.filter((name) => name !== firstCharacter(name));
  const marker = unusedMarker([...messages.map(({ content }) => content), ...names]);
  const safe = messages.map((message) => ({
    ...message,
    content: cutSpecialTokens(message.content, names, marker),
  }));
  const rendered = template === null ? plainText(safe) : template.render(safe);
  const parts = rendered.split(marker);
  return {
    text: parts.join(''),
    // A template writes the token for the beginning itself; without one the tokenizer adds it, once.
    ids: parts.flatMap((part, i) => tokenizer.encode(part, template === null && i === 0)),
  };
}
