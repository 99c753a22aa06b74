import { equals } from '../compare.ts';
import { failed } from '../failure.ts';
import { textMethods } from './methods-text.ts';
import type { Runtime } from '../runtime.ts';
import { pythonFunction, type Given, type PythonFunction } from './signature.ts';
import { escapeHtml, sliceIndices } from '../text.ts';
import {
  Attributes,
  Callable,
  Dict,
  DictView,
  indexOf,
  iterate,
  listOf,
  Markup,
  Namespace,
  PyIterator,
  Range,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
  orElse,
} from '../values.ts';

function itemsOf(self: Value): Value[] {
  return Array.isArray(self) ? self : [...iterate(self)];
}

const count = pythonFunction('count', 'self value /', (runtime, self = null, value = null) =>
  BigInt(itemsOf(self).filter((item) => equals(item, value, runtime.budget)).length),
);

const index = pythonFunction(
  'index',
  'self value | start stop /',
  (runtime, self = null, value = null, start: Given = 0n, stop: Given = null) => {
    const items = itemsOf(self);
    const indices = sliceIndices(
      items.length,
      indexOf(start),
      stop === null ? null : indexOf(stop),
      null,
    );
    for (let i = indices.start; i < indices.stop; i++)
      if (equals(items[i] ?? null, value, runtime.budget)) return BigInt(i);
    throw failed(`${typeName(value)} is not in ${typeName(self)}`);
  },
);

const sequenceMethods: ReadonlyMap<string, PythonFunction> = new Map([
  ['count', count],
  ['index', index],
]);

const listMethods: ReadonlyMap<string, PythonFunction> = new Map([
  ...sequenceMethods,
  [
    'copy',
    pythonFunction('copy', 'self', (runtime, self = null) => listOf(self, runtime.budget)),
  ] as const,
]);

function dictOf(value: Value): Dict {
  if (!(value instanceof Dict)) throw failed('expected a dict');
  return value;
}

const dictMethods: ReadonlyMap<string, PythonFunction> = new Map([
  [
    'get',
    pythonFunction('get', 'self key | default /', (_, self = null, key = null, otherwise = null) =>
      orElse(dictOf(self).get(key), () => otherwise),
    ),
  ],
  ['keys', pythonFunction('keys', 'self', (_, self = null) => new DictView(dictOf(self), 'keys'))],
  [
    'values',
    pythonFunction('values', 'self', (_, self = null) => new DictView(dictOf(self), 'values')),
  ],
  [
    'items',
    pythonFunction('items', 'self', (_, self = null) => new DictView(dictOf(self), 'items')),
  ],
  ['copy', pythonFunction('copy', 'self', (_, self = null) => Dict.of(dictOf(self).pairs()))],
  [
    'fromkeys',
    pythonFunction('fromkeys', 'self iterable | value /', (runtime, _, keys = null, value = null) =>
      Dict.of(listOf(keys, runtime.budget).map((key): [Value, Value] => [key, value])),
    ),
  ],
]);

const numberMethods: ReadonlyMap<string, PythonFunction> = new Map([
  ['is_integer', pythonFunction('is_integer', 'self', (_, self = null) => Number.isInteger(self))],
  ['conjugate', pythonFunction('conjugate', 'self', (_, self = null) => self)],
]);

const intMethods: ReadonlyMap<string, PythonFunction> = new Map([
  [
    'bit_length',
    pythonFunction('bit_length', 'self', (_, self = null) => {
      const size = BigInt(indexOf(self));
      return BigInt(size === 0n ? 0 : (size < 0n ? -size : size).toString(2).length);
    }),
  ],
  ['conjugate', pythonFunction('conjugate', 'self', (_, self = null) => self)],
]);

