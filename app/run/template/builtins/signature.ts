import { failed } from '../failure.ts';
import type { PythonFunction, Runtime } from '../runtime.ts';
import type { Keywords, Value } from '../values.ts';

export type { PythonFunction };

/** An argument: undefined where none was given, so that a default of the implementation holds. */
export type Given = Value | undefined;

interface Implementation {
  run(runtime: Runtime, ...args: Given[]): Value;
}

/**
 * A function with parameters. `signature` names them, those behind `|` may be left out, and those before `/` take no
 * keyword: 'text separator / limit' would take `limit=1`.
 */
export function pythonFunction(
  name: string,
  signature: string,
  run: Implementation['run'],
): PythonFunction {
  const words = signature.split(' ').filter((word) => word !== '');
  const parameters = words.filter((word) => word !== '|' && word !== '/');
  const isBefore = (mark: string, parameter: string): boolean =>
    words.includes(mark) && words.indexOf(parameter) < words.indexOf(mark);
  const required = words.includes('|')
    ? parameters.filter((parameter) => isBefore('|', parameter)).length
    : parameters.length;
  const positional = parameters.filter((parameter) => isBefore('/', parameter)).length;
  const implementation: Implementation = { run };
  return {
    run(runtime, args, keywords) {
      if (args.length > parameters.length)
        throw failed(
          `${name}() takes at most ${parameters.length} arguments (${args.length} given)`,
        );
      const given: Given[] = [...args];
      for (const [keyword, value] of keywords) {
        const at = parameters.indexOf(keyword);
        if (at < positional)
          throw failed(`${name}() got an unexpected keyword argument '${keyword}'`);
        if (given[at] !== undefined)
          throw failed(`${name}() got multiple values for argument '${keyword}'`);
        given[at] = value;
      }
      for (let i = 0; i < required; i++)
        if (given[i] === undefined)
          throw failed(`${name}() missing a required argument: '${parameters[i] ?? ''}'`);
      return implementation.run(runtime, ...given);
    },
  };
}

/** A function that takes whatever it is given. */
export function variadic(
  run: (runtime: Runtime, args: readonly Value[], keywords: Keywords) => Value,
): PythonFunction {
  return { run };
}

export const noKeywords: Keywords = new Map();
