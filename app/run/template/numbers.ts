import type { Budget } from './budget.ts';
import { numberOf } from './compare.ts';
import { failed } from './failure.ts';
import { formatPercent } from './builtins/percent-format.ts';
import { escapeHtml, strip } from './text.ts';
import { indexOf, Markup, textOf, Tuple, typeName, Undefined, type Value } from './values.ts';

export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '**';

/** Bits of the largest int that is computed: printing ends at 4300 digits, which are 14,300 bits. */
const MAX_INT_BITS = 1 << 16;

/** Digits of the longest text that int() reads, as in Python. */
const MAX_INT_DIGITS = 4300;

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function modulo(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

function power(a: bigint | number, b: bigint | number): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint' && b >= 0n) {
    if (a !== 0n && a !== 1n && a !== -1n && bits(a) * Number(b) > MAX_INT_BITS * 2)
      throw failed('the power is too large');
    return a ** b;
  }
  const [x, y] = [Number(a), Number(b)];
  if (x === 0 && y < 0) throw failed('0.0 cannot be raised to a negative power');
  if (x < 0 && !Number.isInteger(y)) throw failed('the power is a complex number');
  const result = x === 1 ? 1 : x ** y;
  if (!Number.isFinite(result) && Number.isFinite(x) && Number.isFinite(y))
    throw failed("(34, 'Numerical result out of range')");
  return result;
}

function computeInts(operator: Operator, a: bigint, b: bigint): Value {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      if (bits(a) + bits(b) > MAX_INT_BITS) throw failed('the product is too large');
      return a * b;
    case '**':
      return power(a, b);
    case '/': {
      if (b === 0n) throw failed('division by zero');
      const result = Number(a) / Number(b);
      if (!Number.isFinite(result)) throw failed('integer division result too large for a float');
      return result;
    }
    case '//':
      if (b === 0n) throw failed('integer division or modulo by zero');
      return floorDivide(a, b);
    case '%':
      if (b === 0n) throw failed('integer modulo by zero');
      return a - floorDivide(a, b) * b;
  }
}

function computeFloats(operator: Operator, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '**':
      return Number(power(a, b));
    case '/':
      if (b === 0) throw failed('float division by zero');
      return a / b;
    case '//': {
      if (b === 0) throw failed('float floor division by zero');
      const rest = modulo(a, b);
      const quotient = (a - rest) / b;
      if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0;
      return Math.round(quotient);
    }
    case '%':
      if (b === 0) throw failed('float modulo');
      return modulo(a, b);
  }
}

function repeat(value: Value, count: Value, budget: Budget): Value | null {
  if (typeof count !== 'bigint' && typeof count !== 'boolean') return null;
  const times = Math.max(0, indexOf(count));
  const text = textOf(value);
  if (text !== null) {
    budget.text(text.length * times);
    const repeated = times === 0 ? '' : text.repeat(times);
    return value instanceof Markup ? new Markup(repeated) : repeated;
  }
  const items = Array.isArray(value) ? value : value instanceof Tuple ? value.items : null;
  if (items === null) return null;
  budget.items(items.length * times);
  const repeated: Value[] = [];
  for (let i = 0; i < times; i++) for (const item of items) repeated.push(item);
  return Array.isArray(value) ? repeated : new Tuple(repeated);
}

function concatenate(a: Value, b: Value, budget: Budget): Value | null {
  const [left, right] = [textOf(a), textOf(b)];
  if (left !== null && right !== null) {
    budget.text(left.length + right.length);
    if (a instanceof Markup)
      return new Markup(left + (b instanceof Markup ? right : escapeHtml(right)));
    return b instanceof Markup ? new Markup(escapeHtml(left) + right) : left + right;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    budget.items(a.length + b.length);
    return [...a, ...b];
  }
  if (a instanceof Tuple && b instanceof Tuple) {
    budget.items(a.items.length + b.items.length);
    return new Tuple([...a.items, ...b.items]);
  }
  return null;
}

