import { failed } from '../failure.ts';
import { namedBy, TextFormatter } from './format-text.ts';
import type { Runtime } from '../runtime.ts';
import { pythonFunction, variadic, type Given, type PythonFunction } from './signature.ts';
import {
  countOf,
  isAstral,
  isOnlySpace,
  isPrintable,
  replaceText,
  sliceIndices,
  splitAt,
  splitLines,
  splitSpace,
  strip,
} from '../text.ts';
import { indexIn, lastIndexIn } from '../search.ts';
import { textCases, textClasses } from '../text-classes.ts';
import {
  characterOf,
  codePoints,
  Dict,
  indexOf,
  iterate,
  needText,
  textOf,
  Tuple,
  typeName,
  type Value,
} from '../values.ts';

/** A str that may be None. */
function optionalText(value: Given): string | null {
  return value === undefined || value === null ? null : needText(value);
}

function optionalIndex(value: Given): number | null {
  return value === undefined || value === null ? null : indexOf(value);
}

/** A part of a text between two places, and where it starts, in UTF-16 units. */
function window(text: string, start: Given, end: Given): { part: string; from: number } | null {
  if (start === undefined && end === undefined) return { part: text, from: 0 };
  const characters = isAstral(text) ? Array.from(text) : null;
  const length = characters?.length ?? text.length;
  const first = optionalIndex(start);
  const indices = sliceIndices(length, first, optionalIndex(end), null);
  if ((first ?? 0) > length || indices.start > indices.stop) return null;
  if (characters === null)
    return { part: text.slice(indices.start, indices.stop), from: indices.start };
  return {
    part: characters.slice(indices.start, indices.stop).join(''),
    from: characters.slice(0, indices.start).join('').length,
  };
}

type Search = (text: string, part: string) => number;
const first: Search = (text, part) => indexIn(text, part);
const last: Search = (text, part) => lastIndexIn(text, part);

function find(search: Search, self: Value, part: Value, start: Given, end: Given): bigint {
  const text = needText(self);
  const inside = window(text, start, end);
  const found = inside === null ? -1 : search(inside.part, needText(part));
  return inside === null || found < 0
    ? -1n
    : BigInt(codePoints(text.slice(0, inside.from + found)));
}

function mustFind(search: Search, ...args: [Value, Value, Given, Given]): bigint {
  const found = find(search, ...args);
  if (found < 0n) throw failed('substring not found');
  return found;
}

function hasAffix(
  has: (text: string, affix: string) => boolean,
  self: Value,
  affix: Value,
  start: Given,
  end: Given,
): boolean {
  const inside = window(needText(self), start, end);
  const affixes = affix instanceof Tuple ? affix.items : [affix];
  return affixes.some((item) => {
    const text = textOf(item);
    if (text === null)
      throw failed(`startswith first arg must be str or a tuple of str, not ${typeName(affix)}`);
    return inside !== null && has(inside.part, text);
  });
}

function split(
  runtime: Runtime,
  self: Value,
  separator: Given,
  limit: Given,
  fromRight: boolean,
): Value[] {
  const text = needText(self);
  const at = optionalText(separator);
  const times = optionalIndex(limit) ?? -1;
  runtime.budget.text(text.length);
  const parts =
    at === null ? splitSpace(text, times, fromRight) : splitAt(text, at, times, fromRight);
  runtime.budget.items(parts.length);
  return parts;
}

function partition(self: Value, separator: Value, fromRight: boolean): Tuple {
  const text = needText(self);
  const at = needText(separator);
  if (at === '') throw failed('empty separator');
  const found = fromRight ? lastIndexIn(text, at) : indexIn(text, at);
  if (found < 0) return new Tuple(fromRight ? ['', '', text] : [text, '', '']);
  return new Tuple([text.slice(0, found), at, text.slice(found + at.length)]);
}

