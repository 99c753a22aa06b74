import type { ModelDefinition } from '../definition.ts';
import { InexpressibleText, TokenTable, type TokenModel } from './token-model.ts';

/** What the two models that know whole words have in common. */
abstract class WordModel implements TokenModel {
  readonly #table: TokenTable;
  readonly #unknownToken: string;

  constructor({ vocabulary, unknownToken }: ModelDefinition & { type: 'WordPiece' | 'WordLevel' }) {
    this.#table = new TokenTable(vocabulary);
    this.#unknownToken = unknownToken;
  }

  abstract encode(piece: string, ids: number[]): void;

  get vocabularySize(): number {
    return this.#table.size;
  }

  idOf(token: string): number | undefined {
    return this.#table.idOf(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#table.tokenOf(id);
  }

  protected unknown(): number {
    const id = this.idOf(this.#unknownToken);
    if (id === undefined)
      throw new InexpressibleText('it has a word that is not in the vocabulary');
    return id;
  }
}

/** A word is a token or unknown. */
export class WordLevelModel extends WordModel {
  encode(piece: string, ids: number[]): void {
    ids.push(this.idOf(piece) ?? this.unknown());
  }
}

/** BERT's: the longest token that a word begins with, then the longest that goes on, or the whole word is unknown. */
export class WordPieceModel extends WordModel {
  readonly #prefix: string;
  readonly #maxCharacters: number;

  constructor(definition: ModelDefinition & { type: 'WordPiece' }) {
    super(definition);
    this.#prefix = definition.continuingSubwordPrefix;
    this.#maxCharacters = definition.maxInputCharsPerWord;
  }

  encode(piece: string, ids: number[]): void {
    const found = this.#pieces(piece);
    if (found === null) ids.push(this.unknown());
    else for (const id of found) ids.push(id);
  }

  #pieces(word: string): number[] | null {
    const characters = Array.from(word);
    if (characters.length > this.#maxCharacters) return null;
    const ids: number[] = [];
    for (let start = 0; start < characters.length;) {
      let end = characters.length;
      let id: number | undefined;
      for (; end > start; end--) {
        const part = characters.slice(start, end).join('');
        id = this.idOf(start > 0 ? this.#prefix + part : part);
        if (id !== undefined) break;
      }
      if (id === undefined) return null;
      ids.push(id);
      start = end;
    }
    return ids;
  }
}