/** Methods that would change a list or dict, which the sandbox refuses, and that hide an item of their name. */
const refused: Readonly<Record<string, readonly string[]>> = {
  list: ['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
};

/** Methods that Python has and that give nothing a template could use. */
const unsupported: Readonly<Record<string, readonly string[]>> = {
  str: ['encode', 'maketrans'],
  int: ['as_integer_ratio', 'bit_count', 'from_bytes', 'to_bytes'],
  bool: ['as_integer_ratio', 'bit_count', 'from_bytes', 'to_bytes'],
  float: ['as_integer_ratio', 'fromhex', 'hex'],
};

function methodsOf(value: Value): ReadonlyMap<string, PythonFunction> | null {
  if (textOf(value) !== null) return textMethods;
  if (Array.isArray(value)) return listMethods;
  if (value instanceof Dict) return dictMethods;
  if (value instanceof Tuple || value instanceof Range) return sequenceMethods;
  if (typeof value === 'number') return numberMethods;
  return typeof value === 'bigint' || typeof value === 'boolean' ? intMethods : null;
}

/** What a method of Markup does: its arguments are escaped, and text that comes out is Markup again. */
function safely(value: Value): Value {
  if (typeof value === 'string') return new Markup(value);
  if (Array.isArray(value)) return value.map(safely);
  return value instanceof Tuple ? new Tuple(value.items.map(safely)) : value;
}

function bound(runtime: Runtime, self: Value, name: string, method: PythonFunction): Callable {
  return new Callable(name, (args, keywords) => {
    if (!(self instanceof Markup)) return method.run(runtime, [self, ...args], keywords);
    const isCompared =
      /^(?:r?find|r?index|count|(?:start|ends)with|r?split|[lr]?strip|removeprefix|removesuffix)$/.test(
        name,
      );
    // The text that replace() looks for is not escaped, what it puts there is.
    const escaped = args.map((arg, i) =>
      typeof arg === 'string' && !isCompared && !(name === 'replace' && i === 0)
        ? escapeHtml(arg)
        : arg,
    );
    return safely(method.run(runtime, [self, ...escaped], keywords));
  });
}

/**
 * An attribute of a value, as getattr() within the sandbox; undefined where it has none.
 *
 * What the sandbox forbids is an undefined value that fails when it is used.
 */
export function attributeOf(runtime: Runtime, value: Value, name: string): Value | undefined {
  if (value instanceof Namespace) return value.attributes.get(name);
  if (value instanceof Callable || value instanceof Attributes) return value.attribute(name);
  const type = value instanceof Markup ? 'str' : typeName(value);
  if (name.startsWith('_') || (refused[type]?.includes(name) ?? false)) {
    const hasIt =
      !name.startsWith('_') ||
      /^__(class|doc|init|len|iter|eq|hash|repr|str|dict|module|subclasshook|reduce|new|getattribute|setattr|delattr|dir|format|sizeof|ne|lt|le|gt|ge|contains|getitem|add|mul|rmul|mod)__$/.test(
        name,
      );
    return hasIt
      ? new Undefined(`access to attribute '${name}' of '${type}' object is unsafe.`)
      : undefined;
  }
  if (typeof value === 'bigint' || typeof value === 'boolean') {
    const number = typeof value === 'bigint' ? value : value ? 1n : 0n;
    if (name === 'real' || name === 'numerator') return number;
    if (name === 'imag') return 0n;
    if (name === 'denominator') return 1n;
  }
  if (typeof value === 'number' && name === 'real') return value;
  if (typeof value === 'number' && name === 'imag') return 0;
  if (value instanceof Range && (name === 'start' || name === 'stop' || name === 'step'))
    return value[name];
  if (value instanceof Tuple && value.names.includes(name))
    return value.items[value.names.indexOf(name)];
  if (value instanceof DictView && name === 'mapping') return value.dict;
  const method = methodsOf(value)?.get(name);
  if (method !== undefined) return bound(runtime, value, name, method);
  if (unsupported[type]?.includes(name) ?? false)
    return new Callable(name, () => {
      throw failed(`${type}.${name} is not supported`);
    });
  if (value instanceof PyIterator && ['send', 'throw', 'close'].includes(name))
    return new Callable(name, () => null);
  return undefined;
}