function justified(
  runtime: Runtime,
  self: Value,
  width: Value,
  fill: Given,
  side: 'left' | 'right' | 'center',
): string {
  const text = needText(self);
  const missing = indexOf(width) - codePoints(text);
  const character = fill === undefined ? ' ' : needText(fill);
  if (codePoints(character) !== 1)
    throw failed('The fill character must be exactly one character long');
  if (missing <= 0) return text;
  runtime.budget.text(text.length + missing * character.length);
  const left =
    side === 'left'
      ? 0
      : side === 'right'
        ? missing
        : Math.floor(missing / 2) + (missing & indexOf(width) & 1);
  return character.repeat(left) + text + character.repeat(missing - left);
}

/** str.center, which the filter of that name uses. */
export function center(runtime: Runtime, text: string, width: number): string {
  return justified(runtime, text, BigInt(width), undefined, 'center');
}

function expandTabs(runtime: Runtime, self: Value, size: number): string {
  let out = '';
  let column = 0;
  for (const character of needText(self)) {
    if (character === '\t') {
      const count = size > 0 ? size - (column % size) : 0;
      runtime.budget.text(count);
      out += ' '.repeat(count);
      column += count;
    } else {
      out += character;
      column = character === '\n' || character === '\r' ? 0 : column + 1;
    }
  }
  return out;
}

/** str.join. */
export function join(runtime: Runtime, separator: string, items: Iterable<Value>): string {
  const parts: string[] = [];
  let units = 0;
  for (const item of items) {
    const text = textOf(item);
    if (text === null)
      throw failed(`sequence item ${parts.length}: expected str instance, ${typeName(item)} found`);
    units += text.length + separator.length;
    runtime.budget.items(1);
    parts.push(text);
  }
  runtime.budget.text(units);
  return parts.join(separator);
}

function translate(runtime: Runtime, self: Value, table: Value): string {
  if (!(table instanceof Dict)) throw failed('translate() needs a dict');
  return Array.from(needText(self), (character) => {
    const by = table.get(BigInt(character.codePointAt(0) ?? 0));
    if (by === undefined) return character;
    const instead = by === null ? '' : (textOf(by) ?? characterOf(indexOf(by)));
    runtime.budget.text(instead.length);
    return instead;
  }).join('');
}

/** str.replace, counted. */
export function replace(
  runtime: Runtime,
  text: string,
  old: string,
  by: string,
  count: number,
): string {
  runtime.budget.search(text.length, old.length);
  const found = countOf(text, old);
  const times = count < 0 ? found : Math.min(found, count);
  runtime.budget.text(text.length + times * by.length);
  return replaceText(text, old, by, count);
}

const all: Record<string, PythonFunction> = {};
const define = (
  name: string,
  signature: string,
  run: (runtime: Runtime, self: Value, ...args: Value[]) => Value,
): void => {
  all[name] = pythonFunction(name, `self ${signature}`, (runtime, self = null, ...args) => {
    // As if a method searched for its arguments: several do.
    const part = Math.max(0, ...args.map((arg) => textOf(arg ?? null)?.length ?? 0));
    runtime.budget.search(textOf(self)?.length ?? 0, part);
    // Arguments that were left out arrive as undefined, which the implementations' types say where it may happen.
    return run(runtime, self, ...(args as Value[]));
  });
};

for (const [name, side] of [
  ['strip', 'both'],
  ['lstrip', 'left'],
  ['rstrip', 'right'],
] as const)
  define(name, '| chars /', (runtime, self, characters: Given) => {
    const text = needText(self);
    runtime.budget.text(text.length);
    return strip(text, optionalText(characters), side);
  });
for (const [name, ask] of Object.entries(textClasses))
  define(name, '', (_, self) => ask(needText(self)));
for (const [name, change] of Object.entries(textCases))
  define(name, '', (runtime, self) => {
    // Some go through the text character by character.
    runtime.budget.text(needText(self).length * 4);
    return change(needText(self));
  });
