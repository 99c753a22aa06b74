import { createContext, Script, type Context } from 'node:vm';
import { AppError, because } from '../../contract/error.ts';

/**
 * The most that loading a vocabulary, tokenizing or decoding may take. The largest vocabularies load in half a second and
 * a prompt of a hundred thousand tokens takes a tenth of one; a regular expression that backtracks takes for ever.
 */
export const TOKENIZER_DEADLINE_MS = 5_000;

interface Task extends Context {
  run: (() => void) | null;
}

const task: Task = { run: null };
let context: Context | null = null;
const script = new Script('run()');

/** The error of an overrun belongs to the other context, whose Error is not ours. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

/**
 * Runs `work` on V8's own watchdog, which ends it where it stands, also inside a regular expression. Not to be nested.
 *
 * @param what named in the error, e.g. 'tokenizing'
 * @throws AppError `malformed-file` when it takes longer than `limitMs`; whatever `work` throws
 */
export function withDeadline<T>(
  what: 'loading' | 'tokenizing' | 'decoding',
  work: () => T,
  limitMs: number = TOKENIZER_DEADLINE_MS,
): T {
  // Making a context takes a millisecond, so one serves all.
  context ??= createContext(task);
  let result: { readonly value: T } | null = null;
  task.run = () => {
    result = { value: work() };
  };
  try {
    script.runInContext(context, { timeout: limitMs });
  } catch (error) {
    if (!isTimeout(error)) throw error;
    throw new AppError(
      'malformed-file',
      `The model's tokenizer did not finish ${what} within ${limitMs / 1000} seconds.`,
      because('tokenizer-timeout', { operation: what, limit: limitMs / 1000 }),
    );
  } finally {
    task.run = null;
  }
  // TypeScript does not see that the script called `run`.
  const done = result as { readonly value: T } | null;
  if (done === null) throw new AppError('internal', 'The tokenizer gave no result.');
  return done.value;
}
