import { expect, it } from 'vitest';
import { readTokenizerDefinition } from '../../../../app/run/tokenizer/read-definition.ts';
import { Tokenizer } from '../../../../app/run/tokenizer/tokenizer.ts';

interface Added {
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
}

function tokenizerOf(added: readonly Added[], normalizer: unknown = null): Tokenizer {
  return new Tokenizer(
    readTokenizerDefinition({
      version: '1.0',
      added_tokens: added.map((token, i) => ({
        id: 3 + i,
        special: false,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        ...token,
      })),
      normalizer,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', vocab: { '<unk>': 0, a: 1, b: 2 }, unk_token: '<unk>' },
    }),
  );
}

// Expected values are those of the tokenizers package 0.23.3.

it('takes an added token only once whose spaces the one before has taken', () => {
  const tokenizer = tokenizerOf([
    { content: ' ', lstrip: true, rstrip: true },
    { content: '|', rstrip: true },
  ]);
  const idsOf = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
  expect(idsOf('a   b')).toEqual([1, 3, 2]);
  expect(idsOf('a|  b')).toEqual([1, 4, 2]);
  expect(idsOf('   ')).toEqual([3]);
});

it('hides control tokens by their text, which the normalizer may have changed', () => {
  const tokenizer = tokenizerOf(
    [
      { content: '<x>', special: true, normalized: true },
      { content: '<y>', special: true },
    ],
    { type: 'Prepend', prepend: '_' },
  );
  expect(tokenizer.decode([1, 3, 4, 2])).toBe('a _<x> <y> b');
  expect(tokenizer.decode([1, 3, 4, 2], { hideSpecial: true })).toBe('a _<x> b');
});
