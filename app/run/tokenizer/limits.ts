import { AppError, because } from '../../contract/error.ts';

/** Limits on what a tokenizer of a stranger may make of a text. */

/**
 * How many UTF-16 units one unit of text may become by normalizing. Unicode's longest compatibility decomposition has 18,
 * a byte-level alphabet makes four of three bytes.
 */
const MAX_GROWTH = 32;

/** Texts of a few characters may grow more: a normalizer may put a word in front. */
const FREE_LENGTH = 4_096;

/** Beyond so much normalized text, a text may grow only as every published normalizer lets it. */
const MAX_GROWN_LENGTH = 4 * 1024 * 1024;
const MAX_GROWTH_BEYOND = 4;

/** The most text of one token, in UTF-16 units; the longest of real vocabularies have some hundred. */
const MAX_TOKEN_LENGTH = 64 * 1024;

/** The most text that decoding gives at once: a million tokens of real vocabularies have 5 million units. */
const MAX_DECODED_LENGTH = 64 * 1024 * 1024;

/** The most steps that a chain of normalizers, pre-tokenizers, processors or decoders may have; published ones have ten. */
export const MAX_COMPONENTS = 256;

/** How long the normalized form of `length` units may be. */
export function grownLength(length: number): number {
  return (
    Math.max(Math.min(length * MAX_GROWTH, MAX_GROWN_LENGTH), length * MAX_GROWTH_BEYOND) +
    FREE_LENGTH
  );
}

/** How long the text of `tokens` tokens may be. */
export function decodedLength(tokens: number): number {
  return Math.min(MAX_DECODED_LENGTH, Math.max(1, tokens) * MAX_TOKEN_LENGTH);
}

/** The error for a tokenizer that makes too much of a text. */
export function tooMuchText(operation: 'tokenizing' | 'decoding', limit: number): AppError {
  return new AppError(
    'malformed-file',
    `The model's tokenizer makes more than ${limit} characters of this text.`,
    because('tokenizer-output-limit', { operation, limit }),
  );
}

/**
 * `text` with every occurrence of `found` replaced, as String.replaceAll, refused before it is built when it would be
 * longer than `limit`.
 */
export function replaceAllWithin(
  text: string,
  found: string,
  content: string,
  limit: number,
  operation: 'tokenizing' | 'decoding',
): string {
  if (content.length > found.length) {
    let count = 0;
    for (let at = text.indexOf(found); at !== -1; at = text.indexOf(found, at + found.length))
      count++;
    if (text.length + count * (content.length - found.length) > limit)
      throw tooMuchText(operation, limit);
  }
  return text.replaceAll(found, () => content);
}
