import type { Budget } from '../budget.ts';
import { exponentDigits, fixedDigits } from '../decimal.ts';
import { failed } from '../failure.ts';
import { floatText, intText, print } from '../print.ts';
import { characterOf, codePoints, textOf, typeName, Undefined, type Value } from '../values.ts';

/** Digits behind the point: more are asked for by mistakes and attacks only. */
const MAX_PRECISION = 1000;

/** Where a number or text is put in its field. */
interface Layout {
  readonly fill: string;
  readonly align: string;
  readonly width: number;
}

function pad(text: string, { fill, align, width }: Layout, budget: Budget): string {
  const missing = width - codePoints(text);
  if (missing <= 0) return text;
  budget.text(width);
  const left = align === '<' ? 0 : align === '^' ? Math.floor(missing / 2) : missing;
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

export function checkPrecision(precision: number): number {
  if (precision > MAX_PRECISION) throw failed(`precision above ${MAX_PRECISION}`);
  return precision;
}

/** A float's size in one of Python's presentations: e, f, g, %, or null for its own. */
export function floatDigits(
  value: number,
  kind: string,
  precision: number | null,
  alternate: boolean,
): string {
  const upper = kind !== kind.toLowerCase();
  const cased = (text: string): string => (upper ? text.toUpperCase() : text);
  if (!Number.isFinite(value))
    return cased(Number.isNaN(value) ? 'nan' : 'inf') + (kind === '%' ? '%' : '');
  const digits = checkPrecision(precision ?? 6);
  const withExponent = (text: string, exponent: number): string =>
    cased(`${text}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent).toString().padStart(2, '0')}`);
  switch (kind.toLowerCase()) {
    case 'f':
      return fixedDigits(value, digits) + (alternate && digits === 0 ? '.' : '');
    case '%':
      return `${fixedDigits(value * 100, digits)}%`;
    case 'e': {
      const found = exponentDigits(value, digits);
      const rest = found.digits.slice(1);
      return withExponent(found.digits.charAt(0) + (rest === '' ? '' : `.${rest}`), found.exponent);
    }
    default: {
      if (kind === '' && precision === null) return floatText(Math.abs(value));
      const significant = digits === 0 ? 1 : digits;
      const found = exponentDigits(value, significant - 1);
      const { exponent } = found;
      const limit = kind === '' ? significant - 1 : significant;
      const bare = (text: string): string =>
        alternate || !text.includes('.') ? text : text.replace(/\.?0+$/, '');
      if (exponent < -4 || exponent >= limit) {
        const rest = found.digits.slice(1);
        return withExponent(
          bare(found.digits.charAt(0) + (rest === '' ? '' : `.${rest}`)),
          exponent,
        );
      }
      const text = bare(fixedDigits(value, Math.max(0, significant - 1 - exponent)));
      return kind === '' && !text.includes('.') ? `${text}.0` : text;
    }
  }
}

function grouped(digits: string, separator: string, size: number): string {
  const [, whole = '', rest = ''] = /^([0-9a-zA-Z]*)(.*)$/.exec(digits) ?? [];
  const found = /^(\d+)(e.*)?$/.exec(whole);
  const number = size === 3 && found !== null ? (found[1] ?? '') : whole;
  const tail = whole.slice(number.length);
  const parts: string[] = [];
  for (let end = number.length; end > 0; end -= size)
    parts.unshift(number.slice(Math.max(0, end - size), end));
  return parts.join(separator) + tail + rest;
}

const specification =
  /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([_,])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** Python's format(value, specification). @throws TemplateFailure */
export function formatValue(value: Value, specText: string, budget: Budget): string {
  if (specText === '') return print(value, budget);
  const found = specification.exec(specText);
  const isNumber =
    typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';
  const text = textOf(value);
  if (!isNumber && text === null) {
    if (value instanceof Undefined)
      throw failed('unsupported format string passed to Undefined.__format__');
    throw failed(`unsupported format string passed to ${typeName(value)}.__format__`);
  }
  if (found === null) throw failed('Invalid format specifier');
  const [, fillText, alignText, sign = '', , alternate, zero, widthText, separator, precisionText] =
    found;
  const kind = found[10] ?? '';
  const width = Number(widthText ?? 0);
  const precision = precisionText === undefined ? null : Number(precisionText);
  const fill = fillText ?? (zero === undefined ? ' ' : '0');
  if (text !== null) {
    if (kind !== '' && kind !== 's')
      throw failed(`Unknown format code '${kind}' for object of type 'str'`);
    if (sign !== '') throw failed('Sign not allowed in string format specifier');
    if (separator !== undefined) throw failed(`Cannot specify '${separator}' with 's'.`);
    if (alternate !== undefined)
      throw failed('Alternate form (#) not allowed in string format specifier');
    if (alignText === '=') throw failed("'=' alignment not allowed in string format specifier");
    const cut = precision === null ? text : Array.from(text).slice(0, precision).join('');
    return pad(cut, { fill, align: alignText ?? '<', width }, budget);
  }
  const number = typeof value === 'boolean' ? (value ? 1n : 0n) : value;
  const isWhole = typeof number === 'bigint';
  let digits: string;
  let prefix = '';
  if (isWhole && 'bcdoxXn'.includes(kind)) {
    if (precision !== null) throw failed('Precision not allowed in integer format specifier');
    const size = number < 0n ? -number : number;
    if (kind === 'c')
      return pad(characterOf(Number(number)), { fill, align: alignText ?? '<', width }, budget);
    const base = { b: 2, o: 8, x: 16, X: 16 }[kind];
    digits = base === undefined ? intText(size) : size.toString(base);
    if (kind === 'X') digits = digits.toUpperCase();
    if (alternate !== undefined && base !== undefined) prefix = `0${kind}`;
    if (separator !== undefined) digits = grouped(digits, separator, base === undefined ? 3 : 4);
  } else if (typeof number === 'number' || typeof number === 'bigint') {
    if (!'eEfFgGn%'.includes(kind))
      throw failed(`Unknown format code '${kind}' for object of type '${typeName(value)}'`);
    digits = floatDigits(Number(number), kind, precision, alternate !== undefined);
    if (separator !== undefined) digits = grouped(digits, separator, 3);
  } else throw failed('Invalid format specifier');
  const isNegative = typeof number === 'bigint' ? number < 0n : number < 0 || Object.is(number, -0);
  const shown = (isNegative ? '-' : sign === '-' ? '' : sign) + prefix;
  const align = alignText ?? (zero === undefined ? '>' : '=');
  if (align !== '=') return pad(shown + digits, { fill, align, width }, budget);
  return shown + pad(digits, { fill, align: '>', width: width - shown.length }, budget);
}
