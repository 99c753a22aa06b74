import { describe, expect, it } from 'vitest';
import { encodePrompt } from '../../../../app/run/index.ts';
import { withDeadline } from '../../../../app/run/tokenizer/deadline.ts';
import {
  createTokenizer,
  type ModelTokenizer,
} from '../../../../app/run/tokenizer/load-tokenizer.ts';
import { TooManyTokens } from '../../../../app/run/tokenizer/models/token-model.ts';
import { readTokenizerDefinition } from '../../../../app/run/tokenizer/read-definition.ts';
import { Tokenizer } from '../../../../app/run/tokenizer/tokenizer.ts';

const vocabulary = { a: 0, b: 1, ' ': 2, '!': 3, t: 4, h: 5, e: 6 };

const file = (parts: object = {}): object => ({
  added_tokens: [],
  model: { type: 'BPE', vocab: vocabulary, merges: [] },
  ...parts,
});

const tokenizerOf = (parts: object): ModelTokenizer =>
  createTokenizer(readTokenizerDefinition(file(parts)));

const split = (source: string): object => ({
  type: 'Split',
  pattern: { Regex: source },
  behavior: 'Isolated',
  invert: false,
});

/** A step that makes two letters of each, often enough to fill any memory. */
const doubling = Array.from({ length: 60 }, () => ({
  type: 'Replace',
  pattern: { String: 'a' },
  content: 'aa',
}));

const special = (id: number, content: string): object => ({ id, content, special: true });

describe('a tokenizer that would not end', () => {
  // Sixty letters: a matcher that goes back would be busy for longer than the universe is old.
  const text = `${'a'.repeat(60)}!`;

  it.each(['(a+)+$', '(?:a|a)*b', '(?:[ab]|a)*!b'])('is stopped inside %s', (source) => {
    const tokenizer = new Tokenizer(
      readTokenizerDefinition(file({ pre_tokenizer: split(source) })),
    );
    const encode = (given: string): number[] =>
      tokenizer.encode(given, { addSpecialTokens: false });
    expect(() => withDeadline('tokenizing', () => encode(text), 20)).toThrow(
      expect.objectContaining({ code: 'malformed-file', reason: 'tokenizer-timeout' }) as Error,
    );
    // What was stopped leaves nothing behind.
    expect(withDeadline('tokenizing', () => encode('b!'))).toEqual([1, 3]);
  });

  it('is stopped while it decodes', () => {
    const tokenizer = new Tokenizer(
      readTokenizerDefinition(
        file({
          decoder: { type: 'Replace', pattern: { Regex: '(a+)+$' }, content: '' },
          model: { type: 'BPE', vocab: { [text]: 0 }, merges: [] },
        }),
      ),
    );
    expect(() => withDeadline('decoding', () => tokenizer.decode([0]), 20)).toThrow(
      expect.objectContaining({ reason: 'tokenizer-timeout' }) as Error,
    );
  });

  it('gives back what its work gave, and throws what that threw', () => {
    expect(withDeadline('loading', () => 7)).toBe(7);
    const error = new Error('own');
    expect(() =>
      withDeadline('loading', () => {
        throw error;
      }),
    ).toThrow(error);
  });
});

describe('a tokenizer that makes too much of a text', () => {
  const tooMuch = expect.objectContaining({
    code: 'malformed-file',
    reason: 'tokenizer-output-limit',
  }) as Error;

  it('is stopped while it normalizes, also the names of its own tokens', () => {
    const normalizer = { type: 'Sequence', normalizers: doubling };
    const tokenizer = tokenizerOf({ normalizer });
    expect(() => tokenizer.encode('a', false)).toThrow(tooMuch);
    expect(tokenizer.encode('b', false)).toEqual([1]);
    expect(() =>
      tokenizerOf({ normalizer, added_tokens: [{ id: 9, content: 'aa', normalized: true }] }),
    ).toThrow(tooMuch);
  });

  it('is stopped where a regular expression or a prefix does it', () => {
    const growing = { type: 'Replace', pattern: { Regex: 'a' }, content: 'a'.repeat(10_000) };
    expect(() => tokenizerOf({ normalizer: growing }).encode('aa', false)).toThrow(tooMuch);
    const prepend = { type: 'Prepend', prepend: 'a'.repeat(10_000) };
    expect(() =>
      tokenizerOf({ normalizer: { type: 'Sequence', normalizers: [prepend] } }).encode('a', false),
    ).toThrow(tooMuch);
  });

  it('is stopped while it decodes, at once or token by token', () => {
    const tokenizer = tokenizerOf({ decoder: { type: 'Sequence', decoders: doubling } });
    expect(() => tokenizer.decode([0])).toThrow(tooMuch);
    expect(() => tokenizer.stream().push(0)).toThrow(tooMuch);
  });
});

