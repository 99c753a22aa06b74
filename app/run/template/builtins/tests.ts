import { compare, contains, equals, numberOf } from '../compare.ts';
import { filters } from './filters.ts';
import { compute } from '../numbers.ts';
import { print } from '../print.ts';
import type { Runtime } from '../runtime.ts';
import { pythonFunction, type PythonFunction } from './signature.ts';
import { textClasses } from '../text-classes.ts';
import {
  Callable,
  Dict,
  iterableOf,
  Markup,
  Range,
  textOf,
  Tuple,
  Undefined,
  type Value,
} from '../values.ts';

type Ask = (value: Value, runtime: Runtime) => boolean;

const remainder = (value: Value, by: Value, wanted: bigint, { budget }: Runtime): boolean =>
  equals(compute('%', value, by, budget), wanted, budget);

/** Whether two values are one object, as far as a template can tell. */
function isSame(a: Value, b: Value): boolean {
  return a === b || (a instanceof Undefined && b instanceof Undefined && a.reason === b.reason);
}

const simple: Readonly<Record<string, Ask>> = {
  odd: (value, runtime) => remainder(value, 2n, 1n, runtime),
  even: (value, runtime) => remainder(value, 2n, 0n, runtime),
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  false: (value) => value === false,
  true: (value) => value === true,
  integer: (value) => typeof value === 'bigint',
  float: (value) => typeof value === 'number',
  number: (value) => numberOf(value) !== null,
  string: (value) => textOf(value) !== null,
  mapping: (value) => value instanceof Dict,
  lower: (value, { budget }) => textClasses.islower(print(value, budget)),
  upper: (value, { budget }) => textClasses.isupper(print(value, budget)),
  iterable: (value) => iterableOf(value) !== null,
  callable: (value) => value instanceof Callable || value instanceof Undefined,
  escaped: (value) => value instanceof Markup,
  sequence: (value) =>
    textOf(value) !== null ||
    Array.isArray(value) ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof Range ||
    value instanceof Undefined,
  filter: (value) => filters.has(textOf(value) ?? ''),
  test: (value) => tests.has(textOf(value) ?? ''),
};

type Compare = (a: Value, b: Value, runtime: Runtime) => boolean;

const withOther: readonly (readonly [readonly string[], Compare])[] = [
  [['==', 'eq', 'equalto'], (a, b, { budget }) => equals(a, b, budget)],
  [['!=', 'ne'], (a, b, { budget }) => !equals(a, b, budget)],
  [['<', 'lt', 'lessthan'], (a, b, { budget }) => compare(a, b, '<', budget) < 0],
  [['<=', 'le'], (a, b, { budget }) => compare(a, b, '<=', budget) <= 0],
  [['>', 'gt', 'greaterthan'], (a, b, { budget }) => compare(a, b, '>', budget) > 0],
  [['>=', 'ge'], (a, b, { budget }) => compare(a, b, '>=', budget) >= 0],
  [['in'], (a, b, { budget }) => contains(b, a, budget)],
  [['sameas'], isSame],
  [['divisibleby'], (a, b, runtime) => remainder(a, b, 0n, runtime)],
];

/** Every test of jinja2. */
export const tests: ReadonlyMap<string, PythonFunction> = new Map<string, PythonFunction>([
  ...Object.entries(simple).map(([name, ask]): [string, PythonFunction] => [
    name,
    pythonFunction(name, 'value', (runtime, value = null) => ask(value, runtime)),
  ]),
  ...withOther.flatMap(([names, ask]) =>
    names.map((name): [string, PythonFunction] => [
      name,
      pythonFunction(name, 'value other', (runtime, value = null, other = null) =>
        ask(value, other, runtime),
      ),
    ]),
  ),
]);
