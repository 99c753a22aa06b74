import { attributeReader, attributesReader, caseRule } from './attribute-path.ts';
import { compare } from '../compare.ts';
import { failed } from '../failure.ts';
import { join } from './methods-text.ts';
import { compute } from '../numbers.ts';
import { print } from '../print.ts';
import type { Runtime } from '../runtime.ts';
import { pythonFunction, variadic, type Given, type PythonFunction } from './signature.ts';
import {
  Dict,
  DictView,
  hashOf,
  indexOf,
  isTrue,
  iterate,
  lengthOf,
  listOf,
  PyIterator,
  Range,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Keywords,
  type Value,
  orElse,
} from '../values.ts';

/** Python's sorted(): stable in either direction. */
function sorted(
  runtime: Runtime,
  items: Value[],
  key: (item: Value) => Value,
  isReverse: boolean,
): Value[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  runtime.budget.items(items.length * 3);
  if (isReverse) keyed.reverse();
  keyed.sort((a, b) => compare(a.key, b.key, '<', runtime.budget));
  if (isReverse) keyed.reverse();
  return keyed.map(({ item }) => item);
}

function extreme(
  runtime: Runtime,
  value: Value,
  isSensitive: Given,
  attribute: Given,
  isBetter: (difference: number) => boolean,
): Value {
  const key = attributeReader(runtime, attribute ?? null, {
    change: caseRule(isSensitive !== undefined && isTrue(isSensitive)),
  });
  let best: { item: Value; key: Value } | null = null;
  for (const item of iterate(value)) {
    const found = { item, key: key(item) };
    if (best === null || isBetter(compare(found.key, best.key, '<', runtime.budget))) best = found;
  }
  return orElse(best?.item, () => new Undefined('No aggregated item, sequence was empty.'));
}

/** map(): by an attribute, or by a filter. */
function* mapped(
  runtime: Runtime,
  [value = null, ...args]: readonly Value[],
  keywords: Keywords,
): Generator<Value> {
  if (!isTrue(value)) return;
  const attribute = keywords.get('attribute');
  if (args.length === 0 && attribute !== undefined) {
    const extra = [...keywords.keys()].find((name) => name !== 'attribute' && name !== 'default');
    if (extra !== undefined) throw failed(`Unexpected keyword argument '${extra}'`);
    const read = attributeReader(runtime, attribute, {
      otherwise: keywords.get('default') ?? null,
    });
    for (const item of iterate(value)) yield read(item);
    return;
  }
  const [name, ...rest] = args;
  if (name === undefined) throw failed('map requires a filter argument');
  for (const item of iterate(value))
    yield runtime.filter(textOf(name) ?? '', [item, ...rest], keywords);
}

/** select(), reject(), selectattr() and rejectattr(). */
function* selected(
  runtime: Runtime,
  [value = null, ...given]: readonly Value[],
  keywords: Keywords,
  wanted: boolean,
  byAttribute: boolean,
): Generator<Value> {
  if (!isTrue(value)) return;
  const args = [...given];
  let read = (item: Value): Value => item;
  if (byAttribute) {
    const attribute = args.shift();
    if (attribute === undefined) throw failed('Missing parameter for attribute name');
    read = attributeReader(runtime, attribute);
  }
  const [test, ...rest] = args;
  for (const item of iterate(value)) {
    const subject = read(item);
    const result =
      test === undefined ? subject : runtime.test(textOf(test) ?? '', [subject, ...rest], keywords);
    if (isTrue(result) === wanted) yield item;
  }
}

function* unique(
  runtime: Runtime,
  value: Value,
  isSensitive: Given,
  attribute: Given,
): Generator<Value> {
  const key = attributeReader(runtime, attribute ?? null, {
    change: caseRule(isSensitive !== undefined && isTrue(isSensitive)),
  });
  const seen = new Set<unknown>();
  for (const item of iterate(value)) {
    runtime.budget.items(1);
    const hash = hashOf(key(item));
    if (seen.has(hash)) continue;
    seen.add(hash);
    yield item;
  }
}

function* batch(runtime: Runtime, value: Value, size: number, fill: Given): Generator<Value> {
  let part: Value[] = [];
  for (const item of iterate(value)) {
    if (part.length === size) {
      yield part;
      part = [];
    }
    runtime.budget.items(1);
    part.push(item);
  }
  if (part.length === 0) return;
  if (fill !== undefined && fill !== null && part.length < size) {
    runtime.budget.items(size - part.length);
    while (part.length < size) part.push(fill);
  }
  yield part;
}

