import { describe, expect, it } from 'vitest';
import {
  terminalJson,
  terminalLine,
  terminalText,
  TerminalText,
} from '../../../main/cli/terminal-text.ts';

/** What strangers send, and what a person may see of it. */
const cases: readonly (readonly [string, string, string])[] = [
  ['plain text, tabs and lines', 'a\tb\nc', 'a\tb\nc'],
  ['colours', 'a\u001b[31mred\u001b[0mb', 'aredb'],
  ['a clipboard write ended by BEL', 'a\u001b]52;c;aGk=\u0007b', 'ab'],
  ['a clipboard write ended by ST', 'a\u001b]52;c;aGk=\u001b\\b', 'ab'],
  ['a title', '\u001b]0;owned\u0007b', 'b'],
  ['a link', '\u001b]8;;http://x\u001b\\text\u001b]8;;\u001b\\', 'text'],
  ['a string that never ends', 'a\u001b]0;rest of the line\nnext', 'a\nnext'],
  [
    'device control and application commands',
    'a\u001bPq..\u001b\\b\u001b_x\u001b\\c\u001b^y\u001b\\d',
    'abcd',
  ],
  ['clearing and moving', '\u001b[2J\u001b[1;1Ha\u001b[?25l', 'a'],
  ['a reset', 'a\u001bcb', 'ab'],
  ['a choice of character set', 'a\u001b(0b', 'ab'],
  ['sequences of eight bits', 'a\u009b31mb\u009d52;c;aGk=\u009cc\u0090q\u009cd', 'abcd'],
  ['a sequence inside of another', '\u001b[\u001b[31ma\u001b]\u001b]0;x\u0007b', 'ab'],
  ['an escape at the end', 'a\u001b', 'a'],
  ['overwriting', 'safe\rdanger\b\b', 'safedanger'],
  ['other controls', 'a\u0000\u0007\u000b\u000c\u007f\u0085b', 'ab'],
  ['reordering', 'a\u202eb\u2066c\u2069\u200f\u061cd', 'abcd'],
  ['hidden characters', 'a\u200bb\u2060c\ufeffd\u00ade\u{e0041}f\u180eg', 'abcdefg'],
  ['hidden joiners', 'pass\u200dword\u200c \ufe0f', 'password '],
  ['separators of lines and paragraphs', 'a\u2028b\u2029c', 'abc'],
  ['half a character', 'a\ud83db', 'a\ufffdb'],
  ['writing that needs joiners', 'می\u200cخواهم क\u094d\u200dष', 'می\u200cخواهم क\u094d\u200dष'],
  ['emoji of several', '👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3', '👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3'],
  ['data in many joiners', `😀${'\u200d\ufe0f'.repeat(20)}`, '😀\u200d\ufe0f'],
];

/** The characters of a text that are no plain text. */
function commands(text: string): string[] {
  return Array.from(text).filter((character) => {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    return (
      (isControl && !'\n\t'.includes(character)) || '\u202e\u200b\u{e0041}'.includes(character)
    );
  });
}

describe('what goes to a terminal', () => {
  it.each(cases)('cleans %s', (_what, given, shown) => {
    expect(terminalText(given)).toBe(shown);
  });

  it.each(cases)('cleans %s however it is cut', (_what, given, shown) => {
    const cleaner = new TerminalText();
    let out = '';
    // Code units, not characters: also between the halves of one.
    for (let i = 0; i < given.length; i++) out += cleaner.push(given.charAt(i));
    expect(out + cleaner.end()).toBe(shown);
  });

  it('never lets a control character through, whatever comes', () => {
    // A generator of its own, so that every run tries the same texts.
    let state = 1;
    const next = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const alphabet =
      '\u001b[]\\;mPX^_c(0\u0007\u009b\u009d\u009c\u0090\u202e\u200d\u200b\ud83d\ude00a\n\t\r';
    for (let round = 0; round < 2_000; round++) {
      const text = Array.from({ length: 30 }, () => alphabet.charAt(next(alphabet.length))).join(
        '',
      );
      expect(commands(terminalText(text))).toEqual([]);
    }
  });

  it('keeps a name on its line', () => {
    expect(terminalLine('evil\n\nDone.\r\n\tok')).toBe('evil Done. ok');
  });

  it('writes JSON that commands no terminal and means the same', () => {
    const value = { text: 'a\u001b]52;c;x\u0007\u009b31m\u202e\u200b\u007f\u{e0041}ü😀' };
    const written = terminalJson(value);
    expect(JSON.parse(written)).toEqual(value);
    expect(commands(written)).toEqual([]);
    expect(written).toContain('ü😀');
  });
});
