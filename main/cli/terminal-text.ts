/*
 * Strangers' text on its way to a terminal. A terminal obeys what it is sent: sequences that start with a control
 * character write to the clipboard, change the title or clear the screen, and invisible characters reorder or hide what
 * is read. All of that is taken out; what a person can read stays.
 */

/** Of the control characters only these two format text. */
const TAB = 0x09;
const LINE_FEED = 0x0a;

const ESCAPE = 0x1b;
const BELL = 0x07;
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const STRING_TERMINATOR = 0x9c;

/** Where a sequence is that is being left out. */
type State = 'text' | 'escape' | 'control' | 'string' | 'string-escape';

/** What comes after ESC, or as one character of C1, opens a control sequence (CSI) or a string (DCS, SOS, OSC, PM, APC). */
const opensString = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f]);
const opensControl = 0x5b;

/** C1 characters stand for ESC and the character 0x40 below. */
const C1_OFFSET = 0x40;

/** What is not seen where it stands, and what changes the order in which the rest is read. */
const invisible =
  /\p{Cc}|\p{Default_Ignorable_Code_Point}|[\u2028\u2029\ufff9-\ufffb]|\p{Noncharacter_Code_Point}/u;

/** Joiners and variation selectors belong to writing where they follow a character that they can change. */
const joins = new Set(['\u200c', '\u200d', '\ufe0e', '\ufe0f']);
const joinable = /[^\p{ASCII}\p{Script=Latin}\p{P}\p{Z}\p{C}]/u;
/** Keycaps: a digit, then a variation selector. */
const keycap = /[0-9#*]/;

const MAX_JOINS = 2;

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/** Cleans text that comes in pieces, however it is cut. */
export class TerminalText {
  #state: State = 'text';
  /** The first half of a character whose second half has not come. */
  #half = '';
  /** The last visible character, and how many joiners it has got. */
  #before = '';
  #joined = 0;

  /** Takes a piece and gives back what can be shown of it. */
  push(piece: string): string {
    const text = this.#half + piece;
    this.#half = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : '';
    let shown = '';
    for (const character of this.#half === '' ? text : text.slice(0, -1))
      shown += this.#take(character);
    return shown;
  }

  /** What is left when no more comes. */
  end(): string {
    const half = this.#half;
    this.#half = '';
    this.#state = 'text';
    this.#before = '';
    return half === '' ? '' : '\ufffd';
  }

  #take(character: string): string {
    const code = character.codePointAt(0) ?? 0;
    // Ends every sequence, so that one that never ends hides no more than a line.
    if (code === LINE_FEED) {
      this.#state = 'text';
      this.#before = '';
      return character;
    }
    switch (this.#state) {
      case 'text':
        return this.#text(character, code);
      case 'escape':
        // Further intermediates (a choice of character sets), then one character that ends the sequence.
        if (isControl(code)) return this.#text(character, code);
        if (code === opensControl) this.#state = 'control';
        else if (opensString.has(code)) this.#state = 'string';
        else if (code > 0x7e) return this.#text(character, code);
        else if (code >= 0x30) this.#state = 'text';
        return '';
      case 'control':
        if (isControl(code) || code > 0x7e) return this.#text(character, code);
        if (code >= 0x40) this.#state = 'text';
        return '';
      case 'string':
        if (code === ESCAPE) this.#state = 'string-escape';
        else if (
          code === BELL ||
          code === CANCEL ||
          code === SUBSTITUTE ||
          code === STRING_TERMINATOR
        )
          this.#state = 'text';
        return '';
      case 'string-escape':
        // ESC \ ends the string; any other sequence does as well, and begins.
        this.#state = 'escape';
        return character === '\\' ? this.#ended() : this.#take(character);
    }
  }

  #ended(): string {
    this.#state = 'text';
    return '';
  }

  #join(character: string): string {
    const fits = joinable.test(this.#before) || (character > '\ufe00' && keycap.test(this.#before));
    // More than a selector and a joiner are no writing, but a place to hide something.
    return fits && ++this.#joined <= MAX_JOINS ? character : '';
  }

  #text(character: string, code: number): string {
    this.#state = 'text';
    if (code === ESCAPE) {
      this.#state = 'escape';
      return '';
    }
    if (code >= 0x80 && code <= 0x9f) {
      if (code - C1_OFFSET === opensControl) this.#state = 'control';
      else if (opensString.has(code - C1_OFFSET)) this.#state = 'string';
      return '';
    }
    if (code === TAB) return character;
    if (joins.has(character)) return this.#join(character);
    if (invisible.test(character)) return '';
    this.#before = character;
    this.#joined = 0;
    // A half of a character that came alone.
    return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : character;
  }
}

/** Cleans a whole text; lines stay lines. */
export function terminalText(text: string): string {
  const cleaner = new TerminalText();
  return cleaner.push(text) + cleaner.end();
}

/** Puts a text on one line: a name with line breaks could show lines that nobody said. */
export function onOneLine(text: string): string {
  return text.replace(/\s*[\n\r\t\u2028\u2029]\s*/g, ' ');
}

/** Cleans a text that has to stay on its line: a name, a cell of a table, a title. */
export function terminalLine(text: string): string {
  return onOneLine(terminalText(text));
}

/** JSON for a terminal: what would command it is written as an escape, which means the same to whoever parses it. */
export function terminalJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[\u007f-\u009f\u2028\u2029\ufff9-\ufffb]|\p{Default_Ignorable_Code_Point}/gu,
    (character) =>
      Array.from(
        { length: character.length },
        (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
      ).join(''),
  );
}
