import { failed, TemplateFailure } from '../failure.ts';
import { print } from '../print.ts';
import type { Runtime } from '../runtime.ts';
import { pythonFunction, variadic, type PythonFunction } from './signature.ts';
import { strftime } from './strftime.ts';
import {
  Attributes,
  Callable,
  Dict,
  indexOf,
  iterate,
  listOf,
  Namespace,
  needText,
  Range,
  textOf,
  Tuple,
  type Keywords,
  type Value,
} from '../values.ts';

/** The sandbox of jinja2 refuses longer ranges. */
const MAX_RANGE = 100_000;

function range(args: readonly Value[]): Range {
  const [a = 0, b, c = 1] = args.map(indexOf);
  if (args.length === 0 || args.length > 3) throw failed('range expected 1 to 3 arguments');
  if (c === 0) throw failed('range() arg 3 must not be zero');
  const made = new Range(BigInt(b === undefined ? 0 : a), BigInt(b ?? a), BigInt(c));
  if (made.length > MAX_RANGE)
    throw failed(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`);
  return made;
}

/** dict(): of a dict, of pairs, and of keywords. */
function dictFrom(runtime: Runtime, args: readonly Value[], keywords: Keywords): Dict {
  const [from] = args;
  if (args.length > 1) throw failed(`dict expected at most 1 argument, got ${args.length}`);
  const dict = new Dict();
  if (from instanceof Dict) for (const [key, value] of from.pairs()) dict.set(key, value);
  else if (from !== undefined)
    for (const pair of iterate(from)) {
      const items = listOf(pair, runtime.budget);
      if (items.length !== 2)
        throw failed(
          `dictionary update sequence element has length ${items.length}; 2 is required`,
        );
      dict.set(items[0] ?? null, items[1] ?? null);
    }
  for (const [name, value] of keywords) dict.set(name, value);
  runtime.budget.items(dict.size * 3);
  return dict;
}

function namespace(runtime: Runtime, args: readonly Value[], keywords: Keywords): Namespace {
  const attributes = dictFrom(runtime, args, keywords);
  for (const key of attributes.keys())
    if (textOf(key)?.startsWith('_') === true)
      throw failed(
        `Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${textOf(key) ?? ''}'.`,
      );
  return new Namespace(attributes);
}

function cycler(items: readonly Value[]): Value {
  if (items.length === 0) throw failed('at least one item has to be provided');
  let at = 0;
  const current = (): Value => items[at] ?? null;
  const next = new Callable('next', () => {
    const value = current();
    at = (at + 1) % items.length;
    return value;
  });
  const reset = new Callable('reset', () => {
    at = 0;
    return null;
  });
  return new Attributes('Cycler', (name) => {
    if (name === 'next') return next;
    if (name === 'reset') return reset;
    if (name === 'current') return current();
    return name === 'pos' ? BigInt(at) : name === 'items' ? new Tuple(items) : undefined;
  });
}

const functions: Readonly<Record<string, PythonFunction>> = {
  range: variadic((_, args) => range(args)),
  namespace: variadic(namespace),
  cycler: variadic((_, args) => cycler(args)),
  joiner: pythonFunction('joiner', '| sep', (_, separator = ', ') => {
    let isUsed = false;
    return new Callable('joiner', () => {
      if (isUsed) return separator;
      isUsed = true;
      return '';
    });
  }),
  raise_exception: pythonFunction('raise_exception', 'message', (runtime, message = null) => {
    throw new TemplateFailure('refused', print(message, runtime.budget));
  }),
  strftime_now: pythonFunction('strftime_now', 'format', (runtime, format = null) => {
    const text = needText(format);
    runtime.budget.text(text.length * 32);
    return strftime(text, runtime.now());
  }),
  lipsum: variadic(() => {
    throw failed('lipsum is not supported');
  }),
};

/** What every template is given, as transformers gives it. */
export function globals(runtime: Runtime): Map<string, Value> {
  const made = new Map<string, Value>();
  for (const [name, implementation] of Object.entries(functions))
    made.set(
      name,
      new Callable(name, (args, keywords) => implementation.run(runtime, args, keywords)),
    );
  const fromKeys = new Callable('fromkeys', ([keys = null, value = null]) =>
    Dict.of(listOf(keys, runtime.budget).map((key): [Value, Value] => [key, value])),
  );
  made.set(
    'dict',
    new Callable('dict', (args, keywords) => dictFrom(runtime, args, keywords), {
      typeName: 'TemplateDict',
      attribute: (name) => (name === 'fromkeys' ? fromKeys : undefined),
    }),
  );
  return made;
}
