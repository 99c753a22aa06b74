import { syntaxError } from '../failure.ts';
import { isOnlySpace, SPACE_CLASS, strip } from '../text.ts';

/** `kind` is the operator itself for operators; `text` holds names, strings (unescaped), numbers and data. */
export interface Token {
  readonly kind: string;
  readonly text: string;
  readonly line: number;
}

const operators = [
  ...['//', '**', '==', '!=', '>=', '<='],
  ...[
    '+',
    '-',
    '/',
    '*',
    '%',
    '~',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    '>',
    '<',
    '=',
    '.',
    ':',
    '|',
    ',',
    ';',
  ],
];
const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

const spaces = new RegExp(`[${SPACE_CLASS}]*`, 'y');
const rawStart = new RegExp(
  `\\{%[-+]?[${SPACE_CLASS}]*raw[${SPACE_CLASS}]*(?:-%\\}[${SPACE_CLASS}]*|%\\})`,
  'y',
);
const rawEnd = new RegExp(
  `\\{%([-+]?)[${SPACE_CLASS}]*endraw[${SPACE_CLASS}]*(?:\\+%\\}|-%\\}[${SPACE_CLASS}]*|%\\}\\n?)`,
  'y',
);
const floating = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integer = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const identifier = /[\p{ID_Continue}_]+/uy;
const identifierStart = /^[\p{ID_Start}_]/u;

/** The text that a sticky expression finds at a place; null where it finds none. */
function match(expression: RegExp, source: string, at: number): string | null {
  expression.lastIndex = at;
  return expression.exec(source)?.[0] ?? null;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** What a literal stands for, by Python's rules: an unknown escape is left as it is. */
function unescape(literal: string, line: number): string {
  return literal.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole, hex?: string, short?: string, long?: string, octal?: string, other?: string) => {
      const code = hex ?? short ?? long;
      if (code !== undefined) {
        const point = Number.parseInt(code, 16);
        if (point > 0x10ffff) throw syntaxError('illegal Unicode character', line);
        return String.fromCodePoint(point);
      }
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (other !== undefined && 'xuUN'.includes(other))
        throw syntaxError(`truncated or unknown escape \\${other}`, line);
      return simpleEscapes[other ?? ''] ?? whole;
    },
  );
}

/** Cuts a template into tokens, with trim_blocks and lstrip_blocks as transformers sets them. */
class Lexer {
  private readonly source: string;
  private readonly tokens: Token[] = [];
  private at = 0;
  private line = 1;
  private lineStarting = true;
  /** Where the line ends; negative in the last one. */
  private nextLine: number;

  constructor(source: string) {
    const text = source.replace(/\r\n?/g, '\n');
    this.source = text.endsWith('\n') ? text.slice(0, -1) : text;
    this.nextLine = this.source.indexOf('\n');
  }