/** What `a operator b` is in Python. @throws TemplateFailure */
export function compute(operator: Operator, a: Value, b: Value, budget: Budget): Value {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null && y !== null) {
    if (typeof x === 'bigint' && typeof y === 'bigint') return computeInts(operator, x, y);
    return computeFloats(operator, Number(x), Number(y));
  }
  const format = operator === '%' ? textOf(a) : null;
  if (format !== null) {
    if (!(a instanceof Markup)) return formatPercent(format, b, budget);
    const escape = (value: Value): Value => (typeof value === 'string' ? escapeHtml(value) : value);
    const values = b instanceof Tuple ? new Tuple(b.items.map(escape)) : escape(b);
    return new Markup(formatPercent(format, values, budget));
  }
  const result =
    operator === '+'
      ? concatenate(a, b, budget)
      : operator === '*'
        ? (repeat(a, b, budget) ?? repeat(b, a, budget))
        : null;
  if (result !== null) return result;
  for (const value of [a, b]) if (value instanceof Undefined) throw failed(value.reason);
  if (operator === '+' && (textOf(a) !== null || Array.isArray(a) || a instanceof Tuple))
    throw failed(`can only concatenate ${typeName(a)} (not "${typeName(b)}") to ${typeName(a)}`);
  throw failed(
    `unsupported operand type(s) for ${operator === '**' ? '** or pow()' : operator}: '${typeName(a)}' and '${typeName(b)}'`,
  );
}

/** +value and -value. */
export function signed(operator: '+' | '-', value: Value): Value {
  const number = numberOf(value);
  if (number !== null) return operator === '+' ? number : -number;
  if (value instanceof Undefined) throw failed(value.reason);
  throw failed(`bad operand type for unary ${operator}: '${typeName(value)}'`);
}

/** int() of a text; null where Python raises ValueError. */
export function parseInteger(text: string, base = 10): bigint | null {
  const found = /^([+-]?)(?:0([xXoObB])_?)?([0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)$/.exec(
    strip(text, null, 'both'),
  );
  if (found === null) return null;
  const [, sign = '', prefix = '', digitsText = ''] = found;
  const prefixBase = { x: 16, o: 8, b: 2 }[prefix.toLowerCase()] ?? null;
  let radix = base;
  let digits = digitsText.replaceAll('_', '').toLowerCase();
  if (prefixBase !== null && (base === 0 || base === prefixBase)) radix = prefixBase;
  else if (prefixBase !== null) digits = `0${prefix.toLowerCase()}${digits}`;
  else if (base === 0) {
    if (/^0+[1-9]/.test(digits)) return null;
    radix = 10;
  }
  if (digits.length > MAX_INT_DIGITS) return null;
  let value = 0n;
  for (const digit of digits) {
    const number = Number.parseInt(digit, 36);
    if (Number.isNaN(number) || number >= radix) return null;
    value = value * BigInt(radix) + BigInt(number);
  }
  return sign === '-' ? -value : value;
}

/** float() of a text; null where Python raises ValueError. */
export function parseFloating(text: string): number | null {
  const bare = strip(text, null, 'both').toLowerCase();
  const special = /^([+-]?)(inf|infinity|nan)$/.exec(bare);
  if (special !== null) {
    if (special[2] === 'nan') return Number.NaN;
    return special[1] === '-' ? -Infinity : Infinity;
  }
  if (!/^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/.test(bare))
    return null;
  return Number(bare.replaceAll('_', ''));
}

/** int() of a float. @throws TemplateFailure for NaN and infinity */
export function truncate(value: number): bigint {
  if (Number.isNaN(value)) throw failed('cannot convert float NaN to integer');
  if (!Number.isFinite(value)) throw failed('cannot convert float infinity to integer');
  return BigInt(Math.trunc(value));
}
