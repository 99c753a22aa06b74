import type { Budget } from './budget.ts';
import { compare } from './compare.ts';
import { failed } from './failure.ts';
import { floatText, intText } from './print.ts';
import { Dict, textOf, Tuple, typeName, type Value } from './values.ts';

export interface JsonOptions {
  readonly ensureAscii: boolean;
  /** What one level is indented by; null is all in one line. */
  readonly indent: string | null;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
};

function jsonText(text: string, ensureAscii: boolean): string {
  // eslint-disable-next-line no-control-regex -- JSON escapes control characters
  const escaped = ensureAscii ? /["\\\x00-\x1f]|[^\x00-\x7e]/g : /["\\\x00-\x1f]/g;
  return `"${text.replace(
    escaped,
    (unit) => shortEscapes[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )}"`;
}

function jsonNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return floatText(value);
}

function keyText(key: Value): string {
  const text = textOf(key);
  if (text !== null) return text;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return key ? 'true' : 'false';
  if (typeof key === 'bigint') return intText(key);
  if (typeof key === 'number') return jsonNumber(key);
  throw failed(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

/** Deeper nested values are not written, as in Python. */
const MAX_JSON_DEPTH = 200;

/** Python's json.dumps. @throws TemplateFailure for what JSON does not have */
export function dumps(value: Value, options: JsonOptions, budget: Budget, depth = 0): string {
  budget.spend(1);
  if (depth > MAX_JSON_DEPTH)
    throw failed('maximum recursion depth exceeded while encoding a JSON object');
  const text = textOf(value);
  if (text !== null) {
    budget.text(text.length);
    return jsonText(text, options.ensureAscii);
  }
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'bigint') return intText(value);
  if (typeof value === 'number') return jsonNumber(value);
  const { indent } = options;
  const line = (level: number): string => (indent === null ? '' : `\n${indent.repeat(level)}`);
  const wrapped = (open: string, parts: readonly string[], close: string): string => {
    budget.spend(8);
    if (parts.length === 0) return open + close;
    const between = options.itemSeparator + line(depth + 1);
    const added = line(depth + 1).length + options.itemSeparator.length;
    budget.text(parts.reduce((units, part) => units + part.length + added, 0));
    const whole = open + line(depth + 1) + parts.join(between) + line(depth) + close;
    return whole;
  };
  if (Array.isArray(value) || value instanceof Tuple) {
    const items = Array.isArray(value) ? value : value.items;
    return wrapped(
      '[',
      items.map((item) => dumps(item, options, budget, depth + 1)),
      ']',
    );
  }
  if (value instanceof Dict) {
    const pairs = [...value.pairs()];
    if (options.sortKeys) pairs.sort(([a], [b]) => compare(a, b, '<', budget));
    return wrapped(
      '{',
      pairs.map(
        ([key, item]) =>
          jsonText(keyText(key), options.ensureAscii) +
          options.keySeparator +
          dumps(item, options, budget, depth + 1),
      ),
      '}',
    );
  }
  throw failed(`Object of type ${typeName(value)} is not JSON serializable`);
}
