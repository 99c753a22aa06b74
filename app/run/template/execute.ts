import { evaluate, evaluateArguments } from './evaluate.ts';
import { failed } from './failure.ts';
import { Loop } from './loop.ts';
import type {
  Expression,
  FilterNode,
  ForNode,
  MacroNode,
  Statement,
  Target,
  TemplateNode,
} from './parse/nodes.ts';
import { print } from './print.ts';
import type { Runtime } from './runtime.ts';
import { Context, Scope } from './scope.ts';
import {
  Attributes,
  Callable,
  Dict,
  isTrue,
  iterate,
  Namespace,
  Tuple,
  Undefined,
  type Keywords,
  type Value,
  orElse,
} from './values.ts';

/** How a list of statements ended: at its end, or at a break or continue of the loop around. */
type Ending = 'end' | 'break' | 'continue';

type Output = string[];

/** Carries out statements. */
export class Executor {
  private readonly template: TemplateNode;
  private readonly runtime: Runtime;

  constructor(template: TemplateNode, runtime: Runtime) {
    this.template = template;
    this.runtime = runtime;
  }

  /** The text that the template gives. @throws TemplateFailure */
  render(variables: ReadonlyMap<string, Value>): string {
    const context = new Context(variables);
    const scope = new Scope(context, null, this.template.scope, { isOutermost: true });
    scope.set('self', this.self(context));
    return this.capture(this.template.body, scope);
  }

  /** `self`: the template's blocks as functions. */
  private self(context: Context): Value {
    return new Attributes('TemplateReference', (name) => {
      const block = this.template.blocks.get(name);
      if (block === undefined) return undefined;
      return new Callable(name, () => this.block(block, context));
    });
  }

  private block(node: Extract<Statement, { kind: 'block' }>, context: Context): string {
    const scope = new Scope(context, null, node.scope);
    scope.set('self', this.self(context));
    return this.capture(node.body, scope);
  }

  private capture(body: readonly Statement[], scope: Scope): string {
    const output: Output = [];
    this.run(body, scope, output);
    return this.joined(output);
  }

  private joined(output: Output): string {
    const text = output.join('');
    this.runtime.budget.text(text.length);
    return text;
  }

  private write(text: string, output: Output): void {
    this.runtime.budget.write(text.length);
    output.push(text);
  }

  private evaluate(node: Expression, scope: Scope): Value {
    return evaluate(node, scope, this.runtime);
  }

  private run(body: readonly Statement[], scope: Scope, output: Output): Ending {
    for (const node of body) {
      this.runtime.budget.spend(1);
      this.runtime.line = node.line;
      const ending = this.statement(node, scope, output);
      if (ending !== 'end') return ending;
    }
    return 'end';
  }

  private statement(node: Statement, scope: Scope, output: Output): Ending {
    switch (node.kind) {
      case 'data':
        this.write(node.text, output);
        return 'end';
      case 'output':
        this.write(print(this.evaluate(node.value, scope), this.runtime.budget), output);
        return 'end';
      case 'if': {
        const branch = node.branches.find(({ test }) => isTrue(this.evaluate(test, scope)));
        return this.run(branch?.body ?? node.otherwise, scope, output);
      }
      case 'for':
        this.loop(node, scope, output);
        return 'end';
      case 'set':
        this.assign(node.target, this.evaluate(node.value, scope), scope);
        return 'end';
      case 'set-block': {
        const text = this.capture(node.body, this.inner(scope, node.scope));
        const value = node.filter === null ? text : this.filtered(node.filter, text, scope);
        this.assign(node.target, value, scope);
        return 'end';
      }
      case 'with': {
        const inner = this.inner(scope, node.scope);
        node.targets.forEach((target, i) => {
          const value = node.values[i];
          if (value !== undefined) this.assign(target, this.evaluate(value, scope), inner);
        });
        return this.run(node.body, inner, output);
      }
      case 'macro':
        scope.set(node.macro.name, this.macro(node.macro, scope));
        return 'end';
      case 'call-block':
        this.callBlock(node, scope, output);
        return 'end';
      case 'filter-block': {
        const text = this.capture(node.body, this.inner(scope, node.scope));
        this.write(print(this.filtered(node.filter, text, scope), this.runtime.budget), output);
        return 'end';
      }
      case 'block': {
        const context = node.isScoped ? scope.context.with(scope.all()) : scope.context;
        output.push(this.block(node, context));
        return 'end';
      }
      case 'scope':
        if (node.autoescape !== null && isTrue(this.evaluate(node.autoescape, scope)))
          throw failed('autoescape is not supported');
        return this.run(node.body, this.inner(scope, node.scope), output);
      case 'other-template':
        throw failed(`${node.tag} needs another template, and there is none`);
      case 'break':
      case 'continue':
        return node.kind;
    }
  }

  private inner(scope: Scope, names: ForNode['scope']): Scope {
    return new Scope(scope.context, scope, names);
  }