function* sliced(runtime: Runtime, value: Value, slices: number, fill: Given): Generator<Value> {
  const items = listOf(value, runtime.budget);
  if (slices === 0) throw failed('integer division or modulo by zero');
  const size = Math.floor(items.length / slices);
  const extra = items.length % slices;
  let offset = 0;
  for (let i = 0; i < slices; i++) {
    const start = offset + i * size;
    if (i < extra) offset++;
    const part = items.slice(start, offset + (i + 1) * size);
    if (fill !== undefined && fill !== null && i >= extra) part.push(fill);
    runtime.budget.items(part.length + 1);
    yield part;
  }
}

function reversed(runtime: Runtime, value: Value): Value {
  const text = textOf(value);
  if (text !== null) {
    runtime.budget.text(text.length);
    return Array.from(text).reverse().join('');
  }
  if (value instanceof PyIterator) return listOf(value, runtime.budget).reverse();
  const items = listOf(value, runtime.budget).reverse();
  const kind = Array.isArray(value)
    ? 'list_reverseiterator'
    : value instanceof Dict || value instanceof DictView
      ? 'dict_reversekeyiterator'
      : value instanceof Range
        ? 'range_iterator'
        : 'reversed';
  return new PyIterator(items, kind);
}

function last(runtime: Runtime, value: Value): Value {
  if (value instanceof PyIterator) throw failed(`'${typeName(value)}' object is not reversible`);
  if (value instanceof Undefined) throw failed("'Undefined' object is not reversible");
  if (Array.isArray(value))
    return orElse(value.at(-1), () => new Undefined('No last item, sequence was empty.'));
  return orElse(
    listOf(value, runtime.budget).at(-1),
    () => new Undefined('No last item, sequence was empty.'),
  );
}

function groups(
  runtime: Runtime,
  value: Value,
  attribute: Value,
  otherwise: Given,
  isSensitive: Given,
): Value[] {
  const rule = caseRule(isSensitive !== undefined && isTrue(isSensitive));
  const read = attributeReader(runtime, attribute, { otherwise: otherwise ?? null });
  const key = (item: Value): Value => rule(read(item));
  const found: { key: Value; items: Value[] }[] = [];
  for (const item of sorted(runtime, listOf(value, runtime.budget), key, false)) {
    const group = found.at(-1);
    if (group !== undefined && compare(group.key, key(item), '==', runtime.budget) === 0)
      group.items.push(item);
    else found.push({ key: key(item), items: [item] });
  }
  return found.map(({ items }) => new Tuple([read(items[0] ?? null), items], ['grouper', 'list']));
}

const lazy = (
  name: string,
  signature: string,
  run: (runtime: Runtime, ...args: Given[]) => Iterable<Value>,
): [string, PythonFunction] => [
  name,
  pythonFunction(name, signature, (runtime, ...args) => new PyIterator(run(runtime, ...args))),
];

