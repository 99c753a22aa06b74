import { formatBytes, formatCount } from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';

/** Downloads a checkpoint. */
export async function pullCommand(
  { engine, output, progress, clearProgress }: Session,
  options: { source: string },
): Promise<undefined> {
  const checkpoint = await engine.pull(options, progress);
  clearProgress();
  output.document(checkpoint);
  output.line(
    `${output.style('bold', checkpoint.id)} · ${checkpoint.architecture}, ${formatCount(checkpoint.parameters)} parameters, ${formatBytes(checkpoint.sizeBytes)}`,
  );
  output.line(checkpoint.directory);
  return undefined;
}
