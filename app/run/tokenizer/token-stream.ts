import type { TokenBytes } from './token-bytes.ts';

/**
 * Turns tokens into text as they come, never half a character: bytes of an unfinished one are held back until the rest
 * arrives. The pieces joined are the decoded text.
 */
export interface TokenStream {
  /** @returns what `id` adds to the text; empty inside a character */
  push(id: number): string;
  /** Ends the text. @returns the replacement character where it ended inside a character, mostly nothing */
  end(): string;
}

export interface TokenStreamOptions {
  /** Tokens that add nothing to the text, e.g. control tokens in an answer. */
  readonly isHidden?: (id: number) => boolean;
}

/** For tokens that are bytes, whatever is around them. */
export class ByteStream implements TokenStream {
  readonly #tokens: TokenBytes;
  readonly #isHidden: (id: number) => boolean;
  // Invalid bytes become U+FFFD and a byte order mark stays, as in the tokenizers' own decoders.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #spacesToDrop: number;

  constructor(tokens: TokenBytes, { isHidden = () => false }: TokenStreamOptions = {}) {
    this.#tokens = tokens;
    this.#isHidden = isHidden;
    this.#spacesToDrop = tokens.leadingSpaces;
  }

  push(id: number): string {
    if (this.#isHidden(id)) return '';
    return this.#dropSpaces(this.#decoder.decode(this.#tokens.bytesOf(id), { stream: true }));
  }

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

/** Tokens that may wait for the end of a character; a run of replacement characters is text. */
const MAX_WAITING = 16;

/**
 * For any other decoder: the last tokens are decoded again with the new one behind them, and what is more than before is
 * its text. What comes before those has no part in it.
 */
export class WindowStream implements TokenStream {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #isHidden: (id: number) => boolean;
  #ids: number[] = [];
  /** How many of these ids have given their text. */
  #given = 0;

  constructor(
    decode: (ids: readonly number[]) => string,
    { isHidden = () => false }: TokenStreamOptions = {},
  ) {
    this.#decode = decode;
    this.#isHidden = isHidden;
  }

  push(id: number): string {
    if (this.#isHidden(id)) return '';
    this.#ids.push(id);
    return this.#take(this.#ids.length - this.#given >= MAX_WAITING);
  }

  end(): string {
    return this.#take(true);
  }

  #take(isLast: boolean): string {
    const before = this.#decode(this.#ids.slice(0, this.#given));
    const after = this.#decode(this.#ids);
    if (!isLast && after.endsWith('\ufffd')) return '';
    if (!after.startsWith(before)) return '';
    // The tokens that gave their text last stay: how the next one is decoded may depend on them.
    this.#ids = this.#ids.slice(this.#given);
    this.#given = this.#ids.length;
    return after.slice(before.length);
  }
}
