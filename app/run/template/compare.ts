import type { Budget } from './budget.ts';
import { failed } from './failure.ts';
import { indexIn } from './search.ts';
import { compareTexts } from './text.ts';
import {
  Dict,
  DictView,
  iterableOf,
  Range,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** A bool, int or float as a number to compute with; null for anything else. */
export function numberOf(value: Value): bigint | number | null {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return typeof value === 'boolean' ? (value ? 1n : 0n) : null;
}

/** Whether two numbers are equal, an int and a float by what they stand for. */
function sameNumber(x: bigint | number, y: bigint | number): boolean {
  return typeof x === typeof y
    ? x === y
    : !(x < y || x > y || Number.isNaN(Number(x)) || Number.isNaN(Number(y)));
}

/** Deeper nested values are not compared, as in Python. */
const MAX_COMPARE_DEPTH = 200;

/** Python's ==. */
export function equals(a: Value, b: Value, budget: Budget, depth = 0): boolean {
  budget.spend(1);
  if (a === b) return true;
  if (depth > MAX_COMPARE_DEPTH) throw failed('maximum recursion depth exceeded in comparison');
  const x = numberOf(a);
  if (x !== null) {
    const y = numberOf(b);
    return y !== null && sameNumber(x, y);
  }
  const text = textOf(a);
  if (text !== null) {
    budget.spend(text.length / 64);
    return text === textOf(b);
  }
  if (a instanceof Undefined) return b instanceof Undefined;
  const same = (c: readonly Value[], d: readonly Value[]): boolean =>
    c.length === d.length && c.every((item, i) => equals(item, d[i] ?? null, budget, depth + 1));
  if (Array.isArray(a)) return Array.isArray(b) && same(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && same(a.items, b.items);
  if (a instanceof Range) return b instanceof Range && same([...a], [...b]);
  if (a instanceof Dict) {
    if (!(b instanceof Dict) || a.size !== b.size) return false;
    for (const [key, value] of a.pairs()) {
      const other = b.get(key);
      if (other === undefined || !equals(value, other, budget, depth + 1)) return false;
    }
    return true;
  }
  if (a instanceof DictView && b instanceof DictView && a.part !== 'values' && b.part !== 'values')
    return a.dict.size === b.dict.size && [...a].every((item) => contains(b, item, budget));
  return false;
}

/** Negative, zero or positive as a is below, equal to or above b; NaN where neither is the case. */
export function compare(a: Value, b: Value, operator: string, budget: Budget, depth = 0): number {
  budget.spend(1);
  const x = numberOf(a);
  const y = numberOf(b);
  if (x !== null && y !== null) return x < y ? -1 : x > y ? 1 : sameNumber(x, y) ? 0 : Number.NaN;
  const textA = textOf(a);
  const textB = textOf(b);
  if (textA !== null && textB !== null) {
    budget.spend(Math.min(textA.length, textB.length) / 16);
    return compareTexts(textA, textB);
  }
  const items = (value: Value): readonly Value[] | null =>
    Array.isArray(value) ? value : value instanceof Tuple ? value.items : null;
  const [c, d] = [items(a), items(b)];
  if (c !== null && d !== null && Array.isArray(a) === Array.isArray(b)) {
    if (depth > MAX_COMPARE_DEPTH) throw failed('maximum recursion depth exceeded in comparison');
    for (let i = 0; i < Math.min(c.length, d.length); i++) {
      const [left = null, right = null] = [c[i], d[i]];
      if (!equals(left, right, budget, depth + 1))
        return compare(left, right, operator, budget, depth + 1);
    }
    return c.length - d.length;
  }
  for (const value of [a, b]) if (value instanceof Undefined) throw failed(value.reason);
  throw failed(
    `'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`,
  );
}

/** Python's `item in container`. */
export function contains(container: Value, item: Value, budget: Budget): boolean {
  const text = textOf(container);
  if (text !== null) {
    const part = textOf(item);
    if (part === null)
      throw failed(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    budget.search(text.length, part.length);
    return indexIn(text, part) >= 0;
  }
  if (container instanceof Dict) return container.has(item);
  if (container instanceof DictView && container.part === 'keys') return container.dict.has(item);
  const items = iterableOf(container);
  if (items === null) throw failed(`argument of type '${typeName(container)}' is not iterable`);
  for (const other of items) if (equals(other, item, budget)) return true;
  return false;
}
