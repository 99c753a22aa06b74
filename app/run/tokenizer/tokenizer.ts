import { AddedTokens, type IsPlain } from './added-tokens.ts';
import { toByteLevel } from './byte-level.ts';
import { createDecoder, type Decoder } from './decoders.ts';
import type { TokenizerDefinition } from './definition.ts';
import { decodedLength, grownLength } from './limits.ts';
import { BpeModel } from './models/bpe.ts';
import { createModel } from './models/create-model.ts';
import { TooManyTokens, type TokenModel } from './models/token-model.ts';
import { createNormalizer, type Normalizer } from './normalizers.ts';
import { createPostProcessor, type PostProcessor } from './post-processor.ts';
import { planPieces, type Emit, type PreTokenizer } from './pre-tokenizers.ts';

export interface EncodeOptions {
  /** Whether to add what the tokenizer puts around a text, e.g. a token for its beginning. */
  readonly addSpecialTokens: boolean;
  /**
   * Places (in UTF-16 units, ascending) inside names of special tokens that a person wrote: a name that reaches across one
   * is encoded as the characters it consists of, with everything else as it is.
   */
  readonly plainAt?: readonly number[];
  /** Encoding ends early, with TooManyTokens, when there are more ids than that. */
  readonly limit?: number;
}

/** Words that were seen before are not encoded again. Longer ones are rarely seen twice. */
const MAX_REMEMBERED_LENGTH = 64;
const MAX_REMEMBERED_WORDS = 64 * 1024;

/** Words of SentencePiece with the spaces before them. */
const wordsWithStart = /▁+[^▁]*|[^▁]+/gv;

const inWords: PreTokenizer = (text, isStart, emit) => {
  wordsWithStart.lastIndex = 0;
  for (const [word] of text.matchAll(wordsWithStart)) emit(word, isStart);
};

/** The index of the first of `places`, which ascend, above `limit`. */
function firstAbove(places: readonly number[], limit: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle] ?? 0) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isAnyBetween(places: readonly number[], start: number, end: number): boolean {
  return (places[firstAbove(places, start)] ?? Infinity) < end;
}

/** A character that text in circulation never has: it shows where a place went when its text was normalized. */
const PLACE = '\u{10fffe}';

/** A tokenizer made of its definition. It computes what the tokenizers package computes, token by token. */
export class Tokenizer {
  readonly #normalizer: Normalizer | null;
  readonly #split: PreTokenizer;
  readonly #isByteLevel: boolean;
  readonly #model: TokenModel;
  readonly #postProcessor: PostProcessor | null;
  readonly #decoder: Decoder | null;
  readonly #added: AddedTokens;
  readonly #remembered = new Map<string, readonly number[]>();

