import type {
  Arguments,
  Expression,
  MacroNode,
  NameLoad,
  ScopeNames,
  Statement,
  Target,
  TemplateNode,
} from './nodes.ts';

/**
 * Which scope holds which name, decided before the template runs as jinja2's compiler decides it: a loop that reads a
 * name that is only set behind it, for example, finds nothing, although the template was given a value of that name.
 */
class Names {
  private readonly parent: Names | null;
  /** The scope of which this is a branch; what the branch finds out lies apart until it is joined. */
  private readonly base: Names | null;
  readonly loads = new Map<string, NameLoad>();
  private readonly stores = new Set<string>();

  constructor(parent: Names | null, base: Names | null = null) {
    this.parent = parent;
    this.base = base;
  }

  private hasOwn(name: string): boolean {
    return this.loads.has(name) || (this.base?.hasOwn(name) ?? false);
  }

  private has(name: string): boolean {
    return this.hasOwn(name) || (this.parent?.has(name) ?? false);
  }

  private isStored(name: string): boolean {
    return this.stores.has(name) || (this.base?.isStored(name) ?? false);
  }

  load(name: string): void {
    if (!this.has(name)) this.loads.set(name, 'context');
  }

  store(name: string): void {
    this.stores.add(name);
    if (this.hasOwn(name)) return;
    this.loads.set(name, this.parent?.has(name) === true ? 'outer' : 'missing');
  }

  parameter(name: string): void {
    this.stores.add(name);
    this.loads.set(name, 'parameter');
  }

  branch(): Names {
    return new Names(this.parent, this);
  }

  /** Takes over what the branches of an `if` found out: a name that one of them sets may come from outside. */
  join(branches: readonly Names[]): void {
    const stored = new Set<string>();
    for (const { stores } of branches)
      for (const name of stores) if (!this.isStored(name)) stored.add(name);
    for (const { loads, stores } of branches) {
      for (const [name, load] of loads) this.loads.set(name, load);
      for (const name of stores) this.stores.add(name);
    }
    for (const name of stored)
      this.loads.set(name, this.parent?.has(name) === true ? 'outer' : 'context');
  }
}

/** Every expression directly within another. */
function* parts(node: Expression): Generator<Expression> {
  switch (node.kind) {
    case 'constant':
    case 'name':
      return;
    case 'tuple':
    case 'list':
    case 'concat':
      yield* node.items;
      return;
    case 'dict':
      for (const pair of node.pairs) yield* pair;
      return;
    case 'condition':
      yield node.test;
      yield node.then;
      if (node.otherwise !== null) yield node.otherwise;
      return;
    case 'or':
    case 'and':
    case 'binary':
      yield node.left;
      yield node.right;
      return;
    case 'not':
    case 'signed':
      yield node.value;
      return;
    case 'compare':
      yield node.first;
      for (const [, operand] of node.rest) yield operand;
      return;
    case 'attribute':
      yield node.object;
      return;
    case 'item':
      yield node.object;
      yield node.key;
      return;
    case 'slice':
      yield node.object;
      for (const part of node.parts) if (part !== null) yield part;
      return;
    case 'call':
      yield node.callee;
      yield* given(node);
      return;
    case 'filter':
    case 'test':
      if (node.subject !== null) yield node.subject;
      yield* given(node);
  }
}

function* given(node: Arguments): Generator<Expression> {
  yield* node.args;
  for (const [, value] of node.keywords) yield value;
  if (node.star !== null) yield node.star;
  if (node.doubleStar !== null) yield node.doubleStar;
}

const special: readonly string[] = ['caller', 'kwargs', 'varargs'];

class Resolver {
  /** The macros around, whose bodies use the special names. */
  private readonly macros: MacroNode[] = [];

  private loads(node: Expression, names: Names): void {
    if (node.kind === 'name') {
      names.load(node.name);
      if (special.includes(node.name)) for (const macro of this.macros) macro.uses.add(node.name);
      return;
    }
    for (const part of parts(node)) this.loads(part, names);
  }

