import { compare, contains, equals } from './compare.ts';
import { failed } from './failure.ts';
import type { Arguments, Comparison, Expression } from './parse/nodes.ts';
import { compute, signed } from './numbers.ts';
import { print } from './print.ts';
import type { Runtime } from './runtime.ts';
import type { Scope } from './scope.ts';
import { noKeywords } from './builtins/signature.ts';
import {
  Dict,
  isTrue,
  iterate,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Keywords,
  type Value,
} from './values.ts';

function holds(operator: Comparison, a: Value, b: Value, { budget }: Runtime): boolean {
  switch (operator) {
    case '==':
      return equals(a, b, budget);
    case '!=':
      return !equals(a, b, budget);
    case 'in':
      return contains(b, a, budget);
    case 'not in':
      return !contains(b, a, budget);
    case '<':
      return compare(a, b, operator, budget) < 0;
    case '<=':
      return compare(a, b, operator, budget) <= 0;
    case '>':
      return compare(a, b, operator, budget) > 0;
    case '>=':
      return compare(a, b, operator, budget) >= 0;
  }
}

/** Arguments of a call, behind `first` where there are some. */
export function evaluateArguments(
  node: Arguments,
  scope: Scope,
  runtime: Runtime,
  first: readonly Value[] = [],
): { args: Value[]; keywords: Keywords } {
  const args = [...first];
  for (const arg of node.args) args.push(evaluate(arg, scope, runtime));
  if (node.star !== null)
    for (const item of iterate(evaluate(node.star, scope, runtime))) {
      runtime.budget.items(1);
      args.push(item);
    }
  if (node.keywords.length === 0 && node.doubleStar === null) return { args, keywords: noKeywords };
  const keywords = new Map<string, Value>();
  for (const [name, value] of node.keywords) keywords.set(name, evaluate(value, scope, runtime));
  if (node.doubleStar !== null) {
    const more = evaluate(node.doubleStar, scope, runtime);
    if (!(more instanceof Dict))
      throw failed(`argument after ** must be a mapping, not ${typeName(more)}`);
    for (const [key, value] of more.pairs()) {
      const name = textOf(key);
      if (name === null) throw failed('keywords must be strings');
      if (keywords.has(name)) throw failed(`got multiple values for keyword argument '${name}'`);
      keywords.set(name, value);
    }
  }
  return { args, keywords };
}

/** The value of an expression. @throws TemplateFailure */
export function evaluate(node: Expression, scope: Scope, runtime: Runtime): Value {
  const { budget } = runtime;
  budget.spend(1);
  runtime.line = node.line;
  const of = (part: Expression): Value => evaluate(part, scope, runtime);
  switch (node.kind) {
    case 'constant':
      return node.value;
    case 'name':
      return scope.get(node.name);
    case 'tuple':
    case 'list': {
      budget.items(node.items.length);
      const items = node.items.map(of);
      return node.kind === 'list' ? items : new Tuple(items);
    }
    case 'dict':
      budget.items(node.pairs.length * 3);
      return Dict.of(node.pairs.map(([key, value]): [Value, Value] => [of(key), of(value)]));
    case 'condition':
      if (isTrue(of(node.test))) return of(node.then);
      return node.otherwise === null
        ? new Undefined(
            `the inline if-expression on line ${node.line} evaluated to false and no else section was defined.`,
          )
        : of(node.otherwise);
    case 'or': {
      const left = of(node.left);
      return isTrue(left) ? left : of(node.right);
    }
    case 'and': {
      const left = of(node.left);
      return isTrue(left) ? of(node.right) : left;
    }
    case 'not':
      return !isTrue(of(node.value));
    case 'compare': {
      let left = of(node.first);
      for (const [operator, operand] of node.rest) {
        const right = of(operand);
        if (!holds(operator, left, right, runtime)) return false;
        left = right;
      }
      return true;
    }
    case 'binary':
      return compute(node.operator, of(node.left), of(node.right), budget);
    case 'concat': {
      let text = '';
      for (const item of node.items) {
        const part = print(of(item), budget);
        budget.text(text.length + part.length);
        text += part;
      }
      return text;
    }
    case 'signed':
      return signed(node.operator, of(node.value));
    case 'attribute':
      return runtime.attribute(of(node.object), node.name);
    case 'item':
      return runtime.item(of(node.object), of(node.key));
    case 'slice':
      return runtime.slice(
        of(node.object),
        node.parts.map((part) => (part === null ? null : of(part))),
      );
    case 'call': {
      const callee = of(node.callee);
      const { args, keywords } = evaluateArguments(node, scope, runtime);
      runtime.line = node.line;
      return runtime.call(callee, args, keywords);
    }
    case 'filter': {
      if (node.subject === null) throw failed('a filter without a value');
      const { args, keywords } = evaluateArguments(node, scope, runtime, [of(node.subject)]);
      runtime.line = node.line;
      return runtime.filter(node.name, args, keywords);
    }
    case 'test': {
      const { args, keywords } = evaluateArguments(node, scope, runtime, [of(node.subject)]);
      runtime.line = node.line;
      return runtime.test(node.name, args, keywords);
    }
  }
}
