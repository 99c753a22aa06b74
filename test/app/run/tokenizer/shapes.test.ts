import { beforeAll, describe, expect, it } from 'vitest';
import {
  createTokenizer,
  type ModelTokenizer,
} from '../../../../app/run/tokenizer/load-tokenizer.ts';
import { Tokenizer } from '../../../../app/run/tokenizer/tokenizer.ts';
import { readTokenizerDefinition } from '../../../../app/run/tokenizer/read-definition.ts';
import {
  randomIds,
  readShape,
  readTexts,
  shapeNames,
  shortHash,
  splitHashes,
  type Shape,
} from '../../../fixtures/tokenizers/read-shape.ts';

const texts = await readTexts();

describe.each(await shapeNames())('a tokenizer in the shape of %s', (name) => {
  let shape: Shape;
  // Without its watchdog, which takes longer than these texts.
  let tokenizer: Tokenizer;
  let watched: ModelTokenizer;

  beforeAll(async () => {
    shape = await readShape(name);
    const definition = readTokenizerDefinition(shape.tokenizer);
    tokenizer = new Tokenizer(definition);
    watched = createTokenizer(definition);
  });

  const encode = (text: string, addSpecialTokens: boolean): number[] =>
    tokenizer.encode(text, { addSpecialTokens });

  it('encodes and decodes 400 hard texts as the tokenizers package does', () => {
    shape.expected.first.forEach(([ids, text], i) => {
      expect(encode(texts[i] ?? '', false)).toEqual(ids);
      expect(tokenizer.decode(encode(texts[i] ?? '', true), { hideSpecial: true })).toBe(text);
    });
    const hashes = splitHashes(shape.expected.hashes);
    const different = texts.filter((text, i) => {
      const ids = encode(text, true);
      const found = [
        encode(text, false).join(','),
        ids.join(','),
        tokenizer.decode(ids),
        tokenizer.decode(ids, { hideSpecial: true }),
      ];
      return found.some((value, k) => shortHash(value) !== hashes[i * 4 + k]);
    });
    expect(different).toEqual([]);
  });

  it('decodes any ids as the tokenizers package does', () => {
    const found = randomIds(shape.expected.size).flatMap((ids) => [
      shortHash(tokenizer.decode(ids)),
      shortHash(tokenizer.decode(ids, { hideSpecial: true })),
    ]);
    expect(found).toEqual(splitHashes(shape.expected.decoded));
  });

  it('streams texts to what it decodes at once', () => {
    for (const text of texts.filter((_, i) => i % 3 === 0)) {
      const ids = encode(text, true);
      const stream = watched.stream();
      const pieces = ids.map((id) => stream.push(id));
      expect(pieces.join('') + stream.end()).toBe(tokenizer.decode(ids));
    }
  });

  it('encodes names of special tokens that a person wrote as the characters they are', () => {
    for (const [text, ids] of shape.expected.plain ?? []) {
      const plainAt = watched.findSpecialTokens(text).map((start) => start + 1);
      expect(watched.encode(text, false, { plainAt })).toEqual(ids);
    }
  });
});
