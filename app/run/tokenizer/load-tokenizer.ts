import path from 'node:path';
import { z } from 'zod';
import { AppError, because } from '../../contract/error.ts';
import { readJsonFile } from '../read-json.ts';
import { withDeadline } from './deadline.ts';
import type { TokenizerDefinition } from './definition.ts';
import { MAX_TOKENIZER_BYTES, missingTokenizer, TOKENIZER_FILE } from './files.ts';
import { InexpressibleText, TooManyTokens } from './models/token-model.ts';
import { NameSet } from './name-set.ts';
import { readTokenizerDefinition } from './read-definition.ts';
import { decodesByPattern, tokenBytes } from './token-bytes.ts';
import {
  ByteStream,
  WindowStream,
  type TokenStream,
  type TokenStreamOptions,
} from './token-stream.ts';
import { Tokenizer, type EncodeOptions } from './tokenizer.ts';

/** Decoding so many tokens takes milliseconds, too few for a watchdog. */
const MAX_UNWATCHED_TOKENS = 1_000;

/** A model's tokenizer: text to token ids and back. */
export interface ModelTokenizer {
  /**
   * @param addSpecialTokens Whether to add what the tokenizer puts around a text, e.g. a token for its beginning.
   * Names of special tokens within `text` become those tokens: text of a person goes through `encodePrompt`.
   * @throws AppError `malformed-file` when the tokenizer does not finish in time or makes too much of the text,
   * `invalid-input` when its vocabulary cannot express the text; TooManyTokens beyond `limit`
   */
  encode(
    text: string,
    addSpecialTokens: boolean,
    options?: Omit<EncodeOptions, 'addSpecialTokens'>,
  ): number[];
  /**
   * The text of `ids`, as the tokenizers package decodes them; special tokens show as their names unless they are hidden.
   *
   * @throws AppError `malformed-file` when the tokenizer does not finish in time or makes too much text
   */
  decode(ids: readonly number[], options?: { hideSpecial?: boolean }): string;
  /** Decodes tokens as they come. */
  stream(options?: { hideSpecial?: boolean }): TokenStream;
  /** Names of the control tokens. */
  readonly specialTokens: readonly string[];
  /** Where names of control tokens begin in `text`, also those that lie in each other. Names of one character count not. */
  findSpecialTokens(text: string): number[];
  idOf(token: string): number | undefined;
}

/**
 * Loads the tokenizer of a model folder.
 *
 * @throws AppError `missing-tokenizer` when there is none, `malformed-file` when it cannot be used
 */
export async function loadTokenizer(directory: string): Promise<ModelTokenizer> {
  const json = await readJsonFile(directory, TOKENIZER_FILE, MAX_TOKENIZER_BYTES);
  if (json === null) throw missingTokenizer(directory);
  try {
    return createTokenizer(withDeadline('loading', () => readTokenizerDefinition(json)));
  } catch (error) {
    if (error instanceof AppError) throw error;
    const problem =
      error instanceof z.ZodError
        ? z.prettifyError(error).replaceAll('\n', ' ')
        : error instanceof Error
          ? error.message
          : String(error);
    throw new AppError(
      'malformed-file',
      `${TOKENIZER_FILE} in ${directory} cannot be used: ${problem.slice(0, 500)}.`,
      because(
        'tokenizer-unusable',
        { file: path.join(directory, TOKENIZER_FILE), problem: problem.slice(0, 500) },
        { remedy: 'Download the checkpoint again.', cause: error },
      ),
    );
  }
}

/** What is told of a tokenizer that fails with a text. */
function explain(error: unknown): unknown {
  if (error instanceof AppError || error instanceof TooManyTokens) return error;
  const problem = (error instanceof Error ? error.message : String(error)).slice(0, 300);
  // Unknown characters are the text's fault for whoever wrote it, everything else the tokenizer's.
  return error instanceof InexpressibleText
    ? new AppError(
        'invalid-input',
        `The model's tokenizer cannot express this text: ${problem}.`,
        because('text-not-in-vocabulary', { problem }, { cause: error }),
      )
    : new AppError(
        'malformed-file',
        `The model's tokenizer cannot be used: ${problem}.`,
        because('tokenizer-unusable', { file: TOKENIZER_FILE, problem }, { cause: error }),
      );
}

/**
 * Makes a tokenizer of its definition.
 *
 * @throws RangeError or SyntaxError when parts of the definition cannot be used, AppError `malformed-file` when that takes
 * too long
 */
export function createTokenizer(definition: TokenizerDefinition): ModelTokenizer {
  const tokenizer = withDeadline('loading', () => new Tokenizer(definition));
  const bytes = tokenBytes(definition.decoder, tokenizer);
  const specialTokens = definition.addedTokens
    .filter(({ special }) => special)
    .map(({ content }) => content);
  const specialNames = new NameSet(
    specialTokens.filter((name) => name !== String.fromCodePoint(name.codePointAt(0) ?? 0)),
  );
  const isWatched = decodesByPattern(definition.decoder);
  const decode = (ids: readonly number[], options?: { hideSpecial?: boolean }): string => {
    const run = (): string => tokenizer.decode(ids, options);
    try {
      return isWatched || ids.length > MAX_UNWATCHED_TOKENS ? withDeadline('decoding', run) : run();
    } catch (error) {
      throw explain(error);
    }
  };
  return {
    stream: ({ hideSpecial = false } = {}) => {
      const options: TokenStreamOptions = hideSpecial
        ? { isHidden: (id) => tokenizer.isSpecial(id) }
        : {};
      return bytes === null || isWatched
        ? new WindowStream(decode, options)
        : new ByteStream(bytes, options);
    },
    specialTokens,
    findSpecialTokens: (text) => withDeadline('tokenizing', () => specialNames.startsIn(text)),
    idOf: (token) => tokenizer.idOf(token),
    encode: (text, addSpecialTokens, options = {}) => {
      try {
        return withDeadline('tokenizing', () =>
          tokenizer.encode(text, { ...options, addSpecialTokens }),
        );
      } catch (error) {
        throw explain(error);
      }
    },
    decode,
  };
}
