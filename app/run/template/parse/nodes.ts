import type { Operator } from '../numbers.ts';
import type { Value } from '../values.ts';

/** What a template consists of, as the parser leaves it. */
export interface Arguments {
  readonly args: readonly Expression[];
  readonly keywords: readonly (readonly [string, Expression])[];
  readonly star: Expression | null;
  readonly doubleStar: Expression | null;
}

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export interface FilterNode extends Arguments {
  readonly kind: 'filter';
  readonly line: number;
  /** Null in `{% filter %}` and `{% set %}` blocks: the block's text. */
  readonly subject: Expression | null;
  readonly name: string;
}

export type Expression = { readonly line: number } & (
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'tuple' | 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | {
      readonly kind: 'condition';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | null;
    }
  | { readonly kind: 'or' | 'and'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly value: Expression }
  | {
      readonly kind: 'compare';
      readonly first: Expression;
      readonly rest: readonly (readonly [Comparison, Expression])[];
    }
  | {
      readonly kind: 'binary';
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'concat'; readonly items: readonly Expression[] }
  | { readonly kind: 'signed'; readonly operator: '+' | '-'; readonly value: Expression }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'item'; readonly object: Expression; readonly key: Expression }
  | {
      readonly kind: 'slice';
      readonly object: Expression;
      readonly parts: readonly (Expression | null)[];
    }
  | ({ readonly kind: 'call'; readonly callee: Expression } & Arguments)
  | FilterNode
  | ({ readonly kind: 'test'; readonly subject: Expression; readonly name: string } & Arguments)
);

export type Target = { readonly line: number } & (
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'attribute'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'tuple'; readonly items: readonly Target[] }
);

/**
 * A name that a scope holds, and what it is when the scope is entered: `context` what the template was given, `outer`
 * what the scope around it holds, `missing` nothing, `parameter` set by whoever enters.
 */
export type NameLoad = 'context' | 'outer' | 'missing' | 'parameter';

/** Names of a scope; filled in by resolve-names. */
export interface ScopeNames {
  loads: readonly (readonly [string, NameLoad])[];
}

export interface MacroNode {
  readonly name: string;
  readonly parameters: readonly string[];
  /** Of the last parameters. */
  readonly defaults: readonly Expression[];
  readonly body: readonly Statement[];
  readonly scope: ScopeNames;
  /** Which of the special names its body uses; filled in by resolve-names. */
  readonly uses: Set<string>;
}

export interface ForNode {
  readonly kind: 'for';
  readonly line: number;
  readonly target: Target;
  readonly iterable: Expression;
  readonly test: Expression | null;
  readonly isRecursive: boolean;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
  readonly scope: ScopeNames;
  readonly testScope: ScopeNames;
  readonly otherwiseScope: ScopeNames;
}

export type Statement = { readonly line: number } & (
  | { readonly kind: 'data'; readonly text: string }
  | { readonly kind: 'output'; readonly value: Expression }
  | ForNode
  | {
      readonly kind: 'if';
      readonly branches: readonly {
        readonly test: Expression;
        readonly body: readonly Statement[];
      }[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: 'set-block';
      readonly target: Target;
      readonly filter: FilterNode | null;
      readonly body: readonly Statement[];
      readonly scope: ScopeNames;
    }
  | {
      readonly kind: 'with';
      readonly targets: readonly Target[];
      readonly values: readonly Expression[];
      readonly body: readonly Statement[];
      readonly scope: ScopeNames;
    }
  | { readonly kind: 'macro'; readonly macro: MacroNode }
  | { readonly kind: 'call-block'; readonly call: Expression; readonly macro: MacroNode }
  | {
      readonly kind: 'filter-block';
      readonly filter: FilterNode;
      readonly body: readonly Statement[];
      readonly scope: ScopeNames;
    }
  | {
      readonly kind: 'block';
      readonly name: string;
      readonly isScoped: boolean;
      readonly body: readonly Statement[];
      readonly scope: ScopeNames;
    }
  /** `{% generation %}` and `{% autoescape false %}`: names that are set within stay within. */
  | {
      readonly kind: 'scope';
      readonly autoescape: Expression | null;
      readonly body: readonly Statement[];
      readonly scope: ScopeNames;
    }
  /** Statements that need another template. */
  | { readonly kind: 'other-template'; readonly tag: string }
  | { readonly kind: 'break' | 'continue' }
);

export interface TemplateNode {
  readonly body: readonly Statement[];
  readonly blocks: ReadonlyMap<string, Extract<Statement, { kind: 'block' }>>;
  readonly scope: ScopeNames;
}
