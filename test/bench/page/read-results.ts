import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { machineResultSchema, type MachineResult } from '../results.ts';

/**
 * The committed results, in the order of their file names.
 *
 * @throws ZodError for a file of another form
 */
export function readResults(folder: string): MachineResult[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) =>
      machineResultSchema.parse(JSON.parse(readFileSync(path.join(folder, name), 'utf8'))),
    );
}
