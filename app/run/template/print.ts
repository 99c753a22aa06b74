import type { Budget } from './budget.ts';
import { failed } from './failure.ts';
import { textRepr } from './text.ts';
import {
  Callable,
  Dict,
  DictView,
  Markup,
  Namespace,
  Range,
  Tuple,
  Undefined,
  type Value,
} from './values.ts';

/** Python refuses to print longer ints, so that printing takes no quadratic time. */
const MAX_INT_DIGITS = 4300;
const TOO_LONG = 10n ** BigInt(MAX_INT_DIGITS);

/** How deep Python prints lists in lists before it gives up. */
const MAX_PRINT_DEPTH = 200;

export function intText(value: bigint): string {
  const isLong = value >= TOO_LONG || value <= -TOO_LONG;
  if (isLong)
    throw failed(
      `Exceeds the limit (${MAX_INT_DIGITS} digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit`,
    );
  return value.toString();
}

/** repr() of a float: the shortest digits that give the number back, with an exponent below 1e-4 and from 1e16 on. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const size = Math.abs(exponent).toString().padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** str() of a value. */
export function print(value: Value, budget: Budget): string {
  if (typeof value === 'string') return value;
  if (value instanceof Markup) return value.text;
  return value instanceof Undefined ? '' : repr(value, budget);
}

/** A text within others is copied with each of them. */
function paid(text: string, budget: Budget): string {
  budget.spend(8);
  budget.text(text.length);
  return text;
}

function joined(items: Iterable<Value>, budget: Budget, depth: number): string {
  const parts: string[] = [];
  for (const item of items) parts.push(repr(item, budget, depth + 1));
  return paid(parts.join(', '), budget);
}

/** repr() of a value. */
export function repr(value: Value, budget: Budget, depth = 0): string {
  if (depth > MAX_PRINT_DEPTH)
    throw failed('maximum recursion depth exceeded while getting the repr of an object');
  budget.spend(1);
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return intText(value);
  if (typeof value === 'number') return floatText(value);
  if (typeof value === 'string') {
    budget.text(value.length + 2);
    return textRepr(value);
  }
  if (Array.isArray(value)) return `[${joined(value, budget, depth)}]`;
  if (value instanceof Markup) return `Markup(${textRepr(value.text)})`;
  if (value instanceof Tuple)
    return `(${joined(value.items, budget, depth)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof Dict) {
    const parts: string[] = [];
    for (const [key, item] of value.pairs())
      parts.push(`${repr(key, budget, depth + 1)}: ${repr(item, budget, depth + 1)}`);
    return `{${paid(parts.join(', '), budget)}}`;
  }
  if (value instanceof DictView) return `${value.typeName}([${joined(value, budget, depth)}])`;
  if (value instanceof Range)
    return `range(${value.start}, ${value.stop}${value.step === 1n ? '' : `, ${value.step}`})`;
  if (value instanceof Namespace) return `<Namespace ${repr(value.attributes, budget, depth + 1)}>`;
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Callable && value.typeName === 'Macro')
    return `<Macro ${textRepr(value.nameOf())}>`;
  if (value instanceof Callable) return `<${value.typeName} ${value.nameOf()}>`;
  return `<${value.typeName} object>`;
}
