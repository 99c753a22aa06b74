import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';

const trials = fileURLToPath(new URL('trials', import.meta.url));

/**
 * Runs a script of `trials/` in a process of its own, on the Node that runs this one.
 *
 * @param args texts as they are; anything else as JSON
 * @returns what the script prints in its last line
 * @throws Error when the script fails or prints something else
 */
export function runTrial<T extends z.ZodType>(
  script: string,
  args: readonly unknown[],
  schema: T,
  interpreter: string = process.execPath,
): z.infer<T> {
  const texts = args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg)));
  const output = execFileSync(interpreter, [path.join(trials, script), ...texts], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return schema.parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''));
}
