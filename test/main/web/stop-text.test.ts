import { describe, expect, it } from 'vitest';
import { StopText } from '../../../main/web/openai/stop-text.ts';

function through(stops: readonly string[], pieces: readonly string[]): string {
  const stop = new StopText(stops);
  const out = pieces.map((piece) => stop.push(piece)).join('');
  return `${out}${stop.stopped ? '|' : stop.end()}`;
}

describe('a stop text', () => {
  it('ends the text wherever the pieces are cut', () => {
    const text = 'one two STOP three';
    for (let size = 1; size <= text.length; size++) {
      const pieces = text.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
      expect(through(['STOP'], pieces)).toBe('one two |');
    }
  });

  it('lets through what only began like one', () => {
    expect(through(['STOP'], ['a S', 'TO', 'O STO'])).toBe('a STOO STO');
    expect(through(['aab'], ['a', 'a', 'a', 'b', 'c'])).toBe('a|');
    expect(through([], ['STOP', ' here'])).toBe('STOP here');
  });

  it('is the first of several that appears', () => {
    expect(through(['three', 'two'], ['one two', ' three'])).toBe('one |');
    expect(through(['bc', 'abcd'], ['abcd'])).toBe('|');
  });
});
