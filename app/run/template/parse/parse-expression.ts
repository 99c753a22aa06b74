import { syntaxError } from '../failure.ts';
import type { Arguments, Comparison, Expression, FilterNode, Target } from './nodes.ts';
import type { Operator } from '../numbers.ts';
import type { TokenStream } from './token-stream.ts';
import type { Value } from '../values.ts';

const comparisons: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];

const noArguments: Arguments = { args: [], keywords: [], star: null, doubleStar: null };

/** A name that stands for a value, or undefined. */
function constantOf(name: string): Value | undefined {
  if (name === 'true' || name === 'True') return true;
  if (name === 'false' || name === 'False') return false;
  return name === 'none' || name === 'None' ? null : undefined;
}

export interface TupleOptions {
  /** Whether `a if b else c` may stand here. */
  readonly conditions?: boolean;
  /** A name that ends the tuple. */
  readonly endName?: string;
  readonly inParentheses?: boolean;
}

/** Reads expressions, with jinja2's precedence. */
export class ExpressionParser {
  private readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  private atTupleEnd(endName?: string): boolean {
    return (
      this.stream.is('variable_end', 'block_end', ')') ||
      (endName !== undefined && this.stream.isName(endName))
    );
  }

  /** One expression, or several with commas between. */
  tuple({ conditions = true, endName, inParentheses = false }: TupleOptions = {}): Expression {
    const { line } = this.stream.current;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expect(',');
      if (this.atTupleEnd(endName)) break;
      items.push(this.expression(conditions));
      if (!this.stream.is(',')) break;
      isTuple = true;
    }
    const only = items[0];
    if (!isTuple && only !== undefined) return only;
    if (!isTuple && !inParentheses)
      throw syntaxError(
        `Expected an expression, got ${this.stream.describe()}`,
        this.stream.current.line,
      );
    return { kind: 'tuple', items, line };
  }

  /** What `set`, `for` and `with` assign to. */
  target(options: { endName?: string; attributes?: boolean } = {}): Target {
    const { line } = this.stream.current;
    const items: Target[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expect(',');
      if (this.atTupleEnd(options.endName)) break;
      items.push(this.simpleTarget(options));
      if (!this.stream.is(',')) break;
      isTuple = true;
    }
    const only = items[0];
    if (only === undefined)
      throw syntaxError(`Expected an expression, got ${this.stream.describe()}`, line);
    return isTuple ? { kind: 'tuple', items, line } : only;
  }

  private simpleTarget(options: { attributes?: boolean }): Target {
    const { line } = this.stream.current;
    if (this.stream.skip('(')) {
      const target = this.stream.nested(() => this.target(options));
      this.stream.expect(')');
      return target;
    }
    const { text } = this.stream.expect('name');
    if (constantOf(text) !== undefined) throw syntaxError("can't assign to 'const'", line);
    if (options.attributes === true && this.stream.skip('.'))
      return { kind: 'attribute', namespace: text, name: this.stream.expect('name').text, line };
    return { kind: 'name', name: text, line };
  }

  expression(conditions = true): Expression {
    return this.stream.nested(() => (conditions ? this.condition() : this.or()));
  }

  private condition(): Expression {
    const { line } = this.stream.current;
    let then = this.or();
    while (this.stream.skipName('if')) {
      const test = this.or();
      const otherwise = this.stream.skipName('else')
        ? this.stream.nested(() => this.condition())
        : null;
      then = { kind: 'condition', test, then, otherwise, line };
    }
    return then;
  }

  private or(): Expression {
    const { line } = this.stream.current;
    let left = this.and();
    while (this.stream.skipName('or')) left = { kind: 'or', left, right: this.and(), line };
    return left;
  }

  private and(): Expression {
    const { line } = this.stream.current;
    let left = this.not();
    while (this.stream.skipName('and')) left = { kind: 'and', left, right: this.not(), line };
    return left;
  }

  private not(): Expression {
    const { line } = this.stream.current;
    if (!this.stream.skipName('not')) return this.compare();
    return { kind: 'not', value: this.stream.nested(() => this.not()), line };
  }

  private comparison(): Comparison | null {
    const { kind } = this.stream.current;
    if (comparisons.includes(kind)) {
      this.stream.next();
      return kind as Comparison;
    }
    if (this.stream.skipName('in')) return 'in';
    const { following } = this.stream;
    if (!this.stream.isName('not') || following.kind !== 'name' || following.text !== 'in')
      return null;
    this.stream.next();
    this.stream.next();
    return 'not in';
  }

  private compare(): Expression {
    const { line } = this.stream.current;
    const first = this.sum();
    const rest: (readonly [Comparison, Expression])[] = [];
    for (let operator = this.comparison(); operator !== null; operator = this.comparison())
      rest.push([operator, this.sum()]);
    return rest.length === 0 ? first : { kind: 'compare', first, rest, line };
  }

  private binary(operators: readonly Operator[], operand: () => Expression): Expression {
    const { line } = this.stream.current;
    let left = operand();
    for (;;) {
      const operator = operators.find((candidate) => this.stream.skip(candidate));
      if (operator === undefined) return left;
      left = { kind: 'binary', operator, left, right: operand(), line };
    }
  }

  private sum(): Expression {
    return this.binary(['+', '-'], () => this.concat());
  }

  private concat(): Expression {
    const { line } = this.stream.current;
    const first = this.product();
    const items = [first];
    while (this.stream.skip('~')) items.push(this.product());
    return items.length === 1 ? first : { kind: 'concat', items, line };
  }

  private product(): Expression {
    return this.binary(['*', '/', '//', '%'], () => this.power());
  }

  private power(): Expression {
    return this.binary(['**'], () => this.unary());
  }

  private unary(withFilter = true): Expression {
    const { line, kind } = this.stream.current;
    let node: Expression;
    if (kind === '-' || kind === '+') {
      this.stream.next();
      node = {
        kind: 'signed',
        operator: kind,
        value: this.stream.nested(() => this.unary(false)),
        line,
      };
    } else node = this.primary();
    node = this.postfix(node);
    return withFilter ? this.filters(node) : node;
  }

  private primary(): Expression {
    const { kind, text, line } = this.stream.current;
    switch (kind) {
      case 'name': {
        this.stream.next();
        const value = constantOf(text);
        return value === undefined
          ? { kind: 'name', name: text, line }
          : { kind: 'constant', value, line };
      }
      case 'string': {
        let value = '';
        while (this.stream.is('string')) value += this.stream.next().text;
        return { kind: 'constant', value, line };
      }
      case 'integer':
        this.stream.next();
        return { kind: 'constant', value: BigInt(text), line };
      case 'float':
        this.stream.next();
        return { kind: 'constant', value: Number(text), line };
      case '(': {
        this.stream.next();
        const node = this.tuple({ inParentheses: true });
        this.stream.expect(')');
        return node;
      }
      case '[':
        return this.list();
      case '{':
        return this.dict();
      default:
        throw syntaxError(`unexpected ${this.stream.describe()}`, line);
    }
  }

  private list(): Expression {
    const { line } = this.stream.next();
    const items: Expression[] = [];
    while (!this.stream.is(']')) {
      if (items.length > 0) this.stream.expect(',');
      if (this.stream.is(']')) break;
      items.push(this.expression());
    }
    this.stream.expect(']');
    return { kind: 'list', items, line };
  }

  private dict(): Expression {
    const { line } = this.stream.next();
    const pairs: (readonly [Expression, Expression])[] = [];
    while (!this.stream.is('}')) {
      if (pairs.length > 0) this.stream.expect(',');
      if (this.stream.is('}')) break;
      const key = this.expression();
      this.stream.expect(':');
      pairs.push([key, this.expression()]);
    }
    this.stream.expect('}');
    return { kind: 'dict', pairs, line };
  }

  private postfix(node: Expression): Expression {
    let result = node;
    for (;;) {
      const { line } = this.stream.current;
      if (this.stream.skip('.')) result = this.afterDot(result, line);
      else if (this.stream.is('[')) result = this.subscript(result);
      else if (this.stream.is('('))
        result = { kind: 'call', callee: result, ...this.arguments(), line };
      else return result;
    }
  }

  private afterDot(object: Expression, line: number): Expression {
    const token = this.stream.next();
    if (token.kind === 'name') return { kind: 'attribute', object, name: token.text, line };
    if (token.kind !== 'integer') throw syntaxError('expected name or number', token.line);
    return {
      kind: 'item',
      object,
      key: { kind: 'constant', value: BigInt(token.text), line },
      line,
    };
  }

  private subscript(object: Expression): Expression {
    const { line } = this.stream.next();
    const keys: Expression[] = [];
    let parts: (Expression | null)[] | null = null;
    while (!this.stream.is(']')) {
      if (keys.length > 0 || parts !== null) this.stream.expect(',');
      if (parts !== null) throw syntaxError('a slice beside other keys', line);
      const first = this.stream.is(':') ? null : this.expression();
      if (this.stream.is(':')) parts = this.slice(first);
      else if (first !== null) keys.push(first);
    }
    this.stream.expect(']');
    if (parts !== null) {
      if (keys.length > 0) throw syntaxError('a slice beside other keys', line);
      return { kind: 'slice', object, parts, line };
    }
    const only = keys[0];
    const key: Expression =
      keys.length === 1 && only !== undefined ? only : { kind: 'tuple', items: keys, line };
    return { kind: 'item', object, key, line };
  }

  private slice(start: Expression | null): (Expression | null)[] {
    const parts = [start];
    while (parts.length < 3 && this.stream.skip(':'))
      parts.push(this.stream.is(':', ']', ',') ? null : this.expression());
    return parts;
  }

  private filters(node: Expression): Expression {
    let result = node;
    for (;;) {
      if (this.stream.is('|')) result = this.filter(result);
      else if (this.stream.isName('is')) result = this.test(result);
      else if (this.stream.is('('))
        result = {
          kind: 'call',
          callee: result,
          line: this.stream.current.line,
          ...this.arguments(),
        };
      else return result;
    }
  }

  private dottedName(): string {
    let name = this.stream.expect('name').text;
    while (this.stream.skip('.')) name += `.${this.stream.expect('name').text}`;
    return name;
  }

  /** Filters one behind the other; the first may stand without `|` where `inline`. */
  filter(subject: Expression | null, inline = false): FilterNode {
    let result: FilterNode | null = null;
    let isInline = inline;
    while (isInline || this.stream.is('|')) {
      if (!isInline) this.stream.next();
      isInline = false;
      const { line } = this.stream.current;
      const name = this.dottedName();
      const given = this.stream.is('(') ? this.arguments() : noArguments;
      result = { kind: 'filter', subject: result ?? subject, name, ...given, line };
    }
    if (result === null) throw syntaxError('expected a filter', this.stream.current.line);
    return result;
  }

  private test(subject: Expression): Expression {
    const { line } = this.stream.next();
    const isNegated = this.stream.skipName('not');
    const name = this.dottedName();
    let given = noArguments;
    if (this.stream.is('(')) given = this.arguments();
    else if (
      this.stream.is('name', 'string', 'integer', 'float', '[', '{') &&
      !this.stream.isName('else', 'or', 'and')
    ) {
      if (this.stream.isName('is'))
        throw syntaxError('You cannot chain multiple tests with is', this.stream.current.line);
      given = { ...noArguments, args: [this.postfix(this.primary())] };
    }
    const node: Expression = { kind: 'test', subject, name, ...given, line };
    return isNegated ? { kind: 'not', value: node, line } : node;
  }

  arguments(): Arguments {
    const { line } = this.stream.expect('(');
    const args: Expression[] = [];
    const keywords: (readonly [string, Expression])[] = [];
    let star: Expression | null = null;
    let doubleStar: Expression | null = null;
    const ensure = (condition: boolean): void => {
      if (!condition) throw syntaxError('invalid syntax for function call expression', line);
    };
    let isFirst = true;
    while (!this.stream.is(')')) {
      if (!isFirst) {
        this.stream.expect(',');
        if (this.stream.is(')')) break;
      }
      isFirst = false;
      if (this.stream.skip('*')) {
        ensure(star === null && doubleStar === null);
        star = this.expression();
      } else if (this.stream.skip('**')) {
        ensure(doubleStar === null);
        doubleStar = this.expression();
      } else if (this.stream.is('name') && this.stream.following.kind === '=') {
        ensure(doubleStar === null);
        const key = this.stream.next().text;
        this.stream.next();
        keywords.push([key, this.expression()]);
      } else {
        ensure(star === null && doubleStar === null && keywords.length === 0);
        args.push(this.expression());
      }
    }
    this.stream.expect(')');
    return { args, keywords, star, doubleStar };
  }
}