  private assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === 'name') {
      scope.set(target.name, value);
      return;
    }
    if (target.kind === 'attribute') {
      const namespace = scope.get(target.namespace);
      if (namespace instanceof Undefined) throw failed(namespace.reason);
      if (!(namespace instanceof Namespace))
        throw failed('cannot assign attribute on non-namespace object');
      if (target.name.startsWith('_'))
        throw failed(
          `Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${target.name}'.`,
        );
      this.runtime.budget.items(1);
      namespace.attributes.set(target.name, value);
      return;
    }
    const items: Value[] = [];
    for (const item of iterate(value)) {
      if (items.length === target.items.length)
        throw failed(`too many values to unpack (expected ${target.items.length})`);
      items.push(item);
    }
    if (items.length < target.items.length)
      throw failed(
        `not enough values to unpack (expected ${target.items.length}, got ${items.length})`,
      );
    target.items.forEach((inner, i) => {
      this.assign(inner, items[i] ?? null, scope);
    });
  }

  private *selected(node: ForNode, items: Iterable<Value>, scope: Scope): Generator<Value> {
    const { test } = node;
    for (const item of items) {
      const inner = this.inner(scope, node.testScope);
      this.assign(node.target, item, inner);
      if (test === null || isTrue(this.evaluate(test, inner))) yield item;
    }
  }

  private loop(node: ForNode, scope: Scope, output: Output): void {
    this.rounds(node, this.evaluate(node.iterable, scope), 0, scope, output);
  }

  private rounds(
    node: ForNode,
    iterable: Value,
    depth0: number,
    scope: Scope,
    output: Output,
  ): void {
    const all = iterate(iterable);
    const items = node.test === null ? all : this.selected(node, all, scope);
    const recurse = (inner: Value, depth: number): string => {
      const rendered: Output = [];
      this.rounds(node, inner, depth, scope, rendered);
      return this.joined(rendered);
    };
    const loop = new Loop(
      this.runtime,
      node.test === null ? iterable : null,
      items,
      depth0,
      node.isRecursive ? recurse : null,
    );
    // As jinja2: a round that continue or break ends does not count.
    let isEmpty = true;
    for (let item = loop.next(); item.done !== true; item = loop.next()) {
      this.runtime.budget.spend(2);
      const inner = this.inner(scope, node.scope);
      inner.set('loop', loop.value);
      this.assign(node.target, item.value, inner);
      const ending = this.run(node.body, inner, output);
      if (ending === 'end') isEmpty = false;
      if (ending === 'break') break;
    }
    if (isEmpty) this.run(node.otherwise, this.inner(scope, node.otherwiseScope), output);
  }

  private filtered(node: FilterNode, text: string, scope: Scope): Value {
    const subject =
      node.subject === null
        ? text
        : node.subject.kind === 'filter'
          ? this.filtered(node.subject, text, scope)
          : this.evaluate(node.subject, scope);
    const { args, keywords } = evaluateArguments(node, scope, this.runtime, [subject]);
    return this.runtime.filter(node.name, args, keywords);
  }

  private callBlock(
    node: Extract<Statement, { kind: 'call-block' }>,
    scope: Scope,
    output: Output,
  ): void {
    if (node.call.kind !== 'call') throw failed('expected call');
    const callee = this.evaluate(node.call.callee, scope);
    const { args, keywords } = evaluateArguments(node.call, scope, this.runtime);
    const withCaller = new Map(keywords).set('caller', this.macro(node.macro, scope));
    const value = this.runtime.call(callee, args, withCaller);
    this.write(print(value, this.runtime.budget), output);
  }

  private macro(node: MacroNode, scope: Scope): Callable {
    const attributes = new Map<string, Value>([
      ['name', node.name],
      ['arguments', new Tuple([...node.parameters])],
      ['catch_kwargs', node.uses.has('kwargs')],
      ['catch_varargs', node.uses.has('varargs')],
      ['caller', node.uses.has('caller')],
    ]);
    return new Callable(
      node.name,
      (args, keywords) => {
        const inner = this.inner(scope, node.scope);
        this.bind(node, args, keywords, inner);
        return this.capture(node.body, inner);
      },
      { typeName: 'Macro', attribute: (name) => attributes.get(name) },
    );
  }

  /** Gives a macro's parameters their values: given by place, by name, or by default. */
  private bind(node: MacroNode, args: readonly Value[], keywords: Keywords, scope: Scope): void {
    const { parameters, defaults, uses } = node;
    const rest = new Map(keywords);
    const missing: string[] = [];
    parameters.forEach((name, i) => {
      const value = i < args.length ? args[i] : rest.get(name);
      if (args[i] === undefined) rest.delete(name);
      if (value === undefined) missing.push(name);
      scope.set(name, value);
    });
    if (uses.has('caller') && !parameters.includes('caller')) {
      scope.set(
        'caller',
        orElse(rest.get('caller'), () => new Undefined('No caller defined')),
      );
      rest.delete('caller');
    }
    if (uses.has('kwargs')) scope.set('kwargs', Dict.of(rest));
    else {
      const [extra] = rest.keys();
      if (extra !== undefined)
        throw failed(`macro '${node.name}' takes no keyword argument '${extra}'`);
    }
    if (uses.has('varargs')) scope.set('varargs', new Tuple(args.slice(parameters.length)));
    else if (args.length > parameters.length)
      throw failed(`macro '${node.name}' takes not more than ${parameters.length} argument(s)`);
    for (const name of missing) {
      const value = defaults[parameters.indexOf(name) - (parameters.length - defaults.length)];
      scope.set(
        name,
        value === undefined
          ? new Undefined(`parameter '${name}' was not provided`)
          : this.evaluate(value, scope),
      );
    }
  }
}
