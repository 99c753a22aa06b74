import type { ModelDefinition } from '../definition.ts';
import { MergeTable } from './merge-table.ts';
import {
  ByteTokens,
  InexpressibleText,
  TokenTable,
  TooManyTokens,
  type TokenModel,
} from './token-model.ts';

type Definition = ModelDefinition & { type: 'BPE' };

/** Up to so many symbols, looking through all pairs for the best is faster than a heap. */
const MAX_SCANNED_SYMBOLS = 40;

/** A heap's keys hold rank and place in one number. */
const PLACES = 2 ** 31;

/** What SentencePiece puts for a space. */
const WORD_START = '▁';
const WORD_START_CODE = WORD_START.charCodeAt(0);

/** Byte-pair encoding: characters, of which the pair of the lowest rank is merged until none is left. */
export class BpeModel implements TokenModel {
  readonly #table: TokenTable;
  readonly #merges: MergeTable;
  readonly #unknownToken: string | null;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #fuseUnknown: boolean;
  readonly #ignoreMerges: boolean;
  readonly #bytes: ByteTokens | null;
  /**
   * Whether nothing merges across the start of a word, so that words can be encoded one by one. True of vocabularies that
   * were trained on words, which SentencePiece's are.
   */
  readonly endsAtWords: boolean;
  // Symbols of the piece at hand.
  #ids = new Int32Array(256);
  #next = new Int32Array(256);
  #previous = new Int32Array(256);
  #length = 0;

  /** @throws RangeError when merges and vocabulary do not belong together */
  constructor(definition: Definition) {
    this.#table = new TokenTable(definition.vocabulary);
    this.#prefix = definition.continuingSubwordPrefix ?? '';
    this.#suffix = definition.endOfWordSuffix ?? '';
    this.#fuseUnknown = definition.fuseUnknown;
    this.#ignoreMerges = definition.ignoreMerges;
    this.#bytes = definition.byteFallback ? new ByteTokens((token) => this.idOf(token)) : null;
    this.#unknownToken = definition.unknownToken;
    this.#merges = new MergeTable(definition.merges.length);
    let endsAtWords = !this.#ignoreMerges && this.#prefix === '' && this.#suffix === '';
    let rank = 0;
    for (const merge of definition.merges) {
      let first: unknown;
      let second: unknown;
      if (typeof merge === 'string') {
        const space = merge.indexOf(' ');
        first = merge.slice(0, space);
        second = merge.slice(space + 1);
      } else if (Array.isArray(merge) && merge.length === 2) {
        first = merge[0];
        second = merge[1];
      }
      const left = typeof first === 'string' ? this.idOf(first) : undefined;
      const right = typeof second === 'string' ? this.idOf(second) : undefined;
      if (
        left === undefined ||
        right === undefined ||
        typeof first !== 'string' ||
        typeof second !== 'string'
      )
        throw new RangeError(`merge ${rank} does not join two tokens of the vocabulary`);
      this.#merges.set(left, right, rank++);
      if (endsAtWords && second.charCodeAt(0) === WORD_START_CODE)
        endsAtWords = first === WORD_START.repeat(first.length);
    }
    this.endsAtWords = endsAtWords && this.idOf(WORD_START) !== undefined;
  }

  get vocabularySize(): number {
    return this.#table.size;
  }

  idOf(token: string): number | undefined {
    return this.#table.idOf(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#table.tokenOf(id);
  }

