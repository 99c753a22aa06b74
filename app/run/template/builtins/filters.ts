import { numberOf } from '../compare.ts';
import { roundFloat, roundInteger } from '../decimal.ts';
import { failed } from '../failure.ts';
import { sequenceFilters } from './filters-sequence.ts';
import { textFilters } from './filters-text.ts';
import { dumps } from '../json.ts';
import { compute, parseFloating, parseInteger, truncate } from '../numbers.ts';
import { pythonFunction, type PythonFunction } from './signature.ts';
import {
  indexOf,
  isTrue,
  iterate,
  needText,
  textOf,
  typeName,
  Undefined,
  type Value,
} from '../values.ts';

const defaulted = pythonFunction(
  'default',
  'value | default_value boolean',
  (_, value = null, otherwise = '', boolean = false) =>
    value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? otherwise : value,
);

function toInteger(value: Value, otherwise: Value, base: number): Value {
  if (value instanceof Undefined) throw failed(value.reason);
  const text = textOf(value);
  const number =
    text === null ? numberOf(value) : (parseInteger(text, base) ?? parseFloating(text));
  if (number === null || (typeof number === 'number' && !Number.isFinite(number))) {
    if (text === null && number === Infinity)
      throw failed('cannot convert float infinity to integer');
    return otherwise;
  }
  return typeof number === 'bigint' ? number : truncate(number);
}

function toFloat(value: Value, otherwise: Value): Value {
  if (value instanceof Undefined) throw failed(value.reason);
  const text = textOf(value);
  const number = text === null ? numberOf(value) : parseFloating(text);
  return number === null ? otherwise : Number(number);
}

function rounded(value: Value, precision: number, method: Value, power: Value): Value {
  const number = numberOf(value);
  if (method !== 'common' && method !== 'ceil' && method !== 'floor')
    throw failed('method must be common, ceil or floor');
  if (number === null) {
    if (value instanceof Undefined) throw failed(value.reason);
    throw failed(`type ${typeName(value)} doesn't define __round__ method`);
  }
  if (method === 'common')
    return typeof number === 'bigint'
      ? roundInteger(number, precision)
      : roundFloat(number, precision);
  const scale = Number(power);
  const whole =
    method === 'ceil' ? Math.ceil(Number(number) * scale) : Math.floor(Number(number) * scale);
  return whole / scale;
}

/** What separators a JSON text has between its items, and between a key and its value. */
function separatorsOf(separators: Value, isIndented: boolean): [string, string] {
  if (separators === null) return [isIndented ? ',' : ', ', ': '];
  const [item = '', key = ''] = [...iterate(separators)].map(needText);
  return [item, key];
}

/** Every filter of jinja2, and tojson as transformers has it. */
export const filters: ReadonlyMap<string, PythonFunction> = new Map<string, PythonFunction>([
  ...textFilters,
  ...sequenceFilters,
  ['default', defaulted],
  ['d', defaulted],
  [
    'abs',
    pythonFunction('abs', 'x /', (_, value = null) => {
      const number = numberOf(value);
      if (number !== null) return number < 0 ? -number : number;
      if (value instanceof Undefined) throw failed(value.reason);
      throw failed(`bad operand type for abs(): '${typeName(value)}'`);
    }),
  ],
  [
    'int',
    pythonFunction('int', 'value | default base', (_, value = null, otherwise = 0n, base = 10n) =>
      toInteger(value, otherwise, indexOf(base)),
    ),
  ],
  [
    'float',
    pythonFunction('float', 'value | default', (_, value = null, otherwise = 0) =>
      toFloat(value, otherwise),
    ),
  ],
  [
    'round',
    pythonFunction(
      'round',
      'value | precision method',
      (runtime, value = null, precision = 0n, method = 'common') =>
        rounded(
          value,
          indexOf(precision),
          method,
          method === 'common' ? 1 : compute('**', 10n, precision, runtime.budget),
        ),
    ),
  ],
  [
    'tojson',
    pythonFunction(
      'tojson',
      'x | ensure_ascii indent separators sort_keys',
      (
        runtime,
        value = null,
        ensureAscii = false,
        indent = null,
        separators = null,
        sortKeys = false,
      ) => {
        const indentText =
          indent === null
            ? null
            : (textOf(indent) ?? ' '.repeat(Math.max(0, Math.min(indexOf(indent), 1000))));
        const [itemSeparator, keySeparator] = separatorsOf(separators, indent !== null);
        return dumps(
          value,
          {
            ensureAscii: isTrue(ensureAscii),
            indent: indentText,
            itemSeparator,
            keySeparator,
            sortKeys: isTrue(sortKeys),
          },
          runtime.budget,
        );
      },
    ),
  ],
]);
