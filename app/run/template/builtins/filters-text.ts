import { failed } from '../failure.ts';
import { center, replace } from './methods-text.ts';
import { formatPercent } from './percent-format.ts';
import { pretty } from './pretty-print.ts';
import { print } from '../print.ts';
import type { Runtime } from '../runtime.ts';
import { pythonFunction, variadic, type PythonFunction } from './signature.ts';
import { escapeHtml, sliceText, splitAt, splitLines, splitSpace, strip } from '../text.ts';
import { textCases } from '../text-classes.ts';
import {
  codePoints,
  Dict,
  indexOf,
  isTrue,
  iterableOf,
  iterate,
  lengthOf,
  Markup,
  needText,
  textOf,
  Tuple,
  Undefined,
  type Value,
} from '../values.ts';
import { wrapText } from './wrap-text.ts';

/** str() of a filtered value, paid for. */
function textFrom(runtime: Runtime, value: Value): string {
  const text = print(value, runtime.budget);
  runtime.budget.text(text.length);
  return text;
}

/** A changed text, safe if the value was. */
function like(value: Value, text: string): Value {
  return value instanceof Markup ? new Markup(text) : text;
}

function indent(
  runtime: Runtime,
  value: Value,
  width: Value,
  isFirst: boolean,
  isBlank: boolean,
): Value {
  const by = textOf(width) ?? ' '.repeat(Math.max(0, Math.min(indexOf(width), 1 << 20)));
  const lines = splitLines(`${needText(value)}\n`);
  runtime.budget.text(needText(value).length + lines.length * by.length);
  const indented = lines.map((line, i) => (i > 0 && (isBlank || line !== '') ? by + line : line));
  return like(value, (isFirst ? by : '') + indented.join('\n'));
}

function truncate(
  value: Value,
  length: number,
  kills: boolean,
  end: string,
  leeway: number,
): Value {
  if (length < codePoints(end))
    throw failed(`expected length >= ${codePoints(end)}, got ${length}`);
  if (leeway < 0) throw failed(`expected leeway >= 0, got ${leeway}`);
  if (lengthOf(value) <= length + leeway) return value;
  const text = needText(value);
  const cut = sliceText(text, null, length - codePoints(end), null);
  return (kills ? cut : (splitAt(cut, ' ', 1, true)[0] ?? '')) + end;
}

