import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type ModelTokenizer } from '../../../app/run/tokenizer/load-tokenizer.ts';
import { byteFallbackTokenizer } from '../../fixtures/byte-fallback-tokenizer.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { randomNumbers } from '../../fixtures/tiny-checkpoint.ts';

const sample = fileURLToPath(new URL('../../../app/sample/model/', import.meta.url));

const texts = [
  'hello world',
  'The quick brown fox, it’s 42 years old!',
  '  two spaces and a tab\t\n\nlines\r\n',
  '日本語のテキスト、中文字符，한국어',
  'emoji 🐶👩‍👩‍👧‍👦🇩🇪 and combining é̂',
  'Ω≈ç√∫˜µ≤≥÷ עברית العربية हिन्दी',
  '\u0000\u0001\ufeffodd\u{10ffff}',
  ' ',
  '',
];

async function byteFallbackFolder(): Promise<string> {
  const directory = await scratchFolder();
  await writeFile(path.join(directory, 'tokenizer.json'), JSON.stringify(byteFallbackTokenizer));
  return directory;
}

describe.each([
  ['byte-level', () => Promise.resolve(sample)],
  ['byte-fallback', byteFallbackFolder],
])('a %s tokenizer', (_kind, folder) => {
  let tokenizer: ModelTokenizer;

  beforeAll(async () => {
    const directory = await folder();
    tokenizer = await loadTokenizer(directory);
  });

  it.each(texts)('gives back %j', (text) => {
    expect(tokenizer.decode(tokenizer.encode(text, false))).toBe(text);
    expect(tokenizer.decode(tokenizer.encode(text, true), { hideSpecial: true })).toBe(text);
  });

  it.each(texts)('streams %j in whole characters', (text) => {
    const stream = tokenizer.stream();
    const pieces = tokenizer.encode(text, false).map((id) => stream.push(id));
    for (const piece of pieces) {
      expect(piece).not.toContain('\ufffd');
      expect(piece.isWellFormed()).toBe(true);
    }
    expect(pieces.join('') + stream.end()).toBe(text);
  });

  it('streams any tokens that are text to the same text as it decodes them', () => {
    const random = randomNumbers(7);
    for (let round = 0; round < 400; round++) {
      const ids = Array.from({ length: 1 + Math.floor(random() * 20) }, () =>
        Math.floor(random() * 320),
      );
      const stream = tokenizer.stream();
      const pieces = ids.map((id) => stream.push(id));
      const text = pieces.join('') + stream.end();
      // Of bytes that are no text a stream replaces only the broken ones; it cannot take back what was text before.
      if (!text.includes('\ufffd')) expect(text).toBe(tokenizer.decode(ids));
    }
  });

  it('ends with the replacement character inside a character', () => {
    const ids = tokenizer.encode('🐶', false);
    const stream = tokenizer.stream();
    expect(
      ids
        .slice(0, -1)
        .map((id) => stream.push(id))
        .join('')
        .trim(),
    ).toBe('');
    expect(stream.end()).toBe('\ufffd');
  });

  it('has no text for ids beyond its vocabulary', () => {
    expect(tokenizer.decode([1_000_000])).toBe('');
  });

  it('puts its beginning in front where asked', () => {
    const plain = tokenizer.encode('hello', false);
    expect(tokenizer.encode('hello', true)).toEqual([1, ...plain]);
  });
});

describe('a byte-level tokenizer with random bytes', () => {
  it('replaces what is no UTF-8 as a text decoder does, however it is cut', async () => {
    const tokenizer = await loadTokenizer(sample);
    const random = randomNumbers(11);
    for (let round = 0; round < 300; round++) {
      // Single bytes are the first tokens behind the control tokens.
      const ids = Array.from({ length: 12 }, () => 5 + Math.floor(random() * 256));
      const stream = tokenizer.stream();
      const pieces = ids.map((id) => stream.push(id));
      expect(pieces.join('') + stream.end()).toBe(tokenizer.decode(ids));
    }
  });
});

describe('loadTokenizer', () => {
  it('says which folder has none and what to do', async () => {
    const directory = await scratchFolder();
    await expect(loadTokenizer(directory)).rejects.toMatchObject({
      code: 'missing-tokenizer',
      message: expect.stringContaining(directory) as string,
      remedy: expect.stringContaining('tokenizer.json') as string,
    });
  });

  it.each([
    ['no JSON', '{'],
    ['no model', '{"version": "1.0"}'],
    ['an unknown model', '{"model": {"type": "Oracle", "vocab": {}}}'],
    ['added tokens without ids', '{"model": {"type": "BPE"}, "added_tokens": [{"content": "x"}]}'],
  ])('refuses a tokenizer.json with %s', async (_what, text) => {
    const directory = await scratchFolder();
    await writeFile(path.join(directory, 'tokenizer.json'), text);
    await expect(loadTokenizer(directory)).rejects.toMatchObject({ code: 'malformed-file' });
  });

  it('reads a folder named like the file as a failure, not as a missing tokenizer', async () => {
    const directory = await scratchFolder();
    await mkdir(path.join(directory, 'tokenizer.json'));
    await expect(loadTokenizer(directory)).rejects.toThrow();
  });
});
