import type { Budget } from './budget.ts';
import { failed, TemplateFailure } from './failure.ts';

/**
 * Values of Python as a template sees them: None null, int bigint, float number, str string, list array. Lists and
 * dicts are never changed after they were made, because the sandbox refuses every method that would.
 */
export type Value = null | boolean | bigint | number | string | Value[] | PyObject;

/** Keyword arguments. */
export type Keywords = ReadonlyMap<string, Value>;

/** Every value that is none of JavaScript's own. */
export abstract class PyObject {
  abstract readonly typeName: string;
}

/** Text that counts as safe HTML: a kind of str that escapes what is added to it. */
export class Markup extends PyObject {
  readonly typeName = 'Markup';
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }
}

export class Tuple extends PyObject {
  readonly typeName = 'tuple';
  readonly items: readonly Value[];
  /** What its hash is, once it was asked. */
  hash: string | null = null;
  /** Names of the items, where the tuple has some. */
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    super();
    this.items = items;
    this.names = names;
  }
}

export class Undefined extends PyObject {
  readonly typeName = 'Undefined';
  /** What an operation on it fails with. */
  readonly reason: string;

  constructor(reason: string) {
    super();
    this.reason = reason;
  }
}

export class Dict extends PyObject {
  readonly typeName = 'dict';
  private readonly entries = new Map<unknown, readonly [Value, Value]>();

  static of(entries: Iterable<readonly [Value, Value]>): Dict {
    const dict = new Dict();
    for (const [key, value] of entries) dict.set(key, value);
    return dict;
  }

  /** Only for whoever makes the dict. */
  set(key: Value, value: Value): void {
    const hash = hashOf(key);
    // An equal key that is there already stays what it is: {1: 'a', True: 'b'} is {1: 'b'}.
    this.entries.set(hash, [this.entries.get(hash)?.[0] ?? key, value]);
  }

  get(key: Value): Value | undefined {
    return this.entries.get(hashOf(key))?.[1];
  }

  has(key: Value): boolean {
    return this.entries.has(hashOf(key));
  }

  get size(): number {
    return this.entries.size;
  }

  pairs(): IterableIterator<readonly [Value, Value]> {
    return this.entries.values();
  }

  *keys(): Generator<Value> {
    for (const [key] of this.entries.values()) yield key;
  }

  *values(): Generator<Value> {
    for (const [, value] of this.entries.values()) yield value;
  }
}

/** What `keys()`, `values()` and `items()` of a dict return. */
export class DictView extends PyObject {
  readonly typeName: string;
  readonly dict: Dict;
  readonly part: 'keys' | 'values' | 'items';

  constructor(dict: Dict, part: 'keys' | 'values' | 'items') {
    super();
    this.typeName = `dict_${part}`;
    this.dict = dict;
    this.part = part;
  }

  *[Symbol.iterator](): Generator<Value> {
    for (const [key, value] of this.dict.pairs())
      yield this.part === 'keys' ? key : this.part === 'values' ? value : new Tuple([key, value]);
  }
}

export class Range extends PyObject {
  readonly typeName = 'range';
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;
  readonly length: number;

  constructor(start: bigint, stop: bigint, step: bigint) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
    const distance = step > 0n ? stop - start : start - stop;
    const size = step > 0n ? step : -step;
    this.length = distance <= 0n ? 0 : Number((distance + size - 1n) / size);
  }

  at(index: number): bigint {
    return this.start + BigInt(index) * this.step;
  }

  *[Symbol.iterator](): Generator<Value> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** A generator or iterator of Python: passed once, without a length, always true. */
export class PyIterator extends PyObject {
  readonly typeName: string;
  private readonly source: Iterator<Value>;

  constructor(source: Iterable<Value>, typeName = 'generator') {
    super();
    this.source = source[Symbol.iterator]();
    this.typeName = typeName;
  }

  next(): IteratorResult<Value> {
    return this.source.next();
  }

  /** Without `return`: a loop that ends early leaves the rest for the next one. */
  [Symbol.iterator](): Iterator<Value> {
    return { next: () => this.source.next() };
  }
}

/** Attributes of a namespace(), which templates may set. */
export class Namespace extends PyObject {
  readonly typeName = 'Namespace';
  readonly attributes: Dict;

  constructor(attributes: Dict) {
    super();
    this.attributes = attributes;
  }
}

/** Anything that can be called; `loop` and others are callable and have attributes, too. */
export class Callable extends PyObject {
  readonly typeName: string;
  readonly nameOf: () => string;
  readonly call: (args: readonly Value[], keywords: Keywords) => Value;
  readonly attribute: (name: string) => Value | undefined;

  constructor(
    name: string | (() => string),
    call: (args: readonly Value[], keywords: Keywords) => Value,
    options: { typeName?: string; attribute?: (name: string) => Value | undefined } = {},
  ) {
    super();
    this.nameOf = typeof name === 'string' ? (): string => name : name;
    this.call = call;
    this.typeName = options.typeName ?? 'builtin_function_or_method';
    this.attribute = options.attribute ?? (() => undefined);
  }
}

