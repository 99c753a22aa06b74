import { describe, expect, it } from 'vitest';
import {
  contextOf,
  excerptOf,
  mostChanged,
} from '../../../renderer/views/compare/logic/scoring.ts';
import { isBlank, visibleText } from '../../../renderer/views/compare/logic/visible-text.ts';

describe('the most changed tokens', () => {
  it('are those with the largest divergence, the largest first', () => {
    expect(mostChanged([null, 0.1, 3, 0, 0.5, 0.1], 3)).toEqual([2, 4, 1]);
  });

  it('are none where nothing changed', () => {
    expect(mostChanged([null, 0, 0])).toEqual([]);
    expect(mostChanged([])).toEqual([]);
  });
});

describe('an excerpt', () => {
  it('ends with a paragraph', () => {
    const text = `${'a'.repeat(40)}\n\n${'b'.repeat(40)}\n\n${'c'.repeat(40)}`;
    expect(excerptOf(text, 100)).toBe(`${'a'.repeat(40)}\n\n${'b'.repeat(40)}`);
  });

  it('is the whole text where that is short, and cut where it has no paragraphs', () => {
    expect(excerptOf(' short \n')).toBe('short');
    expect(excerptOf('x'.repeat(50), 10)).toBe('x'.repeat(10));
  });
});

describe('the words around a place', () => {
  it('are one line', () => {
    const tokens = ['It', ' was', '\n', ' cold', ' and', ' dark'].map((text, id) => ({ id, text }));
    expect(contextOf(tokens, 3, 2)).toEqual({ before: 'was ', token: ' cold', after: ' and dark' });
    expect(contextOf(tokens, 0, 1)).toEqual({ before: '', token: 'It', after: ' was' });
  });
});

describe('what cannot be seen', () => {
  it('gets a sign', () => {
    expect(visibleText(' a\n\tb')).toBe('␣a↵⇥b');
    expect(isBlank(' \n')).toBe(true);
    expect(isBlank(' a')).toBe(false);
  });
});
