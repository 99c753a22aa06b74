import { syntaxError } from '../failure.ts';
import { tokenize } from './lexer.ts';
import type { Expression, MacroNode, ScopeNames, Statement, TemplateNode } from './nodes.ts';
import { ExpressionParser } from './parse-expression.ts';
import { resolveNames } from './resolve-names.ts';
import { TokenStream } from './token-stream.ts';

const newScope = (): ScopeNames => ({ loads: [] });

/** Reads statements. */
class Parser {
  private readonly stream: TokenStream;
  private readonly expressions: ExpressionParser;
  private readonly blocks = new Map<string, Extract<Statement, { kind: 'block' }>>();
  /** What would end the statements that are being read. */
  private readonly awaited: (readonly string[])[] = [];

  constructor(source: string) {
    this.stream = new TokenStream(tokenize(source));
    this.expressions = new ExpressionParser(this.stream);
  }

  parse(): TemplateNode {
    return { body: this.statements([]), blocks: this.blocks, scope: newScope() };
  }

  /** Statements up to a tag of `ends`, whose name stays to be read; the whole rest where there is none. */
  private statements(ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    this.awaited.push(ends);
    for (;;) {
      const { kind, text, line } = this.stream.current;
      if (kind === 'eof') break;
      this.stream.next();
      if (kind === 'data') body.push({ kind: 'data', text, line });
      else if (kind === 'variable_begin') {
        body.push({ kind: 'output', value: this.expressions.tuple(), line });
        this.stream.expect('variable_end');
      } else {
        if (this.stream.isName(...ends)) {
          this.awaited.pop();
          return body;
        }
        body.push(...this.stream.nested(() => this.statement()));
        this.stream.expect('block_end');
      }
    }
    if (ends.length > 0)
      throw syntaxError(
        `Unexpected end of template. Jinja was looking for the following tags: ${ends.map((end) => `'${end}'`).join(' or ')}.`,
        this.stream.current.line,
      );
    this.awaited.pop();
    return body;
  }

  /** The body of a statement whose tag has been read, and the name of the tag that ended it. */
  private body(...ends: readonly string[]): { body: Statement[]; end: string } {
    this.stream.skip(':');
    this.stream.expect('block_end');
    const body = this.statements(ends);
    return { body, end: this.stream.next().text };
  }

  private statement(): Statement[] {
    const { kind, text: tag, line } = this.stream.current;
    if (kind !== 'name') throw syntaxError('tag name expected', line);
    this.stream.next();
    switch (tag) {
      case 'for':
        return [this.forLoop(line)];
      case 'if':
        return [this.condition(line)];
      case 'set':
        return [this.set(line)];
      case 'with':
        return [this.with(line)];
      case 'macro': {
        const name = this.stream.expect('name').text;
        const signature = this.signature();
        const { body } = this.body('endmacro');
        return [{ kind: 'macro', macro: macroNode(name, signature, body), line }];
      }
      case 'call': {
        const signature = this.stream.is('(') ? this.signature() : noSignature;
        const call = this.expressions.expression();
        if (call.kind !== 'call') throw syntaxError('expected call', line);
        const { body } = this.body('endcall');
        return [{ kind: 'call-block', call, macro: macroNode('caller', signature, body), line }];
      }
      case 'filter': {
        const filter = this.expressions.filter(null, true);
        const { body } = this.body('endfilter');
        return [{ kind: 'filter-block', filter, body, scope: newScope(), line }];
      }
      case 'print': {
        const shown: Statement[] = [];
        while (!this.stream.is('block_end')) {
          if (shown.length > 0) this.stream.expect(',');
          shown.push({ kind: 'output', value: this.expressions.expression(), line });
        }
        return shown;
      }
      case 'block':
        return [this.block(line)];
      case 'autoescape': {
        const autoescape = this.expressions.expression();
        const { body } = this.body('endautoescape');
        return [{ kind: 'scope', autoescape, body, scope: newScope(), line }];
      }
      case 'generation': {
        const { body } = this.body('endgeneration');
        return [{ kind: 'scope', autoescape: null, body, scope: newScope(), line }];
      }
      case 'include':
      case 'import':
      case 'from':
      case 'extends':
        while (!this.stream.is('block_end', 'eof')) this.stream.next();
        return [{ kind: 'other-template', tag, line }];
      case 'break':
      case 'continue':
        return [{ kind: tag, line }];
      default:
        return this.unknownTag(tag, line);
    }
  }