/** An object with attributes and nothing else, such as a cycler. */
export class Attributes extends PyObject {
  readonly typeName: string;
  readonly attribute: (name: string) => Value | undefined;

  constructor(typeName: string, attribute: (name: string) => Value | undefined) {
    super();
    this.typeName = typeName;
    this.attribute = attribute;
  }
}

/** Name of a value's type, as Python's messages have it. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float';
  if (typeof value === 'string') return 'str';
  return Array.isArray(value) ? 'list' : value.typeName;
}

/** Tuples of tuples that are larger than this are no keys. */
const MAX_HASH_LENGTH = 1 << 16;

function tupleHash(items: readonly Value[]): string {
  let text = '\0(';
  for (const item of items) {
    const hash = hashOf(item);
    if (typeof hash === 'string') text += JSON.stringify(hash);
    else if (typeof hash === 'bigint' || typeof hash === 'number') text += hash.toString();
    else text += hash === null ? 'None' : '?';
    text += ',';
    if (text.length > MAX_HASH_LENGTH)
      throw new TemplateFailure('limit', 'a key is too large', { limit: 'memory' });
  }
  return `${text})`;
}

/** What equal keys of a dict have in common. */
export function hashOf(value: Value): unknown {
  if (typeof value === 'string') return value.startsWith('\0') ? `\0${value}` : value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value === 'bigint') return value;
  if (value instanceof Markup) return hashOf(value.text);
  if (value instanceof Undefined) return Undefined;
  if (value instanceof Tuple) return (value.hash ??= tupleHash(value.items));
  if (Array.isArray(value) || value instanceof Dict || value instanceof DictView)
    throw failed(`unhashable type: '${typeName(value)}'`);
  return value;
}

export function isHashable(value: Value): boolean {
  if (value instanceof Tuple) return value.items.every(isHashable);
  return !(Array.isArray(value) || value instanceof Dict || value instanceof DictView);
}

/** The text of a str, or null for what is none. */
export function textOf(value: Value): string | null {
  if (typeof value === 'string') return value;
  return value instanceof Markup ? value.text : null;
}

/** Python's truth of a value. */
export function isTrue(value: Value): boolean {
  if (value === null) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string') return value !== '';
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Undefined) return false;
  const size = sizeOf(value);
  return size === null || size > 0;
}

/** len() of a value, or null where it has none. Texts count by code point. */
export function sizeOf(value: Value): number | null {
  const text = textOf(value);
  if (text !== null) return codePoints(text);
  if (Array.isArray(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof Range) return value.length;
  if (value instanceof Undefined) return 0;
  return null;
}

/** How many characters a text has, as Python counts them. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++)
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count--;
      i++;
    }
  return count;
}

/** len() of a value. @throws TemplateFailure */
export function lengthOf(value: Value): number {
  const size = sizeOf(value);
  if (size === null) throw failed(`object of type '${typeName(value)}' has no len()`);
  return size;
}

/** iter() of a value, or null where it has none. */
export function iterableOf(value: Value): Iterable<Value> | null {
  if (Array.isArray(value)) return value;
  const text = textOf(value);
  if (text !== null) return text;
  if (value instanceof Tuple) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof DictView || value instanceof Range || value instanceof PyIterator)
    return value;
  return value instanceof Undefined ? [] : null;
}

/** iter() of a value. @throws TemplateFailure */
export function iterate(value: Value): Iterable<Value> {
  const found = iterableOf(value);
  if (found === null) throw failed(`'${typeName(value)}' object is not iterable`);
  return found;
}

/** list() of a value. */
export function listOf(value: Value, budget: Budget): Value[] {
  if (Array.isArray(value)) {
    budget.items(value.length);
    return [...value];
  }
  const list: Value[] = [];
  for (const item of iterate(value)) {
    budget.items(1);
    list.push(item);
  }
  return list;
}

/** int() of an index or a count. @throws TemplateFailure for anything that is no int */
export function indexOf(value: Value): number {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Undefined) throw failed(value.reason);
  throw failed(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

/** chr() of a number. @throws TemplateFailure */
export function characterOf(code: number): string {
  if (code < 0 || code > 0x10ffff) throw failed('chr() arg not in range(0x110000)');
  return String.fromCodePoint(code);
}

/** A str that a function needs. @throws TemplateFailure */
export function needText(value: Value): string {
  const text = textOf(value);
  if (text !== null) return text;
  if (value instanceof Undefined) throw failed(value.reason);
  throw failed(`expected str, got ${typeName(value)}`);
}

/** What was found, unless nothing was: None is something, so `??` would not do. */
export function orElse(found: Value | undefined, otherwise: () => Value): Value {
  return found === undefined ? otherwise() : found;
}