  /**
   * @throws RangeError or SyntaxError when parts of the definition cannot be used, AppError `malformed-file` when names of
   * added tokens grow beyond measure
   */
  constructor(definition: TokenizerDefinition) {
    this.#normalizer =
      definition.normalizer === null ? null : createNormalizer(definition.normalizer);
    const plan = planPieces(definition.preTokenizer);
    this.#model = createModel(definition.model);
    const mayCut = this.#model instanceof BpeModel && this.#model.endsAtWords;
    this.#split =
      plan.split ??
      (mayCut
        ? inWords
        : (text, isStart, emit) => {
            emit(text, isStart);
          });
    this.#isByteLevel = plan.isByteLevel;
    this.#postProcessor =
      definition.postProcessor === null ? null : createPostProcessor(definition.postProcessor);
    this.#decoder = definition.decoder === null ? null : createDecoder(definition.decoder);
    this.#added = new AddedTokens(definition.addedTokens, this.#model, (name) =>
      this.#normalize(name),
    );
  }

  idOf(token: string): number | undefined {
    return this.#added.idOf(token) ?? this.#model.idOf(token);
  }

  /** The token's text in the vocabulary; undefined for an id that is in none (models pad theirs). */
  tokenOf(id: number): string | undefined {
    return this.#added.textOf(id) ?? this.#model.tokenOf(id);
  }

  isSpecial(id: number): boolean {
    return this.#added.isSpecial(id);
  }

  /**
   * The token ids of `text`. Unpaired surrogates, which are no text, become U+FFFD.
   *
   * @throws InexpressibleText for a text that the vocabulary lacks and has no unknown token for, TooManyTokens
   */
  encode(
    text: string,
    { addSpecialTokens, plainAt = [], limit = Infinity }: EncodeOptions,
  ): number[] {
    const ids: number[] = [];
    const encodePiece: Emit = (piece) => {
      if (piece !== '') this.#encodeWord(piece, ids, limit);
      if (ids.length > limit) throw new TooManyTokens();
    };
    this.#sections(text.toWellFormed(), plainAt, ids, encodePiece);
    return addSpecialTokens && this.#postProcessor !== null ? this.#postProcessor(ids) : ids;
  }

  #sections(text: string, plainAt: readonly number[], ids: number[], emit: Emit): void {
    if (text === '') return;
    const isPlain: IsPlain | null =
      plainAt.length === 0 ? null : (start, end) => isAnyBetween(plainAt, start, end);
    for (const section of this.#added.split(text, false, isPlain)) {
      if (section.id !== null) ids.push(section.id);
      else this.#normalizedSections(section.text, section.start, plainAt, ids, emit);
    }
  }

  #normalizedSections(
    text: string,
    offset: number,
    plainAt: readonly number[],
    ids: number[],
    emit: Emit,
  ): void {
    const normalized = this.#normalize(text);
    if (normalized === '') return;
    const inside = this.#added.hasNormalized
      ? plainAt.slice(firstAbove(plainAt, offset), firstAbove(plainAt, offset + text.length - 1))
      : [];
    const isPlain =
      inside.length === 0
        ? null
        : this.#plainInNormalized(
            text,
            normalized,
            inside.map((place) => place - offset),
          );
    // A text whose first character is normalized away does not begin at its beginning.
    const first = String.fromCodePoint(text.codePointAt(0) ?? 0);
    const isStart = offset === 0 && (normalized === text || this.#normalize(first) !== '');
    for (const section of this.#added.split(normalized, true, isPlain)) {
      if (section.id !== null) ids.push(section.id);
      else this.#split(section.text, isStart && section.start === 0, emit);
    }
  }

  /** Where `places` of a text are in its normalized form. Where that cannot be told, no name there is a special token. */
  #plainInNormalized(text: string, normalized: string, places: readonly number[]): IsPlain {
    if (text === normalized) return (start, end) => isAnyBetween(places, start, end);
    if (text.includes(PLACE)) return () => true;
    const parts = [0, ...places].map((start, i) => text.slice(start, places[i]));
    const marked = this.#normalize(parts.join(PLACE)).split(PLACE);
    if (marked.length !== parts.length || marked.join('') !== normalized) return () => true;
    let at = 0;
    const moved = marked.slice(0, -1).map((part) => (at += part.length));
    return (start, end) => isAnyBetween(moved, start, end);
  }

  #normalize(text: string): string {
    return this.#normalizer === null ? text : this.#normalizer(text, grownLength(text.length));
  }

  #encodeWord(word: string, ids: number[], limit: number): void {
    if (word.length > MAX_REMEMBERED_LENGTH) {
      this.#model.encode(this.#isByteLevel ? toByteLevel(word) : word, ids, limit);
      return;
    }
    let known = this.#remembered.get(word);
    if (known === undefined) {
      const encoded: number[] = [];
      this.#model.encode(this.#isByteLevel ? toByteLevel(word) : word, encoded, Infinity);
      if (this.#remembered.size >= MAX_REMEMBERED_WORDS) this.#remembered.clear();
      this.#remembered.set(word, encoded);
      known = encoded;
    }
    for (const id of known) ids.push(id);
  }

  /** The text of `ids`; ids that are in no vocabulary have none. */
  decode(ids: readonly number[], { hideSpecial = false } = {}): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.tokenOf(id);
      if (token !== undefined && !(hideSpecial && this.isSpecial(id))) tokens.push(token);
    }
    if (this.#decoder === null) return tokens.join(' ');
    return this.#decoder(tokens, decodedLength(tokens.length)).join('');
  }
}
