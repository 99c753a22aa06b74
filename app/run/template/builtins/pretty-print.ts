import type { Budget } from '../budget.ts';
import { compare } from '../compare.ts';
import { repr } from '../print.ts';
import { codePoints, Dict, Tuple, type Value } from '../values.ts';

const WIDTH = 80;

function sortedPairs(dict: Dict, budget: Budget): (readonly [Value, Value])[] {
  const pairs = [...dict.pairs()];
  try {
    return pairs.sort(([a], [b]) => compare(a, b, '<', budget));
  } catch {
    // Python orders keys of several types by the names of their types; no template prints such a dict.
    return pairs;
  }
}

/** repr() with the keys of dicts in order. */
function plain(value: Value, budget: Budget): string {
  if (Array.isArray(value)) return `[${value.map((item) => plain(item, budget)).join(', ')}]`;
  if (value instanceof Tuple)
    return `(${value.items.map((item) => plain(item, budget)).join(', ')}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof Dict)
    return `{${sortedPairs(value, budget)
      .map(([key, item]) => `${plain(key, budget)}: ${plain(item, budget)}`)
      .join(', ')}}`;
  return repr(value, budget);
}

/** Python's pprint.pformat for what fits into its 80 columns or breaks between items; long texts stay whole. */
export function pretty(value: Value, budget: Budget, indent = 0, allowance = 0): string {
  repr(value, budget);
  const line = plain(value, budget);
  budget.text(line.length);
  if (codePoints(line) <= WIDTH - indent - allowance) return line;
  const margin = `,\n${' '.repeat(indent + 1)}`;
  const items = (values: readonly Value[], closing: number): string =>
    values
      .map((item, i) =>
        pretty(item, budget, indent + 1, i === values.length - 1 ? allowance + closing : 1),
      )
      .join(margin);
  if (Array.isArray(value)) return `[${items(value, 1)}]`;
  if (value instanceof Tuple)
    return `(${items(value.items, value.items.length === 1 ? 2 : 1)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof Dict) {
    const pairs = sortedPairs(value, budget);
    return `{${pairs
      .map(([key, item], i) => {
        const name = plain(key, budget);
        const rest = i === pairs.length - 1 ? allowance + 1 : 1;
        return `${name}: ${pretty(item, budget, indent + 1 + codePoints(name) + 2, rest)}`;
      })
      .join(margin)}}`;
  }
  return line;
}