  private unknownTag(tag: string, line: number): never {
    const looking = this.awaited.at(-1) ?? [];
    throw syntaxError(
      `Encountered unknown tag '${tag}'.${looking.length === 0 ? '' : ` Jinja was looking for the following tags: ${looking.map((end) => `'${end}'`).join(' or ')}.`}`,
      line,
    );
  }

  private forLoop(line: number): Statement {
    const target = this.expressions.target({ endName: 'in' });
    this.stream.expectName('in');
    const iterable = this.expressions.tuple({ conditions: false, endName: 'recursive' });
    const test = this.stream.skipName('if') ? this.expressions.expression() : null;
    const isRecursive = this.stream.skipName('recursive');
    const { body, end } = this.body('endfor', 'else');
    const otherwise = end === 'else' ? this.body('endfor').body : [];
    const scopes = { scope: newScope(), testScope: newScope(), otherwiseScope: newScope() };
    return { kind: 'for', target, iterable, test, isRecursive, body, otherwise, ...scopes, line };
  }

  private condition(line: number): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    let otherwise: Statement[] = [];
    for (;;) {
      const test = this.expressions.tuple({ conditions: false });
      const { body, end } = this.body('elif', 'else', 'endif');
      branches.push({ test, body });
      if (end === 'elif') continue;
      if (end === 'else') otherwise = this.body('endif').body;
      return { kind: 'if', branches, otherwise, line };
    }
  }

  private set(line: number): Statement {
    const target = this.expressions.target({ attributes: true });
    if (this.stream.skip('='))
      return { kind: 'set', target, value: this.expressions.tuple(), line };
    const filter = this.stream.is('|') ? this.expressions.filter(null) : null;
    const { body } = this.body('endset');
    return { kind: 'set-block', target, filter, body, scope: newScope(), line };
  }

  private with(line: number): Statement {
    const targets = [];
    const values: Expression[] = [];
    while (!this.stream.is('block_end')) {
      if (targets.length > 0) this.stream.expect(',');
      targets.push(this.expressions.target());
      this.stream.expect('=');
      values.push(this.expressions.expression());
    }
    const { body } = this.body('endwith');
    return { kind: 'with', targets, values, body, scope: newScope(), line };
  }

  private signature(): Signature {
    const parameters: string[] = [];
    const defaults: Expression[] = [];
    this.stream.expect('(');
    while (!this.stream.is(')')) {
      if (parameters.length > 0) this.stream.expect(',');
      const { text, line } = this.stream.expect('name');
      parameters.push(text);
      if (this.stream.skip('=')) defaults.push(this.expressions.expression());
      else if (defaults.length > 0)
        throw syntaxError('non-default argument follows default argument', line);
    }
    this.stream.expect(')');
    return { parameters, defaults };
  }

  private block(line: number): Statement {
    const name = this.stream.expect('name').text;
    const isScoped = this.stream.skipName('scoped');
    this.stream.skipName('required');
    const { body } = this.body('endblock');
    this.stream.skipName(name);
    if (this.blocks.has(name)) throw syntaxError(`block '${name}' defined twice`, line);
    const node = { kind: 'block', name, isScoped, body, scope: newScope(), line } as const;
    this.blocks.set(name, node);
    return node;
  }
}

interface Signature {
  readonly parameters: readonly string[];
  readonly defaults: readonly Expression[];
}

const noSignature: Signature = { parameters: [], defaults: [] };

function macroNode(name: string, signature: Signature, body: readonly Statement[]): MacroNode {
  return { name, ...signature, body, scope: newScope(), uses: new Set() };
}

/** @throws TemplateFailure `syntax`, or `limit` where it is nested too deeply */
export function parseTemplate(source: string): TemplateNode {
  const template = new Parser(source).parse();
  resolveNames(template);
  return template;
}
