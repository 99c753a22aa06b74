import type { Budget } from '../budget.ts';
import { numberOf } from '../compare.ts';
import { failed } from '../failure.ts';
import { checkPrecision, floatDigits } from './format-spec.ts';
import { intText, print, repr } from '../print.ts';
import {
  characterOf,
  codePoints,
  Dict,
  indexOf,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
  orElse,
} from '../values.ts';

/** Fields wider than this are mistakes and attacks. */
const MAX_WIDTH = 1_000_000;

const conversion = /%(?:\(([^)]{0,256})\))?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?(.)?/gsu;

function wholeNumber(value: Value, kind: string): bigint {
  const number = numberOf(value);
  if (typeof number === 'bigint') return number;
  if (number !== null && 'diu'.includes(kind)) return BigInt(Math.trunc(number));
  if (value instanceof Undefined) throw failed(value.reason);
  throw failed(
    `%${kind} format: ${'diu'.includes(kind) ? 'a real number' : 'an integer'} is required, not ${typeName(value)}`,
  );
}

/** One converted value: its sign, what stands before its digits, and the rest. */
interface Converted {
  readonly sign: string;
  readonly prefix: string;
  readonly text: string;
  readonly isNumber: boolean;
}

function convert(
  value: Value,
  kind: string,
  flags: string,
  precision: number | null,
  budget: Budget,
): Converted {
  const plain = (text: string): Converted => ({
    sign: '',
    prefix: '',
    text: precision === null ? text : Array.from(text).slice(0, precision).join(''),
    isNumber: false,
  });
  const signOf = (isNegative: boolean): string =>
    isNegative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if (kind === 's') return plain(print(value, budget));
  if (kind === 'r' || kind === 'a') return plain(repr(value, budget));
  if (kind === 'c') {
    const text = textOf(value);
    if (text !== null && codePoints(text) !== 1) throw failed('%c requires int or char');
    return {
      sign: '',
      prefix: '',
      text: text ?? characterOf(indexOf(value)),
      isNumber: false,
    };
  }
  if ('diuxXo'.includes(kind)) {
    const number = wholeNumber(value, kind);
    const size = number < 0n ? -number : number;
    const base = { x: 16, X: 16, o: 8 }[kind];
    const digits = base === undefined ? intText(size) : size.toString(base);
    const prefix = flags.includes('#') && base !== undefined ? `0${kind}` : '';
    const padded = digits.padStart(checkPrecision(precision ?? 0), '0');
    return {
      sign: signOf(number < 0n),
      prefix,
      text: kind === 'X' ? padded.toUpperCase() : padded,
      isNumber: true,
    };
  }
  if ('eEfFgG'.includes(kind)) {
    const number = numberOf(value);
    if (number === null) {
      if (value instanceof Undefined) throw failed(value.reason);
      throw failed(`must be real number, not ${typeName(value)}`);
    }
    const float = Number(number);
    return {
      sign: signOf(float < 0 || Object.is(float, -0)),
      prefix: '',
      text: floatDigits(float, kind, precision, flags.includes('#')),
      isNumber: true,
    };
  }
  throw failed(`unsupported format character '${kind}'`);
}

/** Python's `format % values`. @throws TemplateFailure */
export function formatPercent(format: string, values: Value, budget: Budget): string {
  budget.text(format.length);
  const given = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const keys = new Set<string>();
  const next = (): Value => {
    const value = given[used++];
    if (value === undefined) throw failed('not enough arguments for format string');
    return value;
  };
  const size = (text: string | undefined): number | null => {
    const number = text === undefined ? null : text === '*' ? indexOf(next()) : Number(text);
    if (number !== null && Math.abs(number) > MAX_WIDTH) throw failed('width too big');
    return number;
  };
  const field = (
    whole: string,
    key: string | undefined,
    flags: string,
    widthText: string | undefined,
    precisionText: string | undefined,
    kind: string | undefined,
  ): string => {
    if (kind === undefined) throw failed('incomplete format');
    if (kind === '%') return '%';
    let mapped: Value | undefined;
    if (key !== undefined) {
      if (!(values instanceof Dict)) throw failed('format requires a mapping');
      keys.add(key);
      mapped = values.get(key);
      if (mapped === undefined) throw failed(`KeyError: '${key}'`);
    }
    const width = size(widthText) ?? 0;
    const hasEmptyPrecision = precisionText === undefined && /\.[hlL]?.$/su.test(whole);
    const precision = hasEmptyPrecision ? 0 : size(precisionText);
    const converted: Converted = convert(orElse(mapped, next), kind, flags, precision, budget);
    const before = converted.sign + converted.prefix;
    const missing = Math.abs(width) - codePoints(before + converted.text);
    if (missing <= 0) return before + converted.text;
    budget.text(missing);
    if (flags.includes('-') || width < 0) return before + converted.text + ' '.repeat(missing);
    if (flags.includes('0') && converted.isNumber)
      return before + '0'.repeat(missing) + converted.text;
    return ' '.repeat(missing) + before + converted.text;
  };
  const text = format.replace(conversion, field);
  if (used < given.length && keys.size === 0 && !(values instanceof Dict))
    throw failed('not all arguments converted during string formatting');
  budget.text(text.length);
  return text;
}