  tokenize(): Token[] {
    const { source } = this;
    const tag = /\{[{%#]/g;
    while (this.at < source.length) {
      tag.lastIndex = this.at;
      const found = tag.exec(source)?.index ?? -1;
      if (found < 0) {
        this.push('data', source.slice(this.at));
        break;
      }
      const kind = source.charAt(found + 1);
      const sign = /[-+]/.test(source.charAt(found + 2)) ? source.charAt(found + 2) : '';
      this.data(source.slice(this.at, found), sign, kind !== '{');
      this.moveTo(found);
      const raw = kind === '%' ? match(rawStart, source, found) : null;
      if (raw !== null) this.raw(found + raw.length);
      else if (kind === '#') this.comment(found + 2 + sign.length);
      else {
        this.push(kind === '%' ? 'block_begin' : 'variable_begin', '');
        this.moveTo(found + 2 + sign.length);
        this.expression(kind === '%');
      }
    }
    this.push('eof', '');
    return this.tokens;
  }

  private push(kind: string, text: string): void {
    this.tokens.push({ kind, text, line: this.line });
  }

  private moveTo(at: number): void {
    while (this.nextLine >= 0 && this.nextLine < at) {
      this.line++;
      this.nextLine = this.source.indexOf('\n', this.nextLine + 1);
    }
    if (at > this.at) this.lineStarting = this.source.charAt(at - 1) === '\n';
    this.at = at;
  }

  /** Text before a tag, without the white space that the tag takes. */
  private data(text: string, sign: string, isStatement: boolean): void {
    let kept = text;
    if (sign === '-') kept = strip(text, null, 'right');
    else if (sign !== '+' && isStatement) {
      const start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || this.lineStarting) && isOnlySpace(text.slice(start)))
        kept = text.slice(0, start);
    }
    if (kept !== '') this.push('data', kept);
  }

  private raw(start: number): void {
    const { source } = this;
    const line = this.line;
    this.moveTo(start);
    for (let at = source.indexOf('{%', start); at >= 0; at = source.indexOf('{%', at + 1)) {
      const end = match(rawEnd, source, at);
      if (end === null) continue;
      const sign = /[-+]/.test(source.charAt(at + 2)) ? source.charAt(at + 2) : '';
      this.data(source.slice(start, at), sign, true);
      this.moveTo(at + end.length);
      return;
    }
    throw syntaxError('Missing end of raw directive', line);
  }

  private comment(start: number): void {
    const { source } = this;
    const end = source.indexOf('#}', start);
    if (end < 0) throw syntaxError('Missing end of comment tag', this.line);
    this.moveTo(this.afterTag(end + 2, end > start ? source.charAt(end - 1) : '', true));
  }

  /** Where text goes on behind a tag: `-` takes white space, a statement one line end. */
  private afterTag(at: number, sign: string, isStatement: boolean): number {
    if (sign === '-') return at + (match(spaces, this.source, at)?.length ?? 0);
    return sign !== '+' && isStatement && this.source.charAt(at) === '\n' ? at + 1 : at;
  }

  private expression(isStatement: boolean): void {
    const { source } = this;
    const end = isStatement ? '%}' : '}}';
    const open: string[] = [];
    while (this.at < source.length) {
      if (open.length === 0) {
        const first = source.charAt(this.at);
        const sign = first === '-' || (first === '+' && isStatement) ? first : '';
        if (source.startsWith(end, this.at + sign.length)) {
          this.push(isStatement ? 'block_end' : 'variable_end', '');
          this.moveTo(this.afterTag(this.at + sign.length + 2, sign, isStatement));
          return;
        }
      }
      this.part(open);
    }
  }

  /** One token within a tag, or the white space before it. */
  private part(open: string[]): void {
    const { source, at } = this;
    const space = match(spaces, source, at) ?? '';
    if (space !== '') {
      this.moveTo(at + space.length);
      return;
    }
    const float = source.charAt(at - 1) === '.' ? null : match(floating, source, at);
    const number = float ?? match(integer, source, at);
    const name = number === null ? match(identifier, source, at) : null;
    const first = source.charAt(at);
    if (number !== null) {
      this.push(float === null ? 'integer' : 'float', number.replaceAll('_', ''));
      this.moveTo(at + number.length);
    } else if (name !== null) {
      if (!identifierStart.test(name))
        throw syntaxError('Invalid character in identifier', this.line);
      this.push('name', name);
      this.moveTo(at + name.length);
    } else if (first === "'" || first === '"') this.string(first);
    else this.operator(open);
  }

  private string(quote: string): void {
    const { source, at } = this;
    let end = at + 1;
    while (end < source.length && source.charAt(end) !== quote)
      end += source.charAt(end) === '\\' ? 2 : 1;
    if (end >= source.length) throw syntaxError(`unexpected char ${quote}`, this.line);
    this.push('string', unescape(source.slice(at + 1, end), this.line));
    this.moveTo(end + 1);
  }

  private operator(open: string[]): void {
    const { source, at } = this;
    const found = operators.find((operator) => source.startsWith(operator, at));
    if (found === undefined)
      throw syntaxError(
        `unexpected char '${String.fromCodePoint(source.codePointAt(at) ?? 0)}'`,
        this.line,
      );
    const close = closing[found];
    if (close !== undefined) open.push(close);
    else if (found === ')' || found === ']' || found === '}') {
      const expected = open.pop();
      if (expected !== found)
        throw syntaxError(
          `unexpected '${found}'${expected === undefined ? '' : `, expected '${expected}'`}`,
          this.line,
        );
    }
    this.push(found, found);
    this.moveTo(at + found.length);
  }
}

/** @throws TemplateFailure `syntax` */
export function tokenize(source: string): Token[] {
  return new Lexer(source).tokenize();
}