  encode(piece: string, ids: number[], limit: number): void {
    if (this.#ignoreMerges) {
      const whole = this.idOf(piece);
      if (whole !== undefined) {
        ids.push(whole);
        return;
      }
    }
    this.#readSymbols(piece);
    // A token holds at most as many symbols as it has units, so that a text far too long is known before it is merged.
    if (ids.length + this.#length / this.#table.longest > limit) throw new TooManyTokens();
    if (this.#length <= MAX_SCANNED_SYMBOLS) this.#mergeByScanning();
    else this.#mergeByHeap();
    for (let i = 0; i < this.#length; i = this.#next[i] ?? this.#length)
      ids.push(this.#ids[i] ?? 0);
  }

  #add(id: number): void {
    if (this.#length === this.#ids.length) {
      const grow = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
        const grown = new Int32Array(old.length * 2);
        grown.set(old);
        return grown;
      };
      this.#ids = grow(this.#ids);
      this.#next = new Int32Array(this.#ids.length);
      this.#previous = new Int32Array(this.#ids.length);
    }
    this.#ids[this.#length++] = id;
  }

  #readSymbols(piece: string): void {
    this.#length = 0;
    let unknowns = 0;
    const addUnknowns = (): void => {
      for (; unknowns > 0; unknowns--) this.#add(this.#unknown());
    };
    for (let at = 0; at < piece.length;) {
      const size = (piece.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      let symbol = piece.slice(at, at + size);
      if (at > 0) symbol = this.#prefix + symbol;
      at += size;
      if (at === piece.length) symbol += this.#suffix;
      const id = this.idOf(symbol);
      if (id !== undefined) {
        addUnknowns();
        this.#add(id);
        continue;
      }
      const bytes = this.#bytes?.of(symbol) ?? null;
      // As in the package, an unknown character before stays pending until the next known one.
      if (bytes !== null) for (const byte of bytes) this.#add(byte);
      else if (this.#unknownToken !== null) {
        if (!this.#fuseUnknown) addUnknowns();
        unknowns = 1;
      }
    }
    addUnknowns();
  }

  #unknown(): number {
    const id = this.idOf(this.#unknownToken ?? '');
    if (id === undefined) throw new InexpressibleText('the unknown token is not in the vocabulary');
    return id;
  }

  /** The merged token of a pair, looked up when it is first needed: half of a vocabulary's merges never are. */
  #merged(place: number, left: number, right: number): number {
    const known = this.#merges.mergedAt(place);
    if (known >= 0) return known;
    const end = this.tokenOf(right) ?? '';
    const text = (this.tokenOf(left) ?? '') + end.slice(this.#prefix.length);
    const id = this.idOf(text);
    if (id === undefined)
      throw new RangeError(
        `a merge makes ${JSON.stringify(text.slice(0, 100))}, which is no token`,
      );
    this.#merges.setMergedAt(place, id);
    return id;
  }

  #mergeByScanning(): void {
    const ids = this.#ids;
    let length = this.#length;
    for (;;) {
      let best = -1;
      let bestRank = Infinity;
      let bestPlace = -1;
      for (let i = 0; i + 1 < length; i++) {
        const place = this.#merges.find(ids[i] ?? 0, ids[i + 1] ?? 0);
        if (place < 0) continue;
        const rank = this.#merges.rankAt(place);
        if (rank < bestRank) {
          bestRank = rank;
          best = i;
          bestPlace = place;
        }
      }
      if (best < 0) break;
      ids[best] = this.#merged(bestPlace, ids[best] ?? 0, ids[best + 1] ?? 0);
      ids.copyWithin(best + 1, best + 2, length);
      length--;
    }
    this.#length = length;
    for (let i = 0; i < length; i++) this.#next[i] = i + 1;
  }

  #mergeByHeap(): void {
    const ids = this.#ids;
    const next = this.#next;
    const previous = this.#previous;
    const length = this.#length;
    const heap = new MinimumHeap(length);
    const push = (left: number): void => {
      const right = next[left] ?? length;
      if (right >= length) return;
      const place = this.#merges.find(ids[left] ?? 0, ids[right] ?? 0);
      if (place >= 0) heap.push(this.#merges.rankAt(place) * PLACES + left);
    };
    for (let i = 0; i < length; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    for (let i = 0; i + 1 < length; i++) push(i);
    while (heap.size > 0) {
      const key = heap.pop();
      const left = key % PLACES;
      const right = next[left] ?? length;
      // Swallowed by its neighbour since, or at the end.
      if (ids[left] === -1 || right >= length) continue;
      const place = this.#merges.find(ids[left] ?? 0, ids[right] ?? 0);
      if (place < 0 || this.#merges.rankAt(place) !== Math.floor(key / PLACES)) continue;
      ids[left] = this.#merged(place, ids[left] ?? 0, ids[right] ?? 0);
      ids[right] = -1;
      const behind = next[right] ?? length;
      next[left] = behind;
      if (behind < length) previous[behind] = left;
      push(left);
      const before = previous[left] ?? -1;
      if (before >= 0) push(before);
    }
  }
}

/** Numbers, the smallest first. */
class MinimumHeap {
  #keys: Float64Array;
  size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(Math.max(capacity, 16));
  }

  push(key: number): void {
    if (this.size === this.#keys.length) {
      const grown = new Float64Array(this.size * 2);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    const keys = this.#keys;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = keys[parent] ?? 0;
      if (above <= key) break;
      keys[at] = above;
      at = parent;
    }
    keys[at] = key;
  }

  /** Of a heap that is not empty. */
  pop(): number {
    const keys = this.#keys;
    const top = keys[0] ?? 0;
    const last = keys[--this.size] ?? 0;
    const size = this.size;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (keys[child + 1] ?? 0) < (keys[child] ?? 0)) child++;
      const below = keys[child] ?? 0;
      if (below >= last) break;
      keys[at] = below;
      at = child;
    }
    keys[at] = last;
    return top;
  }
}
