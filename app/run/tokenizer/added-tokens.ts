import type { AddedToken } from './definition.ts';
import type { TokenModel } from './models/token-model.ts';
import { PrefixTrie } from './models/prefix-trie.ts';
import { REGEX_CRATE_WORD } from './pattern.ts';

/** A part of a text: an added token, or what is between them. */
export interface Section {
  readonly text: string;
  /** The added token; null for text. */
  readonly id: number | null;
  /** Where the section begins in the text that was searched. */
  readonly start: number;
}

interface Candidate {
  readonly token: AddedToken;
  readonly id: number;
}

const endsWithWord = new RegExp(`${REGEX_CRATE_WORD}$`, 'v');
const startsWithWord = new RegExp(`^${REGEX_CRATE_WORD}`, 'v');
const isSpace = /^\p{White_Space}$/v;

/** The character before `at`, whole even where it takes two units. */
function characterBefore(text: string, at: number): string {
  const pair = text.slice(Math.max(0, at - 2), at);
  return pair.length === 2 && (pair.codePointAt(0) ?? 0) > 0xffff ? pair : pair.slice(-1);
}

/** Finds the leftmost, then longest of many names. */
class NameFinder {
  readonly #trie = new PrefixTrie();
  readonly #candidates: Candidate[] = [];
  readonly #isFirst = new Uint8Array(0x10000);

  get isEmpty(): boolean {
    return this.#candidates.length === 0;
  }

  /** Of two equal names the first one counts. */
  add(name: string, candidate: Candidate): void {
    if (name === '' || this.#valueOf(name) >= 0) return;
    this.#isFirst[name.charCodeAt(0)] = 1;
    this.#trie.set(name, this.#candidates.length);
    this.#candidates.push(candidate);
  }

  #valueOf(name: string): number {
    let node = 0;
    for (let i = 0; i < name.length; i++) {
      node = this.#trie.step(node, name.charCodeAt(i));
      if (node === 0) return -1;
    }
    return this.#trie.valueAt(node);
  }

  /** The next name at or behind `from`; null where there is none. */
  find(text: string, from: number): { candidate: Candidate; start: number; end: number } | null {
    for (let start = from; start < text.length; start++) {
      if (this.#isFirst[text.charCodeAt(start)] === 0) continue;
      let longest = -1;
      let end = start;
      for (let node = 0, at = start; at < text.length;) {
        node = this.#trie.step(node, text.charCodeAt(at++));
        if (node === 0) break;
        const value = this.#trie.valueAt(node);
        if (value < 0) continue;
        longest = value;
        end = at;
      }
      const candidate = this.#candidates[longest];
      if (candidate !== undefined) return { candidate, start, end };
    }
    return null;
  }
}

/** Whether a special token's name from `start` to `end` was written by a person and is no token. */
export type IsPlain = (start: number, end: number) => boolean;

/** The tokens that were added to a vocabulary: found in a text before the model sees it. */
export class AddedTokens {
  readonly #byId = new Map<number, AddedToken>();
  readonly #ids = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  readonly #specialNames: ReadonlySet<string>;
  readonly #plain = new NameFinder();
  readonly #normalized = new NameFinder();

  /**
   * Ids are given as the tokenizers package gives them: a token of the vocabulary keeps its own, others follow it in order,
   * whatever a file says.
   *
   * @param normalize how the names of normalized tokens are rewritten
   */
  constructor(
    tokens: readonly AddedToken[],
    model: TokenModel,
    normalize: (name: string) => string,
  ) {
    this.#specialNames = new Set(
      tokens.filter(({ special }) => special).map(({ content }) => content),
    );
    let next = model.vocabularySize;
    for (const token of tokens) {
      if (token.content === '') continue;
      let id = this.#ids.get(token.content) ?? model.idOf(token.content);
      if (id === undefined) id = next++;
      // An id of the vocabulary may lie beyond its size, where ids have gaps.
      else if (id >= next) next = id + 1;
      this.#ids.set(token.content, id);
      this.#byId.set(id, token);
    }
    for (const isSpecial of [true, false])
      for (const token of tokens) {
        if (token.special !== isSpecial) continue;
        const id = this.#ids.get(token.content);
        const flags = id === undefined ? undefined : this.#byId.get(id);
        if (id === undefined || flags === undefined) continue;
        if (token.normalized) {
          const normalized = normalize(token.content);
          this.#normalized.add(normalized, { token: flags, id });
          this.#texts.set(id, normalized);
        } else this.#plain.add(token.content, { token: flags, id });
      }
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** How the token is decoded: as it was found, hence normalized where it is searched for in normalized text. */
  textOf(id: number): string | undefined {
    return this.#texts.get(id) ?? this.#byId.get(id)?.content;
  }

  /** Whether the token is left out where control tokens are hidden: judged by its text, as the tokenizers package does. */
  isSpecial(id: number): boolean {
    return this.#specialNames.has(this.textOf(id) ?? '');
  }

  get hasNormalized(): boolean {
    return !this.#normalized.isEmpty;
  }

  /** Cuts a text that is not empty at the tokens that are searched for in the text as it is, or in its normalized form. */
  *split(text: string, isNormalized: boolean, isPlain: IsPlain | null): Generator<Section> {
    const finder = isNormalized ? this.#normalized : this.#plain;
    if (finder.isEmpty) {
      yield { text, id: null, start: 0 };
      return;
    }
    let done = 0;
    let found = finder.find(text, 0);
    for (; found !== null; found = finder.find(text, found.end)) {
      const { candidate } = found;
      let { start, end } = found;
      const { token, id } = candidate;
      if (token.special && isPlain?.(start, end) === true) continue;
      if (
        token.singleWord &&
        (endsWithWord.test(characterBefore(text, start)) ||
          startsWithWord.test(text.slice(end, end + 2)))
      )
        continue;
      if (token.leftStrip) {
        while (start > 0 && isSpace.test(text.charAt(start - 1))) start--;
        start = Math.max(start, done);
      }
      if (token.rightStrip) while (end < text.length && isSpace.test(text.charAt(end))) end++;
      // The token before has taken the spaces that this one consists of.
      if (start >= end) continue;
      if (done < start) yield { text: text.slice(done, start), id: null, start: done };
      yield { text: text.slice(start, end), id, start };
      done = end;
    }
    if (done !== text.length) yield { text: text.slice(done), id: null, start: done };
  }
}
