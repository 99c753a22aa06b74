import type { Vocabulary } from '../definition.ts';

/** Turns one piece of a text into tokens. */
export interface TokenModel {
  /**
   * Appends the ids of `piece`, which is not empty, to `ids`.
   *
   * @throws TooManyTokens where a model sees beforehand that there will be more than `limit` of them
   */
  encode(piece: string, ids: number[], limit: number): void;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  readonly vocabularySize: number;
}

/** A text has more tokens than there is room for. */
export class TooManyTokens extends Error {}

/** A text has what the vocabulary lacks, and there is no token for the unknown. */
export class InexpressibleText extends Error {}

/** Ids are 32-bit in every format; one beyond belongs to no model. */
const MAX_ID = 2 ** 31 - 1;

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}

/**
 * Token texts by id and back. A hash table of its own, because filling a Map with the texts of a large vocabulary takes
 * several times as long, and the first answer waits for it.
 */
export class TokenTable {
  readonly #tokens: string[] = [];
  #mask = 2 ** 12 - 1;
  #hashes = new Int32Array(this.#mask + 1);
  /** Id + 1 of each slot; 0 in an empty one. */
  #ids = new Int32Array(this.#mask + 1);
  #size = 0;
  #longest = 1;

  /** @throws RangeError for an id that is none */
  constructor(vocabulary: Vocabulary) {
    vocabulary((token, id) => {
      if (!Number.isInteger(id) || id < 0 || id >= MAX_ID)
        throw new RangeError(`the token ${JSON.stringify(token.slice(0, 100))} has no valid id`);
      if (this.#size * 2 > this.#mask) this.#grow();
      const hash = hashOf(token);
      const slot = this.#slotOf(token, hash);
      if (this.#ids[slot] === 0) this.#size++;
      this.#hashes[slot] = hash;
      this.#ids[slot] = id + 1;
      this.#tokens[id] = token;
      this.#longest = Math.max(this.#longest, token.length);
    });
  }

  #slotOf(token: string, hash: number): number {
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = this.#ids[slot] ?? 0;
      if (id === 0 || (this.#hashes[slot] === hash && this.#tokens[id - 1] === token)) return slot;
    }
  }

  #grow(): void {
    const hashes = this.#hashes;
    const ids = this.#ids;
    this.#mask = this.#mask * 4 + 3;
    this.#hashes = new Int32Array(this.#mask + 1);
    this.#ids = new Int32Array(this.#mask + 1);
    ids.forEach((id, i) => {
      if (id === 0) return;
      const hash = hashes[i] ?? 0;
      let slot = hash & this.#mask;
      while (this.#ids[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#hashes[slot] = hash;
      this.#ids[slot] = id;
    });
  }

  /** UTF-16 units of the longest token. */
  get longest(): number {
    return this.#longest;
  }

  get size(): number {
    return this.#size;
  }

  idOf(token: string): number | undefined {
    const id = this.#ids[this.#slotOf(token, hashOf(token))] ?? 0;
    return id === 0 ? undefined : id - 1;
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }
}

const encoder = new TextEncoder();

/** Ids of the tokens <0x00> to <0xFF>; undefined where there is none. */
export class ByteTokens {
  readonly #ids: readonly (number | undefined)[];

  constructor(idOf: (token: string) => number | undefined) {
    this.#ids = Array.from({ length: 256 }, (_, byte) =>
      idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
    );
  }

  /** The ids of the bytes of `text`; null where one of them has no token. */
  of(text: string): number[] | null {
    const ids: number[] = [];
    for (const byte of encoder.encode(text)) {
      const id = this.#ids[byte];
      if (id === undefined) return null;
      ids.push(id);
    }
    return ids;
  }
}
