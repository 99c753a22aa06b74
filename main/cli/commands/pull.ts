import { formatBytes, formatCount } from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';
import { announceHub } from '../source-hub.ts';
import { sinceWords } from '../words/since.ts';

/** Downloads a checkpoint. */
export async function pullCommand(
  session: Session,
  options: { source: string },
): Promise<undefined> {
  const { engine, output, progress, clearProgress } = session;
  const { otherHub } = await announceHub(session, options.source);
  const checkpoint = await engine.pull(options, progress);
  clearProgress();
  output.document({ ...checkpoint, otherHub });
  output.line(
    `${output.style('bold', checkpoint.id)} · ${checkpoint.architecture}, ${formatCount(checkpoint.parameters)} parameters, ${formatBytes(checkpoint.sizeBytes)}`,
  );
  output.line(checkpoint.directory);
  if (!checkpoint.isNew) output.line(`${sinceWords(checkpoint)}; nothing was downloaded.`);
  return undefined;
}