export const sequenceFilters: ReadonlyMap<string, PythonFunction> = new Map<string, PythonFunction>(
  [
    [
      'first',
      pythonFunction('first', 'seq', (_, value = null) => {
        for (const item of iterate(value)) return item;
        return new Undefined('No first item, sequence was empty.');
      }),
    ],
    ['last', pythonFunction('last', 'seq', (runtime, value = null) => last(runtime, value))],
    [
      'random',
      pythonFunction('random', 'seq', (runtime, value = null) => {
        lengthOf(value);
        const items = listOf(value, runtime.budget);
        return orElse(
          items[Math.floor(Math.random() * items.length)],
          () => new Undefined('No random item, sequence was empty.'),
        );
      }),
    ],
    ...['length', 'count'].map((name): [string, PythonFunction] => [
      name,
      pythonFunction('len', 'obj /', (runtime, value = null) => {
        runtime.budget.spend((textOf(value)?.length ?? 0) / 16);
        return BigInt(lengthOf(value));
      }),
    ]),
    [
      'list',
      pythonFunction('list', 'value', (runtime, value = null) => listOf(value, runtime.budget)),
    ],
    [
      'items',
      pythonFunction('items', 'value', (_, value = null) => {
        if (value instanceof Undefined) return new PyIterator([]);
        // As in Python, where a generator fails only when it is passed.
        return new PyIterator(
          (function* (): Generator<Value> {
            if (!(value instanceof Dict)) throw failed('Can only get item pairs from a mapping.');
            yield* new DictView(value, 'items');
          })(),
        );
      }),
    ],
    [
      'join',
      pythonFunction(
        'join',
        'value | d attribute',
        (runtime, value = null, separator = '', attribute = null) => {
          const read = attributeReader(runtime, attribute);
          const texts: Value[] = [];
          for (const item of iterate(value)) {
            runtime.budget.items(1);
            texts.push(print(read(item), runtime.budget));
          }
          return join(runtime, print(separator, runtime.budget), texts);
        },
      ),
    ],
    [
      'sum',
      pythonFunction(
        'sum',
        'iterable | attribute start',
        (runtime, value = null, attribute = null, start = 0n) => {
          if (textOf(start) !== null)
            throw failed("sum() can't sum strings [use ''.join(seq) instead]");
          const read = attributeReader(runtime, attribute);
          let total = start;
          for (const item of iterate(value))
            total = compute('+', total, read(item), runtime.budget);
          return total;
        },
      ),
    ],
    [
      'min',
      pythonFunction(
        'min',
        'value | case_sensitive attribute',
        (runtime, value = null, isSensitive, attribute) =>
          extreme(runtime, value, isSensitive, attribute, (difference) => difference < 0),
      ),
    ],
    [
      'max',
      pythonFunction(
        'max',
        'value | case_sensitive attribute',
        (runtime, value = null, isSensitive, attribute) =>
          extreme(runtime, value, isSensitive, attribute, (difference) => difference > 0),
      ),
    ],
    [
      'sort',
      pythonFunction(
        'sort',
        'value | reverse case_sensitive attribute',
        (runtime, value = null, isReverse = false, isSensitive = false, attribute = null) => {
          const key = attributesReader(runtime, attribute, caseRule(isTrue(isSensitive)));
          return sorted(runtime, listOf(value, runtime.budget), key, isTrue(isReverse));
        },
      ),
    ],
    [
      'dictsort',
      pythonFunction(
        'dictsort',
        'value | case_sensitive by reverse',
        (runtime, value = null, isSensitive = false, by = 'key', isReverse = false) => {
          if (by !== 'key' && by !== 'value')
            throw failed('You can only sort by either "key" or "value"');
          if (!(value instanceof Dict))
            throw failed(`'${typeName(value)}' object has no attribute 'items'`);
          const rule = caseRule(isTrue(isSensitive));
          const part = by === 'key' ? 0 : 1;
          const key = (item: Value): Value =>
            rule(item instanceof Tuple ? (item.items[part] ?? null) : null);
          return sorted(runtime, [...new DictView(value, 'items')], key, isTrue(isReverse));
        },
      ),
    ],
    [
      'groupby',
      pythonFunction(
        'groupby',
        'value attribute | default case_sensitive',
        (runtime, value = null, attribute = null, otherwise, isSensitive) =>
          groups(runtime, value, attribute, otherwise, isSensitive),
      ),
    ],
    [
      'reverse',
      pythonFunction('reverse', 'value', (runtime, value = null) => reversed(runtime, value)),
    ],
    lazy(
      'unique',
      'value | case_sensitive attribute',
      (runtime, value = null, isSensitive, attribute) =>
        unique(runtime, value, isSensitive, attribute),
    ),
    lazy('batch', 'value linecount | fill_with', (runtime, value = null, size = null, fill) =>
      batch(runtime, value, indexOf(size), fill),
    ),
    lazy('slice', 'value slices | fill_with', (runtime, value = null, slices = null, fill) =>
      sliced(runtime, value, indexOf(slices), fill),
    ),
    [
      'map',
      variadic(
        (runtime, args, keywords) =>
          new PyIterator(mapped(runtime, args, args.length > 1 ? keywords : new Map(keywords))),
      ),
    ],
    ...(
      [
        ['select', true, false],
        ['reject', false, false],
        ['selectattr', true, true],
        ['rejectattr', false, true],
      ] as const
    ).map(([name, wanted, byAttribute]): [string, PythonFunction] => [
      name,
      variadic(
        (runtime, args, keywords) =>
          new PyIterator(selected(runtime, args, keywords, wanted, byAttribute)),
      ),
    ]),
    [
      'attr',
      pythonFunction('attr', 'obj name', (runtime, value = null, name = null) => {
        const key = textOf(name) ?? '';
        if (value instanceof Undefined) throw failed(value.reason);
        // The attribute alone: an item of that name does not count.
        return value instanceof Dict && !dictAttributes.includes(key)
          ? new Undefined(`'dict object' has no attribute '${key}'`)
          : runtime.attribute(value, key);
      }),
    ],
  ],
);

const dictAttributes = [
  'clear',
  'copy',
  'fromkeys',
  'get',
  'items',
  'keys',
  'pop',
  'popitem',
  'setdefault',
  'update',
  'values',
];
