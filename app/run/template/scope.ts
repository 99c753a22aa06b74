import type { ScopeNames } from './parse/nodes.ts';
import { Undefined, type Value, orElse } from './values.ts';

/** Where names come from that no statement sets: what the template was given, and what its outermost level has set. */
export class Context {
  private readonly given: ReadonlyMap<string, Value>;
  private readonly exported = new Map<string, Value>();

  constructor(given: ReadonlyMap<string, Value>) {
    this.given = given;
  }

  get(name: string): Value | undefined {
    return this.exported.has(name) ? this.exported.get(name) : this.given.get(name);
  }

  set(name: string, value: Value): void {
    this.exported.set(name, value);
  }

  /** For a block that also sees the names around it. */
  with(names: ReadonlyMap<string, Value>): Context {
    return new Context(new Map([...this.given, ...this.exported, ...names]));
  }
}

/** The names of a loop's round, a macro's call, a block or the whole template. */
export class Scope {
  readonly context: Context;
  readonly parent: Scope | null;
  private readonly isOutermost: boolean;
  private readonly names = new Map<string, Value | undefined>();

  constructor(
    context: Context,
    parent: Scope | null,
    { loads }: ScopeNames,
    options: { isOutermost?: boolean } = {},
  ) {
    this.context = context;
    this.parent = parent;
    this.isOutermost = options.isOutermost ?? false;
    for (const [name, load] of loads)
      this.names.set(
        name,
        load === 'context'
          ? context.get(name)
          : load === 'outer'
            ? parent?.lookUp(name)
            : undefined,
      );
  }

  lookUp(name: string): Value | undefined {
    return this.names.has(name) ? this.names.get(name) : this.parent?.lookUp(name);
  }

  get(name: string): Value {
    return orElse(this.lookUp(name), () => new Undefined(`'${name}' is undefined`));
  }

  set(name: string, value: Value | undefined): void {
    this.names.set(name, value);
    if (this.isOutermost && value !== undefined) this.context.set(name, value);
  }

  /** Every name that has a value here or further out. */
  all(): Map<string, Value> {
    const names = this.parent?.all() ?? new Map<string, Value>();
    for (const [name, value] of this.names) if (value !== undefined) names.set(name, value);
    return names;
  }
}
