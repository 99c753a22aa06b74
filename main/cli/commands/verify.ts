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
  { engine, output, progress, quiet, clearProgress }: Session,
  options: { id: string },
): Promise<number> {
  const result = await engine.verify(options, progress);
  clearProgress();
  output.document(result);
  const { id } = options;
  const found = output.json ? null : await engine.show({ id }, quiet);
  const isOwn = found?.kind === 'artifact' && found.artifact.recordsDirectory !== undefined;
  output.table(
    ['File', 'Size', ''],
    result.files.map((file) => [file.name, formatBytes(file.sizeBytes), words[file.state]]),
    [1],
  );
  output.line(
    result.ok
      ? output.style(
          'green',
          isOwn
            ? `${id} is as it was when it was added: every file matches the catalog.`
            : `${id} is intact: every file matches the catalog.`,
        )
      : output.style(
          'red',
          isOwn
            ? `${id} is not what it was when it was added. Restore its files, or list what is there now: nibble add FOLDER`
            : `${id} is damaged. Remove it, then pull or quantize again: nibble remove ${id}`,
        ),
  );
  return result.ok ? exitCodes.done : exitCodes.failed;
}
