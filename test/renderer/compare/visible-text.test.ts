import { expect, it } from 'vitest';
import { spokenText, visibleText } from '../../../renderer/views/compare/logic/visible-text.ts';

it('makes what has no shape visible, and in a sentence only where there is nothing else', () => {
  expect(visibleText(' the')).toBe('␣the');
  expect(spokenText(' the')).toBe('the');
  expect(spokenText(' \n')).toBe('␣↵');
});
