import type { Budget } from './budget.ts';
import { failed } from './failure.ts';
import { sliceIndices, slicePlaces, sliceText } from './text.ts';
import {
  Callable,
  codePoints,
  Dict,
  isHashable,
  Markup,
  Range,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Keywords,
  type Value,
  orElse,
} from './values.ts';

/** How jinja2 names an object in messages. */
function objectName(value: Value): string {
  return value === null ? 'None' : `${typeName(value)} object`;
}

function undefinedOf(object: Value, key: Value): Undefined {
  return new Undefined(
    typeof key === 'string'
      ? `'${objectName(object)}' has no attribute '${key}'`
      : `${objectName(object)} has no element ${typeof key === 'bigint' ? key.toString() : typeName(key)}`,
  );
}

/** A text's character at a place, counted by code point. */
function characterAt(text: string, place: number, size: number): string {
  if (size === text.length) return text.charAt(place);
  let at = 0;
  for (let i = 0; i < place; i++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return String.fromCodePoint(text.codePointAt(at) ?? 0);
}

/** A function of Python as templates call it: a method (the object is its first argument), a filter or a test. */
export interface PythonFunction {
  run(runtime: Runtime, args: readonly Value[], keywords: Keywords): Value;
}

/** What values and templates have by themselves, as jinja2 in its sandbox has it. */
export interface Builtins {
  readonly filters: ReadonlyMap<string, PythonFunction>;
  readonly tests: ReadonlyMap<string, PythonFunction>;
  /** A method or attribute of a value; undefined where it has none of that name. */
  readonly attributeOf: (runtime: Runtime, value: Value, name: string) => Value | undefined;
}

/** What expressions do to values, with jinja2's sandbox around them. */
export class Runtime {
  readonly budget: Budget;
  readonly now: () => Date;
  readonly builtins: Builtins;
  /** Line of the template that is being evaluated. */
  line = 1;

  constructor(budget: Budget, now: () => Date, builtins: Builtins) {
    this.budget = budget;
    this.now = now;
    this.builtins = builtins;
  }

  /** `object.name`: an attribute, else an item. */
  attribute(object: Value, name: string): Value {
    if (object instanceof Undefined) throw failed(object.reason);
    return orElse(this.builtins.attributeOf(this, object, name), () =>
      orElse(this.itemOf(object, name), () => undefinedOf(object, name)),
    );
  }

  /** `object[key]`: an item, else an attribute. */
  item(object: Value, key: Value): Value {
    if (object instanceof Undefined) throw failed(object.reason);
    const found = this.itemOf(object, key);
    if (found !== undefined) return found;
    const name = textOf(key);
    return orElse(name === null ? undefined : this.builtins.attributeOf(this, object, name), () =>
      undefinedOf(object, key),
    );
  }

  private itemOf(object: Value, key: Value): Value | undefined {
    if (object instanceof Dict) {
      return isHashable(key) ? object.get(key) : undefined;
    }
    if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined;
    const index = Number(key);
    const text = textOf(object);
    if (text !== null) {
      this.budget.spend(text.length / 16);
      const size = codePoints(text);
      const at = index < 0 ? index + size : index;
      if (at < 0 || at >= size) return undefined;
      const character = characterAt(text, at, size);
      return object instanceof Markup ? new Markup(character) : character;
    }
    const at = (length: number): number => (index < 0 ? index + length : index);
    if (Array.isArray(object)) return object[at(object.length)];
    if (object instanceof Tuple) return object.items[at(object.items.length)];
    if (object instanceof Range) {
      const place = at(object.length);
      return place >= 0 && place < object.length ? object.at(place) : undefined;
    }
    return undefined;
  }

  slice(object: Value, parts: readonly Value[]): Value {
    if (object instanceof Undefined) throw failed(object.reason);
    const [start = null, stop = null, step = null] = parts.map((part) => {
      if (part === null) return null;
      if (typeof part === 'boolean') return part ? 1 : 0;
      if (typeof part !== 'bigint')
        throw failed('slice indices must be integers or None or have an __index__ method');
      return Number(part);
    });
    const text = textOf(object);
    if (text !== null) {
      this.budget.text(text.length);
      const cut = sliceText(text, start, stop, step);
      return object instanceof Markup ? new Markup(cut) : cut;
    }
    const cutItems = (items: readonly Value[]): Value[] => {
      this.budget.items(items.length);
      const indices = sliceIndices(items.length, start, stop, step);
      if (indices.step === 1)
        return items.slice(indices.start, Math.max(indices.start, indices.stop));
      return slicePlaces(indices).map((place) => items[place] ?? null);
    };
    if (Array.isArray(object)) return cutItems(object);
    if (object instanceof Tuple) return new Tuple(cutItems(object.items));
    if (object instanceof Range) {
      const indices = sliceIndices(object.length, start, stop, step);
      return new Range(
        object.at(indices.start),
        object.at(indices.stop),
        object.step * BigInt(indices.step),
      );
    }
    if (object instanceof Dict) throw failed("unhashable type: 'slice'");
    throw failed(`'${typeName(object)}' object is not subscriptable`);
  }

  call(callee: Value, args: readonly Value[], keywords: Keywords): Value {
    if (callee instanceof Undefined) throw failed(callee.reason);
    if (!(callee instanceof Callable)) throw failed(`'${typeName(callee)}' object is not callable`);
    return this.budget.nested(() => callee.call(args, keywords));
  }

  /** @param args what is filtered first */
  filter(name: string, args: readonly Value[], keywords: Keywords): Value {
    const filter = this.builtins.filters.get(name);
    if (filter === undefined) throw failed(`No filter named '${name}'.`);
    this.budget.spend(1);
    return filter.run(this, args, keywords);
  }

  /** @param args what is tested first */
  test(name: string, args: readonly Value[], keywords: Keywords): Value {
    const test = this.builtins.tests.get(name);
    if (test === undefined) throw failed(`No test named '${name}'.`);
    this.budget.spend(1);
    return test.run(this, args, keywords);
  }
}