  private target(target: Target, names: Names, isParameter = false): void {
    if (target.kind === 'tuple')
      for (const item of target.items) this.target(item, names, isParameter);
    else if (target.kind === 'attribute') names.load(target.namespace);
    else if (isParameter) names.parameter(target.name);
    else names.store(target.name);
  }

  /** Resolves a scope of its own within `outer`; afterwards what lies deeper is resolved. */
  scope(
    scope: ScopeNames,
    outer: Names | null,
    body: readonly Statement[],
    prepare: (names: Names) => void,
  ): void {
    const names = new Names(outer);
    prepare(names);
    for (const statement of body) this.visit(statement, names);
    for (const statement of body) this.inner(statement, names);
    scope.loads = [...names.loads];
  }

  /** What a statement means to the scope that it stands in. */
  private visit(node: Statement, names: Names): void {
    switch (node.kind) {
      case 'output':
      case 'set':
        this.loads(node.value, names);
        if (node.kind === 'set') this.target(node.target, names);
        return;
      case 'for':
        this.loads(node.iterable, names);
        return;
      case 'if': {
        const branches = [...node.branches.map(({ body }) => body), node.otherwise].map(
          (body, i) => {
            const test = node.branches[i]?.test;
            // The first test is read by the scope itself, the others belong to their branches.
            if (test !== undefined && i === 0) this.loads(test, names);
            return { body, test: i === 0 ? undefined : test };
          },
        );
        const copies = branches.map(({ body, test }) => {
          const copy = names.branch();
          if (test !== undefined) this.loads(test, copy);
          for (const statement of body) this.visit(statement, copy);
          return copy;
        });
        names.join(copies);
        return;
      }
      case 'set-block':
        if (node.filter !== null) for (const value of given(node.filter)) this.loads(value, names);
        this.target(node.target, names);
        return;
      case 'with':
        for (const value of node.values) this.loads(value, names);
        return;
      case 'macro':
        names.store(node.macro.name);
        return;
      case 'call-block':
        this.loads(node.call, names);
        return;
      case 'filter-block':
        this.loads(node.filter, names);
        return;
      case 'scope':
        if (node.autoescape !== null) this.loads(node.autoescape, names);
        return;
      case 'block':
      case 'break':
      case 'continue':
      case 'data':
      case 'other-template':
        return;
    }
  }

  private macro(macro: MacroNode, outer: Names): void {
    this.macros.push(macro);
    this.scope(macro.scope, outer, macro.body, (names) => {
      for (const parameter of macro.parameters) names.parameter(parameter);
      for (const name of special) names.parameter(name);
      for (const value of macro.defaults) this.loads(value, names);
    });
    this.macros.pop();
  }

  /** Resolves the scopes that a statement opens. */
  private inner(node: Statement, names: Names): void {
    const nothing = (): void => undefined;
    switch (node.kind) {
      case 'for':
        this.scope(node.scope, names, node.body, (inner) => {
          inner.parameter('loop');
          this.target(node.target, inner, true);
        });
        this.scope(node.testScope, names, [], (inner) => {
          this.target(node.target, inner, true);
          if (node.test !== null) this.loads(node.test, inner);
        });
        this.scope(node.otherwiseScope, names, node.otherwise, nothing);
        return;
      case 'if':
        for (const { body } of node.branches)
          for (const statement of body) this.inner(statement, names);
        for (const statement of node.otherwise) this.inner(statement, names);
        return;
      case 'with':
        this.scope(node.scope, names, node.body, (inner) => {
          for (const target of node.targets) this.target(target, inner, true);
        });
        return;
      case 'macro':
      case 'call-block':
        this.macro(node.macro, names);
        return;
      case 'set-block':
      case 'filter-block':
      case 'scope':
        this.scope(node.scope, names, node.body, nothing);
        return;
      case 'block':
        this.scope(node.scope, null, node.body, (inner) => {
          inner.parameter('self');
        });
        return;
      case 'break':
      case 'continue':
      case 'data':
      case 'other-template':
      case 'output':
      case 'set':
        return;
    }
  }
}

/** Fills in the scopes of a template. */
export function resolveNames(template: TemplateNode): void {
  new Resolver().scope(template.scope, null, template.body, (names) => {
    names.parameter('self');
  });
}
