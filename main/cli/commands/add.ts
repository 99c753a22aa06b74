import path from 'node:path';
import { formatBytes, formatCount } from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';
import { sinceWords } from '../words/since.ts';

/** Lists a folder that is there already, without copying or changing it. */
export async function addCommand(
  { engine, output, progress, clearProgress }: Session,
  options: { path: string },
): Promise<undefined> {
  // The engine may have another working directory.
  const added = await engine.add({ path: path.resolve(options.path) }, progress);
  clearProgress();
  output.document(added);
  if (added.kind === 'checkpoint') {
    const { id, architecture, parameters, sizeBytes, directory } = added.checkpoint;
    output.line(
      `${output.style('bold', id)} · checkpoint, ${architecture}, ${formatCount(parameters)} parameters, ${formatBytes(sizeBytes)}`,
    );
    output.line(directory);
    if (!added.isNew) output.line(`${sinceWords(added.checkpoint)}; nothing was changed.`);
    output.line(output.style('dim', `Make it smaller: nibble quantize ${id} --scheme nf4-dq`));
    return undefined;
  }
  const { id, architecture, scheme, totals, sizeBytes, directory } = added.artifact;
  output.line(
    `${output.style('bold', id)} · ${scheme}, ${architecture}, ${formatCount(totals.parameters)} parameters, ${formatBytes(sizeBytes)}`,
  );
  output.line(directory);
  if (!added.isNew) output.line(`${sinceWords(added.artifact)}; nothing was changed.`);
  output.line(output.style('dim', `Talk with it: nibble chat ${id}`));
  return undefined;
}
