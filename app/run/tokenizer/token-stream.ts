import type { TokenBytes } from './token-bytes.ts';

export interface TokenStreamOptions {
  /** Tokens that add nothing to the text, e.g. control tokens in an answer. */
  readonly isHidden?: (id: number) => boolean;
}

/**
 * Turns tokens into text as they come, never half a character: bytes of an unfinished one are held back until the rest
 * arrives. The pieces joined are the decoded text.
 */
export class TokenStream {
  readonly #tokens: TokenBytes;
  readonly #isHidden: (id: number) => boolean;
  // Invalid bytes become U+FFFD and a byte order mark stays, as in the tokenizers' own decoders.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #isFirst = true;
  #spacesToDrop: number;

  constructor(tokens: TokenBytes, { isHidden = () => false }: TokenStreamOptions = {}) {
    this.#tokens = tokens;
    this.#isHidden = isHidden;
    this.#spacesToDrop = tokens.leadingSpaces;
  }

  /** @returns what `id` adds to the text; empty inside a character */
  push(id: number): string {
    if (this.#isHidden(id)) return '';
    const bytes = this.#tokens.bytesOf(id, this.#isFirst);
    this.#isFirst = false;
    return this.#dropSpaces(this.#decoder.decode(bytes, { stream: true }));
  }

  /** Ends the text. @returns the replacement character where it ended inside a character, mostly nothing */
  end(): string {
    return this.#dropSpaces(this.#decoder.decode());
  }

  #dropSpaces(text: string): string {
    let start = 0;
    while (start < text.length && this.#spacesToDrop > 0) {
      if (text[start] !== ' ') this.#spacesToDrop = 0;
      else {
        start++;
        this.#spacesToDrop--;
      }
    }
    return text.slice(start);
  }
}
