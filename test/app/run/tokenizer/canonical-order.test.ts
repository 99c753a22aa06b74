import { describe, expect, it } from 'vitest';
import {
  normalizeWithin,
  type NormalizationForm,
} from '../../../../app/run/tokenizer/canonical-order.ts';

const forms: readonly NormalizationForm[] = ['NFC', 'NFD', 'NFKC', 'NFKD'];

/** Every mark of Unicode and the two other characters that become some. */
const marks = Array.from({ length: 0x11_00_00 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .filter((character) => /[\p{M}\uff9e\uff9f]/v.test(character));

/** The same order every time, and none that Unicode has. */
function shuffled(characters: readonly string[]): string[] {
  let state = 1;
  const next = (): number => (state = (state * 48_271) % 0x7fffffff);
  return characters
    .map((character) => ({ character, key: next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ character }) => character);
}

describe.each(forms)('normalizing to %s', (form) => {
  it('gives what the built-in gives for every mark of Unicode in one run, in any order', () => {
    expect(marks.length).toBeGreaterThan(2_000);
    for (const run of [marks, marks.toReversed(), shuffled(marks)]) {
      const text = `Z${run.join('')}e\u0301 ${run.slice(0, 300).join('')}`;
      expect(normalizeWithin(text, form)).toBe(text.normalize(form));
    }
  });

  it('gives it for runs around the length from which they are sorted', () => {
    for (const length of [255, 256, 257, 258]) {
      const text = `e${'\u0301\u0323'.repeat(length).slice(0, length)}x`;
      expect(normalizeWithin(text, form)).toBe(text.normalize(form));
    }
  });

  it('sorts three hundred thousand marks of two classes', () => {
    // By insertion 22 billion comparisons, in one call that nothing can end.
    const half = 150_000;
    const text = `x${'\u0300'.repeat(half)}${'\u0323'.repeat(half)}`;
    const sorted = `x${'\u0323'.repeat(half)}${'\u0300'.repeat(half)}`;
    const normalized = normalizeWithin(text, form);
    expect(normalized === sorted.normalize(form)).toBe(true);
  });
});
