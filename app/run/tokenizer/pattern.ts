import type { Pattern } from './definition.ts';
import { assignedLater, type CodePointRanges } from './code-points.ts';

/**
 * Regular expressions of tokenizer.json, which are written for Oniguruma, as JavaScript's. Both backtrack in the same
 * order, so both find the same; classes, properties, line ends and possessive repetition are written anew.
 */

const escaped = (codePoint: number): string => `\\u{${codePoint.toString(16)}}`;

/** The inside of a character class that holds `ranges`. */
export function classOf(ranges: CodePointRanges): string {
  return ranges
    .map(([first, last]) =>
      first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`,
    )
    .join('');
}

const LATER = `[${classOf(assignedLater)}]`;

/** White_Space; JavaScript's own \s has U+FEFF and lacks U+0085. */
const SPACE = String.raw`[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;

const since16 = (property: string): string => `[\\p{${property}}--${LATER}]`;

/** With the fractions and powers of Latin-1, but no others. */
const WORD = String.raw`[[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u00b2\u00b3\u00b9\u00bc-\u00be]--${LATER}]`;

/** \w of the regex crate, which Whitespace and single-word tokens use. */
export const REGEX_CRATE_WORD = String.raw`[[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]--${LATER}]`;

/** Classes by the names that Oniguruma has beside those of Unicode, in lower case. */
const namedClasses: Readonly<Record<string, string>> = {
  alnum: `[[\\p{Alphabetic}\\p{Nd}]--${LATER}]`,
  alpha: since16('Alphabetic'),
  any: String.raw`[\u{0}-\u{10ffff}]`,
  ascii: String.raw`[\u{0}-\u{7f}]`,
  assigned: `[[^\\p{Cn}]--${LATER}]`,
  blank: String.raw`[\p{Zs}\t]`,
  cn: `[\\p{Cn}${LATER}]`,
  cntrl: String.raw`[\p{Cc}]`,
  digit: since16('Nd'),
  graph: `[[^\\p{Cn}\\p{Cc}\\p{Cs}\\p{White_Space}]--${LATER}]`,
  // The one letter whose category changed after Unicode 16.
  ll: `[[\\p{Ll}\\u0295]--${LATER}]`,
  lo: `[\\p{Lo}--[${classOf(assignedLater)}\\u0295]]`,
  lower: since16('Lowercase'),
  print: `[[[^\\p{Cn}\\p{Cc}\\p{Cs}]\\p{Zs}]--${LATER}]`,
  punct: String.raw`[[\p{P}\p{S}]--${LATER}]`,
  space: SPACE,
  upper: since16('Uppercase'),
  word: WORD,
  xdigit: '[0-9a-fA-F]',
};

function propertyClass(name: string): string {
  const plain = name.replaceAll(/[\s_-]/g, '').toLowerCase();
  const own = namedClasses[plain];
  if (own !== undefined) return own;
  const title = name
    .split(/[\s_]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join('_');
  for (const candidate of [title, `Script=${title}`, name, `Script=${name}`])
    try {
      // A category or script that this JavaScript knows.
      new RegExp(`\\p{${candidate}}`, 'v');
      return since16(candidate);
    } catch {
      // The next spelling.
    }
  throw new SyntaxError(`a regular expression uses the unknown property ${name}`);
}

const controlEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  e: 27,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
};

const classEscapes: Readonly<Record<string, string>> = {
  d: since16('Nd'),
  h: '[0-9a-fA-F]',
  s: SPACE,
  w: WORD,
};

const anchors: Readonly<Record<string, string>> = {
  A: '^',
  z: '$',
  Z: String.raw`(?=\n?$)`,
  b: `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`,
  B: `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`,
  R: String.raw`(?:\r\n|[\n-\r\u0085\u2028\u2029])`,
};

/** Deeper groups and classes than any pattern has. */
const MAX_DEPTH = 100;

class Translator {
  readonly #characters: readonly string[];
  #at = 0;
  #atomicGroups = 0;
  #depth = 0;

  constructor(source: string) {
    this.#characters = Array.from(source);
  }

  translate(): string {
    const translated = this.#alternatives();
    if (this.#at < this.#characters.length) throw this.#unsupported(')');
    return translated;
  }

  #unsupported(what: string): SyntaxError {
    return new SyntaxError(`a regular expression has ${what} where it cannot be read`);
  }

  #peek(offset = 0): string {
    return this.#characters[this.#at + offset] ?? '';
  }

  #take(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw this.#unsupported('its end');
    return character;
  }

  #takeIf(text: string): boolean {
    const wanted = Array.from(text);
    if (!wanted.every((character, i) => this.#peek(i) === character)) return false;
    this.#at += wanted.length;
    return true;
  }

  #takeUntil(end: string): string {
    let taken = '';
    while (!this.#takeIf(end)) taken += this.#take();
    return taken;
  }

  /** Up to the end of a group. Options without a group, `(?i)`, hold from there to its end, over alternatives too. */
  #alternatives(): string {
    if (++this.#depth > MAX_DEPTH) throw this.#unsupported('a group too deep');
    let out = '';
    let opened = '';
    while (this.#at < this.#characters.length && this.#peek() !== ')') {
      if (this.#takeIf('|')) out += '|';
      else {
        const options = this.#bareOptions();
        if (options === null) out += this.#repeated();
        else {
          out += `(?${options}:`;
          opened += ')';
        }
      }
    }
    this.#depth--;
    return out + opened;
  }

  #bareOptions(): string | null {
    const rest = this.#characters.slice(this.#at, this.#at + 6).join('');
    const options = /^\(\?(-?i)\)/.exec(rest)?.[1];
    if (options === undefined) return null;
    this.#at += options.length + 3;
    return options;
  }

  #repeated(): string {
    let atom = this.#atom();
    for (;;) {
      const quantifier = this.#quantifier();
      if (quantifier === null) return atom;
      if (quantifier.isPossessive) atom = this.#atomic(`${atom}${quantifier.text}`);
      // JavaScript has no repetition of a repetition.
      else atom = `(?:${atom}${quantifier.text})`;
    }
  }

  #quantifier(): { text: string; isPossessive: boolean } | null {
    const first = this.#peek();
    if (first === '*' || first === '+' || first === '?') {
      this.#at++;
      if (this.#takeIf('+')) return { text: first, isPossessive: true };
      return { text: first + (this.#takeIf('?') ? '?' : ''), isPossessive: false };
    }
    const rest = this.#characters.slice(this.#at, this.#at + 24).join('');
    const [whole = '', low = '', comma = '', high = ''] = /^\{(\d*)(,?)(\d*)\}/.exec(rest) ?? [];
    if (whole === '' || (low === '' && high === '')) return null;
    this.#at += whole.length;
    const text = `{${low === '' ? '0' : low}${comma}${high}}`;
    return { text: text + (this.#takeIf('?') ? '?' : ''), isPossessive: false };
  }

  /** What is matched once is never given back: a lookahead takes it, a reference repeats it. */
  #atomic(inside: string): string {
    const name = `atomic${this.#atomicGroups++}`;
    return `(?:(?=(?<${name}>${inside}))\\k<${name}>)`;
  }

  #atom(): string {
    const character = this.#take();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return this.#characterClass();
      case '\\':
        return this.#escape(false);
      case '.':
        return String.raw`[^\n]`;
      case '^':
        return String.raw`(?:^|(?<=\n)(?!$))`;
      case '$':
        return String.raw`(?=\n|$)`;
      case '*':
      case '+':
      case '?':
        throw this.#unsupported(character);
      default:
        return escaped(character.codePointAt(0) ?? 0);
    }
  }

  #group(): string {
    if (this.#takeIf('?#')) {
      this.#takeUntil(')');
      return '(?:)';
    }
    if (this.#takeIf('?>')) {
      const inside = this.#alternatives();
      this.#close();
      return this.#atomic(inside);
    }
    let open = '(?:';
    const lookarounds = ['?:', '?=', '?!', '?<=', '?<!', '?i:', '?-i:'];
    const kind = lookarounds.find((start) => this.#takeIf(start));
    if (kind !== undefined) open = `(${kind}`;
    // Captured text is never used: names and references are not supported.
    else if (this.#peek() === '?') throw this.#unsupported(`(?${this.#peek(1)}`);
    const inside = this.#alternatives();
    this.#close();
    // A lookaround may be repeated in Oniguruma.
    return `(?:${open}${inside}))`;
  }

  #close(): void {
    if (!this.#takeIf(')')) throw this.#unsupported('an open group');
  }

  #escape(inClass: boolean): string {
    const character = this.#take();
    if (!inClass) {
      const anchor = anchors[character];
      if (anchor !== undefined) return anchor;
    }
    const named = classEscapes[character];
    if (named !== undefined) return named;
    const negated =
      character !== character.toLowerCase() ? classEscapes[character.toLowerCase()] : undefined;
    if (negated !== undefined) return `[^${negated}]`;
    if (character === 'p' || character === 'P') {
      if (!this.#takeIf('{')) throw this.#unsupported('\\p');
      const isInverted = this.#takeIf('^');
      const property = propertyClass(this.#takeUntil('}'));
      return (character === 'P') === isInverted ? property : `[^${property}]`;
    }
    return escaped(this.#escapedCodePoint(character));
  }

  #escapedCodePoint(character: string): number {
    if (character === 'x' || character === 'u') {
      if (character === 'x' && this.#takeIf('{'))
        return this.#hexadecimal(this.#takeUntil('}').trim());
      let digits = '';
      const length = character === 'x' ? 2 : 4;
      while (digits.length < length && /^[0-9a-fA-F]$/.test(this.#peek())) digits += this.#take();
      return this.#hexadecimal(digits);
    }
    const control = controlEscapes[character];
    if (control !== undefined) return control;
    if (character === '0') return 0;
    if (/^[0-9A-Za-z]$/.test(character)) throw this.#unsupported(`\\${character}`);
    return character.codePointAt(0) ?? 0;
  }

  #hexadecimal(digits: string): number {
    const value = Number.parseInt(digits, 16);
    if (!/^[0-9a-fA-F]{1,6}$/.test(digits) || value > 0x10ffff) throw this.#unsupported('\\x');
    return value;
  }

  /** A class behind its bracket. Intersections bind weaker than everything beside them. */
  #characterClass(): string {
    if (++this.#depth > MAX_DEPTH) throw this.#unsupported('a class too deep');
    const isInverted = this.#takeIf('^');
    const operands: string[] = [];
    let union = '';
    // A bracket that closes at once stands for itself.
    if (this.#takeIf(']')) union = escaped(0x5d);
    while (!this.#takeIf(']')) {
      if (this.#takeIf('&&')) {
        operands.push(`[${union}]`);
        union = '';
      } else union += this.#classItem();
    }
    this.#depth--;
    operands.push(`[${union}]`);
    return `[${isInverted ? '^' : ''}${operands.join('&&')}]`;
  }

  #classItem(): string {
    if (this.#takeIf('[:')) {
      const isInverted = this.#takeIf('^');
      const named = propertyClass(this.#takeUntil(':]'));
      return isInverted ? `[^${named}]` : named;
    }
    const character = this.#take();
    if (character === '[') return this.#characterClass();
    const item = character === '\\' ? this.#escape(true) : escaped(character.codePointAt(0) ?? 0);
    const isRange =
      item.startsWith('\\u{') && this.#peek() === '-' && ![']', '['].includes(this.#peek(1));
    if (!isRange) return item;
    this.#at++;
    const end = this.#take();
    const last = end === '\\' ? this.#escape(true) : escaped(end.codePointAt(0) ?? 0);
    if (!last.startsWith('\\u{')) return `${item}${escaped(0x2d)}${last}`;
    return `${item}-${last}`;
  }
}

/**
 * The JavaScript source, for the `v` flag, of a regular expression in Oniguruma's syntax.
 *
 * @throws SyntaxError for what is wrong there or has no counterpart
 */
export function translatePattern(source: string): string {
  return new Translator(source).translate();
}

/** The longest regular expressions of published tokenizers have a kilobyte, and thirty as JavaScript's. */
const MAX_PATTERN_LENGTH = 16 * 1024;
const MAX_TRANSLATED_LENGTH = 256 * 1024;

/** Finds the matches of a pattern from left to right, as Oniguruma's iterator does. */
export class Matcher {
  readonly #anywhere: RegExp;
  readonly #here: RegExp;

  /** @throws SyntaxError */
  constructor(pattern: Pattern) {
    const given = pattern.kind === 'text' ? pattern.text : pattern.source;
    if (given.length > MAX_PATTERN_LENGTH)
      throw new SyntaxError(`a regular expression has more than ${MAX_PATTERN_LENGTH} characters`);
    const source =
      pattern.kind === 'text'
        ? Array.from(given, (character) => escaped(character.codePointAt(0) ?? 0)).join('')
        : translatePattern(given);
    if (source.length > MAX_TRANSLATED_LENGTH)
      throw new SyntaxError('a regular expression has too many classes');
    this.#anywhere = new RegExp(source, 'gv');
    this.#here = new RegExp(source, 'yv');
  }

  /** Calls `found` with start and end of every match. An empty one directly behind another is none. */
  forEach(text: string, found: (start: number, end: number) => void): void {
    let from = 0;
    let last = -1;
    while (from <= text.length) {
      let start = from;
      let end: number;
      // Most patterns leave nothing between their matches, and looking at one place makes no match object.
      this.#here.lastIndex = from;
      if (last === from && this.#here.test(text)) end = this.#here.lastIndex;
      else {
        this.#anywhere.lastIndex = from;
        const match = this.#anywhere.exec(text);
        if (match === null) return;
        start = match.index;
        end = start + match[0].length;
      }
      if (end > start || end !== last) {
        found(start, end);
        last = end;
      }
      from = end > start ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
    }
  }
}