define('isspace', '', (_, self) => isOnlySpace(needText(self)));
define('isprintable', '', (_, self) => Array.from(needText(self)).every(isPrintable));
define('find', 'sub | start end /', (_, self, part, start: Given, end: Given) =>
  find(first, self, part, start, end),
);
define('rfind', 'sub | start end /', (_, self, part, start: Given, end: Given) =>
  find(last, self, part, start, end),
);
define('index', 'sub | start end /', (_, self, part, start: Given, end: Given) =>
  mustFind(first, self, part, start, end),
);
define('rindex', 'sub | start end /', (_, self, part, start: Given, end: Given) =>
  mustFind(last, self, part, start, end),
);
define('count', 'sub | start end /', (_, self, part, start: Given, end: Given) => {
  const inside = window(needText(self), start, end);
  return inside === null ? 0n : BigInt(countOf(inside.part, needText(part)));
});
define('startswith', 'prefix | start end /', (_, self, affix, start: Given, end: Given) =>
  hasAffix((text, part) => text.startsWith(part), self, affix, start, end),
);
define('endswith', 'suffix | start end /', (_, self, affix, start: Given, end: Given) =>
  hasAffix((text, part) => text.endsWith(part), self, affix, start, end),
);
define('split', '| sep maxsplit', (runtime, self, at: Given, limit: Given) =>
  split(runtime, self, at, limit, false),
);
define('rsplit', '| sep maxsplit', (runtime, self, at: Given, limit: Given) =>
  split(runtime, self, at, limit, true),
);
define('splitlines', '| keepends', (runtime, self, keep: Given) => {
  runtime.budget.text(needText(self).length);
  const lines = splitLines(needText(self), keep !== undefined && indexOf(keep) !== 0);
  runtime.budget.items(lines.length);
  return lines;
});
define('partition', 'sep /', (_, self, at) => partition(self, at, false));
define('rpartition', 'sep /', (_, self, at) => partition(self, at, true));
define('replace', 'old new | count /', (runtime, self, old, by, count: Given) =>
  replace(runtime, needText(self), needText(old), needText(by), optionalIndex(count) ?? -1),
);
define('removeprefix', 'prefix /', (_, self, affix) => {
  const [text, part] = [needText(self), needText(affix)];
  return text.startsWith(part) ? text.slice(part.length) : text;
});
define('removesuffix', 'suffix /', (_, self, affix) => {
  const [text, part] = [needText(self), needText(affix)];
  return part !== '' && text.endsWith(part) ? text.slice(0, -part.length) : text;
});
define('ljust', 'width | fillchar /', (runtime, self, width, fill: Given) =>
  justified(runtime, self, width, fill, 'left'),
);
define('rjust', 'width | fillchar /', (runtime, self, width, fill: Given) =>
  justified(runtime, self, width, fill, 'right'),
);
define('center', 'width | fillchar /', (runtime, self, width, fill: Given) =>
  justified(runtime, self, width, fill, 'center'),
);
define('zfill', 'width /', (runtime, self, width) => {
  const [, sign = '', rest = ''] = /^([-+]?)(.*)$/su.exec(needText(self)) ?? [];
  return sign + justified(runtime, rest, BigInt(indexOf(width) - sign.length), '0', 'right');
});
define('expandtabs', '| tabsize', (runtime, self, size: Given) =>
  expandTabs(runtime, self, optionalIndex(size) ?? 8),
);
define('join', 'iterable /', (runtime, self, items) =>
  join(runtime, needText(self), iterate(items)),
);
define('translate', 'table /', (runtime, self, table) => {
  runtime.budget.items(needText(self).length);
  return translate(runtime, self, table);
});
all['format'] = variadic((runtime, [self = null, ...args], keywords) =>
  new TextFormatter(runtime, args, (name) => keywords.get(name)).format(needText(self)),
);
define('format_map', 'mapping /', (runtime, self, mapping) =>
  new TextFormatter(runtime, [], namedBy(mapping)).format(needText(self)),
);

/** The methods of str. `encode` and `maketrans` make values that templates cannot use. */
export const textMethods: ReadonlyMap<string, PythonFunction> = new Map(Object.entries(all));
