import type { ModelDefinition } from '../definition.ts';
import { PrefixTrie } from './prefix-trie.ts';
import { ByteTokens, InexpressibleText, TokenTable, type TokenModel } from './token-model.ts';

/** How much worse than the worst token an unknown character is, in log probability; SentencePiece's value. */
const UNKNOWN_PENALTY = 10;

/** SentencePiece's Unigram: the most probable way to write a piece as tokens. */
export class UnigramModel implements TokenModel {
  readonly #table: TokenTable;
  readonly #scores: Float64Array;
  readonly #trie = new PrefixTrie();
  readonly #unknownId: number | null;
  readonly #unknownScore: number;
  readonly #bytes: ByteTokens | null;

  /** @throws RangeError when the unknown token is not in the vocabulary, or that is too large */
  constructor({ pieces, unknownId, byteFallback }: ModelDefinition & { type: 'Unigram' }) {
    this.#table = new TokenTable((visit) => {
      pieces.forEach(([token], id) => {
        visit(token, id);
      });
    });
    this.#scores = Float64Array.from(pieces, ([, score]) => score);
    if (unknownId !== null && unknownId >= pieces.length)
      throw new RangeError('the unknown token is not in the vocabulary');
    this.#unknownId = unknownId;
    this.#unknownScore =
      this.#scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
    pieces.forEach(([token], id) => {
      this.#trie.set(token, id);
    });
    this.#bytes = byteFallback ? new ByteTokens((token) => this.idOf(token)) : null;
  }

  get vocabularySize(): number {
    return this.#scores.length;
  }

  idOf(token: string): number | undefined {
    return this.#table.idOf(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#table.tokenOf(id);
  }

  encode(piece: string, ids: number[]): void {
    const { starts, nodes } = this.#bestPath(piece);
    // The places that were walked over take the cuts, from the back: texts of all parts would take ten times as much.
    const cuts = starts;
    let first = piece.length;
    const add = (start: number): void => {
      cuts[first--] = start;
    };
    // From the end; unknown characters beside each other are one.
    let unknownEnd = -1;
    for (let end = piece.length; end > 0;) {
      const start = starts[end] ?? 0;
      const isUnknown = nodes[end] === this.#unknownId;
      if (isUnknown && unknownEnd < 0) unknownEnd = end;
      if (!isUnknown) {
        if (unknownEnd >= 0) add(end);
        unknownEnd = -1;
        add(start);
      }
      end = start;
    }
    if (unknownEnd >= 0) add(0);
    for (let part = first + 1; part <= piece.length; part++)
      this.#push(piece.slice(cuts[part], cuts[part + 1] ?? piece.length), ids);
  }

  #push(part: string, ids: number[]): void {
    const id = this.idOf(part);
    if (id !== undefined) {
      ids.push(id);
      return;
    }
    const bytes = this.#bytes?.of(part) ?? null;
    if (bytes !== null) for (const byte of bytes) ids.push(byte);
    else ids.push(this.#unknown());
  }

  #unknown(): number {
    if (this.#unknownId === null)
      throw new InexpressibleText('it has a character that is not in the vocabulary');
    return this.#unknownId;
  }

  /** Where the best token that ends at each place starts, and which it is. */
  #bestPath(piece: string): { starts: Int32Array; nodes: Int32Array } {
    const length = piece.length;
    const scores = new Float64Array(length + 1);
    const starts = new Int32Array(length + 1).fill(-1);
    const nodes = new Int32Array(length + 1);
    const offer = (end: number, start: number, score: number, id: number): void => {
      if (starts[end] !== -1 && score <= (scores[end] ?? 0)) return;
      scores[end] = score;
      starts[end] = start;
      nodes[end] = id;
    };
    for (let start = 0; start < length;) {
      const before = scores[start] ?? 0;
      const size = (piece.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
      let hasCharacter = false;
      for (let node = 0, end = start; end < length;) {
        node = this.#trie.step(node, piece.charCodeAt(end++));
        if (node === 0) break;
        const id = this.#trie.valueAt(node);
        if (id < 0) continue;
        offer(end, start, (this.#scores[id] ?? 0) + before, id);
        if (end - start === size) hasCharacter = true;
      }
      if (!hasCharacter) offer(start + size, start, this.#unknownScore + before, this.#unknown());
      start += size;
    }
    return { starts, nodes };
  }
}
