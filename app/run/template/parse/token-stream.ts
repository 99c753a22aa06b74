import { syntaxError, TemplateFailure } from '../failure.ts';
import type { Token } from './lexer.ts';

/** Levels of brackets and blocks: jinja2 gives up near 80 brackets, where Python's stack ends. */
const MAX_NESTING = 100;

const end: Token = { kind: 'eof', text: '', line: 1 };

/** Tokens, read one after another. */
export class TokenStream {
  private readonly tokens: readonly Token[];
  private position = 0;
  private nesting = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get current(): Token {
    return this.tokens[this.position] ?? this.tokens.at(-1) ?? end;
  }

  get following(): Token {
    return this.tokens[this.position + 1] ?? end;
  }

  next(): Token {
    const token = this.current;
    this.position++;
    return token;
  }

  is(...kinds: readonly string[]): boolean {
    return kinds.includes(this.current.kind);
  }

  isName(...names: readonly string[]): boolean {
    return this.current.kind === 'name' && names.includes(this.current.text);
  }

  skip(kind: string): boolean {
    if (this.current.kind !== kind) return false;
    this.position++;
    return true;
  }

  skipName(name: string): boolean {
    if (!this.isName(name)) return false;
    this.position++;
    return true;
  }

  expect(kind: string): Token {
    if (this.current.kind !== kind)
      throw syntaxError(`expected token '${kind}', got ${this.describe()}`, this.current.line);
    return this.next();
  }

  expectName(name: string): Token {
    if (!this.isName(name))
      throw syntaxError(`expected token '${name}', got ${this.describe()}`, this.current.line);
    return this.next();
  }

  /** The current token, for a message. */
  describe(): string {
    const { kind, text } = this.current;
    const names: Readonly<Record<string, string>> = {
      eof: 'end of template',
      block_begin: 'begin of statement block',
      block_end: 'end of statement block',
      variable_begin: 'begin of print statement',
      variable_end: 'end of print statement',
    };
    return `'${kind === 'name' ? text : (names[kind] ?? kind)}'`;
  }

  nested<T>(task: () => T): T {
    if (++this.nesting > MAX_NESTING)
      throw new TemplateFailure('limit', 'it is nested too deeply', {
        limit: 'depth',
        line: this.current.line,
      });
    const result = task();
    this.nesting--;
    return result;
  }
}
