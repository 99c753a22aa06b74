import { Budget, defaultLimits, type TemplateLimits } from './budget.ts';
import { Executor } from './execute.ts';
import { TemplateFailure } from './failure.ts';
import { globals } from './builtins/globals.ts';
import { parseTemplate } from './parse/parse.ts';
import { filters } from './builtins/filters.ts';
import { attributeOf } from './builtins/methods.ts';
import { tests } from './builtins/tests.ts';
import { Runtime, type Builtins } from './runtime.ts';
import { Dict, type Value } from './values.ts';

const builtins: Builtins = { filters, tests, attributeOf };

/** Data as JSON has it. */
export type Data =
  null | boolean | number | string | readonly Data[] | { readonly [key: string]: Data | undefined };

/** A value of Python for a value of JSON: whole numbers are ints, keys without a value are left out. */
export function pythonValue(data: Data): Value {
  if (typeof data === 'number') return Number.isInteger(data) ? BigInt(data) : data;
  if (data === null || typeof data !== 'object') return data;
  if (isList(data)) return data.map(pythonValue);
  const entries: [Value, Value][] = [];
  for (const [key, value] of Object.entries(data))
    if (value !== undefined) entries.push([key, pythonValue(value)]);
  return Dict.of(entries);
}

/** Array.isArray does not narrow readonly arrays. */
function isList(data: readonly Data[] | object): data is readonly Data[] {
  return Array.isArray(data);
}

export interface RenderOptions {
  readonly limits?: TemplateLimits;
  /** The local time that templates are told. */
  readonly now?: () => Date;
  /** Milliseconds, for the limit of time. */
  readonly clock?: () => number;
}

/** V8's stack ends before the limits of depth do, in templates such as one sum of ten thousand numbers. */
function guardStack<T>(task: () => T): T {
  try {
    return task();
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message))
      throw new TemplateFailure('limit', 'it is nested too deeply', { limit: 'depth' });
    throw error;
  }
}

/** A chat template that has been parsed. */
export interface Template {
  /** @throws TemplateFailure */
  readonly render: (variables: Readonly<Record<string, Data>>, options?: RenderOptions) => string;
}

/**
 * Parses a template.
 *
 * @throws TemplateFailure `syntax` or `limit`
 */
export function compileTemplate(source: string): Template {
  const parsed = guardStack(() => parseTemplate(source));
  return {
    render: (variables, options = {}) => {
      const {
        limits = defaultLimits,
        now = () => new Date(),
        clock = () => performance.now(),
      } = options;
      const runtime = new Runtime(new Budget(limits, clock), now, builtins);
      const context = globals(runtime);
      for (const [name, value] of Object.entries(variables)) context.set(name, pythonValue(value));
      try {
        return guardStack(() => new Executor(parsed, runtime).render(context));
      } catch (error) {
        if (error instanceof TemplateFailure) error.line ??= runtime.line;
        throw error;
      }
    },
  };
}
