import { existsSync } from 'node:fs';
import { formatBits, formatBytes, formatCount } from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';
import { lossWords } from '../words/loss.ts';

/** Lists everything in the catalog. */
export async function listCommand({ engine, output, quiet }: Session): Promise<undefined> {
  const catalog = await engine.list({}, quiet);
  const { checkpoints, artifacts, unfinished, unreadable, damaged } = catalog;
  const unreachable = [...checkpoints, ...artifacts].filter(
    ({ directory }) => !existsSync(directory),
  );
  output.document({ ...catalog, unreachable: unreachable.map(({ id }) => id) });
  if (checkpoints.length + artifacts.length === 0)
    output.line('Nothing here yet. Try: nibble demo, or nibble search QUERY');
  if (checkpoints.length > 0) {
    output.line(output.style('bold', 'Checkpoints'));
    output.table(
      ['Id', 'Architecture', 'Parameters', 'Size', 'From'],
      checkpoints.map((checkpoint) => [
        checkpoint.id,
        checkpoint.architecture,
        formatCount(checkpoint.parameters),
        formatBytes(checkpoint.sizeBytes),
        checkpoint.origin.repository === null
          ? checkpoint.directory
          : `${checkpoint.origin.repository}@${checkpoint.origin.commit?.slice(0, 12) ?? ''}`,
      ]),
      [2, 3],
    );
  }
  if (artifacts.length > 0) {
    if (checkpoints.length > 0) output.line();
    output.line(output.style('bold', 'Ready to run'));
    output.table(
      ['Id', 'Scheme', 'Size', 'Bits per weight', 'SQNR', 'Fingerprint'],
      artifacts.map((artifact) => [
        artifact.id,
        artifact.scheme,
        formatBytes(artifact.sizeBytes),
        formatBits(artifact.totals.bitsPerWeight),
        lossWords(artifact.totals),
        artifact.weightsSha256.slice(0, 12),
      ]),
      [2, 3, 4],
    );
  }
  if (unreachable.length > 0) {
    output.line();
    output.line(output.style('bold', 'Folders that are not there'));
    for (const { id, directory } of unreachable) output.line(`${id}  ${directory}`);
    output.line(
      output.style(
        'dim',
        'They were deleted or moved, or their disk is not connected. Take one off the list: nibble remove ID',
      ),
    );
  }
  if (Object.keys(damaged).length > 0) {
    output.line();
    output.line(output.style('bold', 'Damaged'));
    for (const [id, files] of Object.entries(damaged))
      output.line(`${id}  ${files.map(({ name, state }) => `${name} ${state}`).join(', ')}`);
    output.line(
      output.style(
        'dim',
        'Remove it and make it again; after restoring a file, check it: nibble verify ID',
      ),
    );
  }
  const whole = unfinished.flatMap(({ wholeModel }) => wholeModel ?? []);
  if (whole.length > 0) {
    output.line();
    output.line(output.style('bold', 'Not in the library'));
    for (const folder of whole) output.line(folder);
    output.line(
      output.style('dim', 'Whole models that nothing points to. List one again: nibble add FOLDER'),
    );
  }
  const halves = unfinished.filter(({ wholeModel }) => wholeModel === undefined);
  if (halves.length > 0) {
    output.line();
    output.line(output.style('bold', 'Unfinished'));
    for (const job of halves) output.line(`${job.name}  ${formatBytes(job.sizeBytes)}`);
    output.line(
      output.style(
        'dim',
        'Run the same pull or quantize again to resume it, or delete it: nibble remove NAME',
      ),
    );
  }
  if (unreadable.length > 0) {
    output.line();
    output.line(output.style('bold', 'Made by a newer Nibble, or damaged'));
    for (const { kind, id, name, directory, madeBy } of unreadable)
      output.line(
        madeBy !== undefined
          ? `${id}  ${kind}  made by Nibble ${madeBy} in ${directory ?? id}`
          : name === id
            ? `${id}  ${kind}`
            : `${id}  ${kind}  ${name}`,
      );
    output.line(
      output.style(
        'dim',
        'This version cannot read them. Update Nibble, or take one off the list: nibble remove ID --yes',
      ),
    );
  }
  return undefined;
}
