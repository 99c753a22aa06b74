import { formatBytes } from '../../../app/contract/format.ts';
import { exitCodes, type Session } from '../session.ts';

const words = {
  ok: 'ok',
  changed: 'CHANGED',
  missing: 'MISSING',
  unverifiable: 'no hash recorded',
} as const;

/** Hashes every file again; ends with code 1 when something is not as it was. */
export async function verifyCommand(
  { engine, output, progress, clearProgress }: Session,
  options: { id: string },
): Promise<number> {
  const result = await engine.verify(options, progress);
  clearProgress();
  output.document(result);
  output.table(
    ['File', 'Size', ''],
    result.files.map((file) => [file.name, formatBytes(file.sizeBytes), words[file.state]]),
    [1],
  );
  output.line(
    result.ok
      ? output.style('green', `${options.id} is intact: every file matches the catalog.`)
      : output.style(
          'red',
          `${options.id} is damaged. Remove it, then pull or quantize again: nibble remove ${options.id}`,
        ),
  );
  return result.ok ? exitCodes.done : exitCodes.failed;
}
