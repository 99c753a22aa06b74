/** A number that Python would write as a float: with a point or an exponent even where it is whole. */
export class PythonFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export type PythonJson =
  | string
  | number
  | boolean
  | null
  | PythonFloat
  | readonly PythonJson[]
  | { readonly [key: string]: PythonJson };

/** Python writes an exponent from here on; JavaScript only from 1e21. */
const MAX_PLAIN_EXPONENT = 15;
/** Below this Python writes an exponent; JavaScript only below -6. */
const MIN_PLAIN_EXPONENT = -4;

/** `repr` of a Python float: the shortest digits that give the same double, as in JavaScript, in Python's notation. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is not JSON.`);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '0', exponentText = '0'] = Math.abs(value).toExponential().split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace('.', '');
  if (value !== 0 && (exponent < MIN_PLAIN_EXPONENT || exponent > MAX_PLAIN_EXPONENT)) {
    const magnitude = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${magnitude}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/**
 * JSON as Python's json module writes it.
 *
 * @param indent Spaces per level; null for one line with `, ` and `: `, Python's default.
 */
export function pythonJson(value: PythonJson, indent: number | null = null, level = 0): string {
  if (value instanceof PythonFloat) return pythonFloat(value.value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = (item: PythonJson): string => pythonJson(item, indent, level + 1);
  const isList = Array.isArray(value);
  const items = isList
    ? (value as readonly PythonJson[]).map(inner)
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inner(item)}`);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  if (indent === null || items.length === 0) return `${open}${items.join(', ')}${close}`;
  const margin = `\n${' '.repeat(indent * (level + 1))}`;
  return `${open}${margin}${items.join(`,${margin}`)}\n${' '.repeat(indent * level)}${close}`;
}