/** Every word begins with a capital, where words also begin behind brackets and hyphens. */
function title(text: string): string {
  return text
    .split(/([-\s({[<]+)/u)
    .map((part) => {
      const [first = ''] = part;
      return first.toUpperCase() + part.slice(first.length).toLowerCase();
    })
    .join('');
}

function quoteUrl(runtime: Runtime, value: Value, isQuery: boolean): string {
  const plain = textFrom(runtime, value);
  // Every byte may become three characters, one after another.
  runtime.budget.text(plain.length * 8);
  let text = '';
  for (const byte of new TextEncoder().encode(plain)) {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9_.~-]/.test(character) || (character === '/' && !isQuery)) text += character;
    else if (character === ' ' && isQuery) text += '+';
    else text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

function encodeUrl(runtime: Runtime, value: Value): string {
  if (textOf(value) !== null || iterableOf(value) === null) return quoteUrl(runtime, value, false);
  const pairs =
    value instanceof Dict ? value.pairs() : [...iterate(value)].map((item) => [...iterate(item)]);
  return [...pairs]
    .map(
      ([key = null, item = null]) =>
        `${quoteUrl(runtime, key, true)}=${quoteUrl(runtime, item, true)}`,
    )
    .join('&');
}

function fileSize(value: Value, isBinary: boolean): string {
  const bytes = Number(
    typeof value === 'bigint' || typeof value === 'number' ? value : needText(value),
  );
  if (Number.isNaN(bytes)) throw failed('could not convert string to float');
  const base = isBinary ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const letters = Array.from('KMGTPEZY');
  const at = letters.findIndex((_, i) => bytes < base ** (i + 2));
  const i = at < 0 ? letters.length - 1 : at;
  const prefix = `${i === 0 && !isBinary ? 'k' : (letters[i] ?? '')}${isBinary ? 'iB' : 'B'}`;
  return `${((base * bytes) / base ** (i + 2)).toFixed(1)} ${prefix}`;
}

function xmlAttributes(runtime: Runtime, value: Value, hasSpace: boolean): string {
  if (!(value instanceof Dict)) throw failed('xmlattr needs a mapping');
  const parts: string[] = [];
  for (const [key, item] of value.pairs()) {
    if (item === null || item instanceof Undefined) continue;
    const name = textFrom(runtime, key);
    if (/[ \t\n\r\f\v/>=]/.test(name))
      throw failed(`Invalid character in attribute name: '${name}'`);
    parts.push(`${escapeHtml(name)}="${escaped(runtime, item).text}"`);
  }
  return (hasSpace && parts.length > 0 ? ' ' : '') + parts.join(' ');
}

function escaped(runtime: Runtime, value: Value): Markup {
  if (value instanceof Markup) return value;
  return new Markup(escapeHtml(textFrom(runtime, value)));
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#34': '"',
  apos: "'",
  nbsp: '\u00a0',
};

function stripTags(text: string): string {
  let bare = text;
  for (let start = bare.indexOf('<!--'); start >= 0; start = bare.indexOf('<!--')) {
    const end = bare.indexOf('-->', start);
    if (end < 0) break;
    bare = bare.slice(0, start) + bare.slice(end + 3);
  }
  for (let start = bare.indexOf('<'); start >= 0; start = bare.indexOf('<')) {
    const end = bare.indexOf('>', start);
    if (end < 0) break;
    bare = bare.slice(0, start) + bare.slice(end + 1);
  }
  return splitSpace(bare, -1, false)
    .join(' ')
    .replace(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole);
}

const cases = (['upper', 'lower', 'capitalize'] as const).map((name): [string, PythonFunction] => [
  name,
  pythonFunction(name, 's', (runtime, value = null) =>
    like(value, textCases[name](textFrom(runtime, value))),
  ),
]);

export const textFilters: ReadonlyMap<string, PythonFunction> = new Map<string, PythonFunction>([
  ...cases,
  [
    'title',
    pythonFunction('title', 's', (runtime, value = null) => title(textFrom(runtime, value))),
  ],
  [
    'string',
    pythonFunction('string', 'value', (runtime, value = null) =>
      value instanceof Markup ? value : textFrom(runtime, value),
    ),
  ],
  [
    'trim',
    pythonFunction('trim', 'value | chars', (runtime, value = null, characters = null) =>
      like(
        value,
        strip(textFrom(runtime, value), characters === null ? null : needText(characters), 'both'),
      ),
    ),
  ],
  [
    'replace',
    pythonFunction(
      'replace',
      's old new | count',
      (runtime, value = null, old = null, by = null, count = null) =>
        replace(
          runtime,
          textFrom(runtime, value),
          textFrom(runtime, old),
          textFrom(runtime, by),
          count === null ? -1 : indexOf(count),
        ),
    ),
  ],
  [
    'center',
    pythonFunction('center', 'value | width', (runtime, value = null, width = 80n) =>
      like(value, center(runtime, textFrom(runtime, value), indexOf(width))),
    ),
  ],
  [
    'indent',
    pythonFunction(
      'indent',
      's | width first blank',
      (runtime, value = null, width = 4n, isFirst = false, isBlank = false) =>
        indent(runtime, value, width, isTrue(isFirst), isTrue(isBlank)),
    ),
  ],
  [
    'truncate',
    pythonFunction(
      'truncate',
      's | length killwords end leeway',
      (_, value = null, length = 255n, kills = false, end = '...', leeway = null) =>
        truncate(
          value,
          indexOf(length),
          isTrue(kills),
          needText(end),
          leeway === null ? 5 : indexOf(leeway),
        ),
    ),
  ],
  [
    'wordcount',
    pythonFunction('wordcount', 's', (runtime, value = null) =>
      BigInt(textFrom(runtime, value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
    ),
  ],
  [
    'wordwrap',
    pythonFunction(
      'wordwrap',
      's | width break_long_words wrapstring break_on_hyphens',
      (runtime, value = null, width = 79n, breaks = true, wrap = null, hyphens = true) => {
        const by = wrap === null ? '\n' : needText(wrap);
        const text = needText(value);
        runtime.budget.text(text.length * (2 + by.length));
        const options = {
          width: indexOf(width),
          breaksWords: isTrue(breaks),
          breaksHyphens: isTrue(hyphens),
        };
        return splitLines(text)
          .map((line) => wrapText(line, options).join(by))
          .join(by);
      },
    ),
  ],
  [
    'format',
    variadic((runtime, [value = null, ...args], keywords) => {
      if (args.length > 0 && keywords.size > 0)
        throw failed("can't handle positional and keyword arguments at the same time");
      const values = keywords.size > 0 ? Dict.of(keywords) : new Tuple(args);
      return like(value, formatPercent(textFrom(runtime, value), values, runtime.budget));
    }),
  ],
  ...['escape', 'e'].map((name): [string, PythonFunction] => [
    name,
    pythonFunction('escape', 's', (runtime, value = null) => escaped(runtime, value)),
  ]),
  [
    'forceescape',
    pythonFunction(
      'forceescape',
      'value',
      (runtime, value = null) => new Markup(escapeHtml(textFrom(runtime, value))),
    ),
  ],
  [
    'safe',
    pythonFunction(
      'safe',
      'value',
      (runtime, value = null) => new Markup(textFrom(runtime, value)),
    ),
  ],
  [
    'striptags',
    pythonFunction('striptags', 'value', (runtime, value = null) =>
      stripTags(textFrom(runtime, value)),
    ),
  ],
  [
    'urlencode',
    pythonFunction('urlencode', 'value', (runtime, value = null) => encodeUrl(runtime, value)),
  ],
  [
    'filesizeformat',
    pythonFunction('filesizeformat', 'value | binary', (_, value = null, isBinary = false) =>
      fileSize(value, isTrue(isBinary)),
    ),
  ],
  [
    'xmlattr',
    pythonFunction('xmlattr', 'd | autospace', (runtime, value = null, hasSpace = true) =>
      xmlAttributes(runtime, value, isTrue(hasSpace)),
    ),
  ],
  [
    'pprint',
    pythonFunction('pprint', 'value', (runtime, value = null) => pretty(value, runtime.budget)),
  ],
  [
    'urlize',
    variadic(() => {
      throw failed("the filter 'urlize' is not supported");
    }),
  ],
]);
