import { equals } from './compare.ts';
import { failed } from './failure.ts';
import { Undefined, Callable, sizeOf, Tuple, type Value, orElse } from './values.ts';
import type { Runtime } from './runtime.ts';
import { variadic } from './builtins/signature.ts';

/** A loop as `loop` shows it: it looks one item ahead where it is asked whether there is one. */
export class Loop {
  readonly value: Callable;
  private source: Iterator<Value>;
  private readonly size: number | null;
  private index0 = -1;
  private current: Value | undefined;
  private before: Value | undefined;
  private ahead: IteratorResult<Value> | null = null;
  private length: number | null = null;
  private changed: Value | undefined;
  private readonly runtime: Runtime;

  /** @param recurse renders the loop's body for other items, where the loop is recursive */
  constructor(
    runtime: Runtime,
    iterable: Value,
    items: Iterable<Value>,
    depth0: number,
    recurse: ((items: Value, depth0: number) => string) | null,
  ) {
    this.runtime = runtime;
    this.source = items[Symbol.iterator]();
    this.size = items === iterable || Array.isArray(iterable) ? sizeOf(iterable) : null;
    this.value = new Callable(
      () => `${this.index0 + 1}/${this.total()}`,
      (args) => {
        if (recurse === null)
          throw failed("The loop must have the 'recursive' marker to be called recursively.");
        return recurse(args[0] ?? null, depth0 + 1);
      },
      {
        typeName: 'LoopContext',
        attribute: (name) =>
          name === 'depth0'
            ? BigInt(depth0)
            : name === 'depth'
              ? BigInt(depth0 + 1)
              : this.attribute(name),
      },
    );
  }

  next(): IteratorResult<Value> {
    const result = this.ahead ?? this.source.next();
    this.ahead = null;
    if (result.done === true) return result;
    this.index0++;
    this.before = this.current;
    this.current = result.value;
    return result;
  }

  private peek(): IteratorResult<Value> {
    return (this.ahead ??= this.source.next());
  }

  private total(): number {
    if (this.length !== null) return this.length;
    if (this.size !== null) return (this.length = this.size);
    const rest: Value[] = [];
    const isAhead = this.ahead !== null && this.ahead.done !== true;
    for (let item = this.source.next(); item.done !== true; item = this.source.next()) {
      this.runtime.budget.items(1);
      rest.push(item.value);
    }
    this.source = rest[Symbol.iterator]();
    return (this.length = rest.length + this.index0 + 1 + (isAhead ? 1 : 0));
  }

  private attribute(name: string): Value | undefined {
    switch (name) {
      case 'index':
        return BigInt(this.index0 + 1);
      case 'index0':
        return BigInt(this.index0);
      case 'first':
        return this.index0 === 0;
      case 'last':
        return this.peek().done === true;
      case 'length':
        return BigInt(this.total());
      case 'revindex':
        return BigInt(this.total() - this.index0);
      case 'revindex0':
        return BigInt(this.total() - this.index0 - 1);
      case 'previtem':
        return orElse(this.before, () => new Undefined('there is no previous item'));
      case 'nextitem': {
        const next = this.peek();
        return next.done === true ? new Undefined('there is no next item') : next.value;
      }
      case 'cycle':
        return this.method('cycle', (args) => {
          const item = args[this.index0 % args.length];
          if (item === undefined) throw failed('no items for cycling given');
          return item;
        });
      case 'changed':
        return this.method('changed', (args) => {
          const now = new Tuple(args);
          if (this.changed !== undefined && equals(this.changed, now, this.runtime.budget))
            return false;
          this.changed = now;
          return true;
        });
      default:
        return undefined;
    }
  }

  private method(name: string, run: (args: readonly Value[]) => Value): Callable {
    const implementation = variadic((_, args) => run(args));
    return new Callable(name, (args, keywords) => implementation.run(this.runtime, args, keywords));
  }
}
