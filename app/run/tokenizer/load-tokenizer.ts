import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { AppError } from '../../contract/error.ts';
import { readJsonFile } from '../read-json.ts';
import { tokenBytes, type TokenBytes, type TokenSource } from './token-bytes.ts';
import { TokenStream, type TokenStreamOptions } from './token-stream.ts';

export const TOKENIZER_FILE = 'tokenizer.json';
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';

/** The largest published vocabularies (a quarter of a million tokens) take 35 MB. */
const MAX_TOKENIZER_BYTES = 128 * 1024 * 1024;

const addedTokensSchema = z.array(
  z.looseObject({
    id: z.int().nonnegative(),
    content: z.string().min(1),
    special: z.boolean().default(false),
  }),
);

/** A model's tokenizer: text to token ids and back. */
export interface ModelTokenizer {
  /**
   * @param addSpecialTokens Whether to add what the tokenizer puts around a text, e.g. a token for its beginning.
   * Names of special tokens within `text` become those tokens: text of a person goes through `encodePrompt`.
   */
  encode(text: string, addSpecialTokens: boolean): number[];
  /** The text of `ids`; special tokens show as their names unless they are hidden. */
  decode(ids: readonly number[], options?: { hideSpecial?: boolean }): string;
  /** Decodes tokens as they come. */
  stream(options?: { hideSpecial?: boolean }): TokenStream;
  /** Names of the control tokens. */
  readonly specialTokens: readonly string[];
  idOf(token: string): number | undefined;
}

/**
 * What we use of the library's class. Its own declarations import each other without file extensions, which our module
 * resolution does not follow, so that the compiler knows nothing of it.
 */
interface LibraryTokenizer extends TokenSource {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  token_to_id(token: string): number | undefined;
}
const LibraryTokenizer = Tokenizer as unknown as new (
  tokenizer: object,
  config: object,
) => LibraryTokenizer;

/** tokenizer_config.json; an empty object where there is none. */
export async function readTokenizerConfig(
  directory: string,
): Promise<Readonly<Record<string, unknown>>> {
  const config = await readJsonFile(directory, TOKENIZER_CONFIG_FILE);
  return typeof config === 'object' && config !== null && !Array.isArray(config)
    ? (config as Record<string, unknown>)
    : {};
}

/** The error for a model folder without a tokenizer that can be read. */
export function missingTokenizer(directory: string): AppError {
  return new AppError('missing-tokenizer', `There is no ${TOKENIZER_FILE} in ${directory}.`, {
    remedy: `Copy ${TOKENIZER_FILE} and ${TOKENIZER_CONFIG_FILE} from the original repository into that folder, or give token ids (nibble generate --ids).`,
  });
}

/** What the library's constructor demands; files may leave out what they do not use. */
const tokenizerSchema = z.looseObject({
  model: z.looseObject({}),
  added_tokens: addedTokensSchema.nullish().transform((tokens) => tokens ?? []),
  normalizer: z.unknown().transform((value) => value ?? null),
  pre_tokenizer: z.unknown().transform((value) => value ?? null),
  post_processor: z.unknown().transform((value) => value ?? null),
  decoder: z.unknown().transform((value) => value ?? null),
});

/**
 * Loads the tokenizer of a model folder.
 *
 * @throws AppError `missing-tokenizer` when there is none, `malformed-file` when it cannot be used
 */
export async function loadTokenizer(
  directory: string,
  config: Readonly<Record<string, unknown>>,
): Promise<ModelTokenizer> {
  const json = await readJsonFile(directory, TOKENIZER_FILE, MAX_TOKENIZER_BYTES);
  if (json === null) throw missingTokenizer(directory);
  try {
    const parsed = tokenizerSchema.parse(json);
    return wrap(new LibraryTokenizer(parsed, config), parsed.added_tokens, parsed.decoder);
  } catch (error) {
    throw new AppError(
      'malformed-file',
      `${TOKENIZER_FILE} in ${directory} cannot be used: ${error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : error instanceof Error ? error.message : String(error)}.`,
      { remedy: 'Download the checkpoint again.', cause: error },
    );
  }
}

function wrap(
  tokenizer: LibraryTokenizer,
  addedTokens: z.infer<typeof addedTokensSchema>,
  decoder: unknown,
): ModelTokenizer {
  const special = addedTokens.filter((token) => token.special);
  const specialIds = new Set(special.map(({ id }) => id));
  const bytes: TokenBytes = tokenBytes(
    decoder,
    tokenizer,
    new Map(addedTokens.map(({ id, content }) => [id, content])),
  );
  const stream = ({ hideSpecial = false } = {}): TokenStream => {
    const options: TokenStreamOptions = hideSpecial ? { isHidden: (id) => specialIds.has(id) } : {};
    return new TokenStream(bytes, options);
  };
  return {
    stream,
    specialTokens: special.map(({ content }) => content),
    idOf: (token) => tokenizer.token_to_id(token),
    encode: (text, addSpecialTokens) => {
      const { ids } = tokenizer.encode(text, { add_special_tokens: addSpecialTokens });
      // The library leaves a hole for what is not in its vocabulary when there is no unknown token.
      return ids.filter((id) => id !== undefined);
    },
    decode: (ids, options) => {
      const pieces = stream(options);
      return ids.map((id) => pieces.push(id)).join('') + pieces.end();
    },
  };
}