describe('a tokenizer that is none', () => {
  const nested = (depth: number): object =>
    depth === 0 ? { type: 'NFC' } : { type: 'Sequence', normalizers: [nested(depth - 1)] };
  const repeated = {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A' } }, { Sequence: { id: 'A' } }],
    special_tokens: {},
  };

  it.each([
    ['steps in steps in steps', { normalizer: nested(1000) }],
    [
      'ten thousand steps',
      {
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: Array(10_000).fill({ type: 'Whitespace' }),
        },
      },
    ],
    ['a template that repeats the text', { post_processor: repeated }],
    ['an unknown step', { normalizer: { type: 'Rot13' } }],
    ['an id that is none', { model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }],
    ['a merge of what is no token', { model: { type: 'BPE', vocab: { a: 0 }, merges: ['a x'] } }],
    ['a regular expression that is none', { pre_tokenizer: split('(?<=a') }],
    ['groups in groups in groups', { pre_tokenizer: split('('.repeat(9000)) }],
    [
      'a character map that is none',
      { normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } },
    ],
  ])('is refused for %s', (_what, parts) => {
    expect(() => tokenizerOf(parts)).toThrow();
  });
});

describe('encodePrompt', () => {
  const user = (content: string): { role: 'user'; content: string } => ({ role: 'user', content });

  it('ends where names of special tokens contain each other and its own marks', () => {
    const names = ['the', 't\ufdd0', '\ufdd0\ufdd1', 'th', 'he', 'e\ufdd00'];
    const tokenizer = tokenizerOf({
      added_tokens: names.map((name, i) => special(7 + i, name)),
    });
    const prompt = encodePrompt(tokenizer, null, [user('the the t')]);
    expect(prompt.text).toBe('the the t');
    expect(prompt.ids).toEqual([4, 5, 6, 2, 4, 5, 6, 2, 4]);
  });

  it('marks with another character where a message has all that it takes first', () => {
    const all = Array.from({ length: 32 }, (_, i) => String.fromCodePoint(0xfdd0 + i)).join('');
    const tokenizer = tokenizerOf({ added_tokens: [special(7, 'the')] });
    expect(encodePrompt(tokenizer, null, [user(`the${all}`)]).text).toBe(`the${all}`);
  });

  const long = 2 * 1024 * 1024;

  it('refuses a prompt that is far too long before it is tokenized to its end', () => {
    // Merging the whole text would fail: the merged token is not in the vocabulary.
    const tokenizer = tokenizerOf({ model: { type: 'BPE', vocab: vocabulary, merges: ['a b'] } });
    expect(() => tokenizer.encode('ab', false)).toThrow(
      expect.objectContaining({ reason: 'tokenizer-unusable' }) as Error,
    );
    expect(() => encodePrompt(tokenizer, null, [user('ab'.repeat(long / 2))], 1000)).toThrow(
      expect.objectContaining({
        code: 'invalid-input',
        reason: 'prompt-beyond-context',
        facts: { characters: long, contextTokens: 1000 },
      }) as Error,
    );
    expect(() => tokenizer.encode('b'.repeat(100), false, { limit: 99 })).toThrow(TooManyTokens);
    expect(tokenizer.encode('b'.repeat(100), false, { limit: 100 })).toHaveLength(100);
  });

  it('takes every prompt that fits, however long its text is', () => {
    const tokenizer = tokenizerOf({
      added_tokens: [{ id: 7, content: 'a'.repeat(1024), normalized: false }],
    });
    const prompt = encodePrompt(tokenizer, null, [user('a'.repeat(long))], long / 1024);
    expect(prompt.ids).toHaveLength(long / 1024);
  });
});

describe('an unpaired surrogate', () => {
  it('is the replacement character', () => {
    const tokenizer = tokenizerOf({
      model: { type: 'BPE', vocab: { '\ufffd': 0, a: 1 }, merges: [] },
    });
    expect(tokenizer.encode('\ud800a\udc00', false)).toEqual([0, 1, 0]);
  });
});
