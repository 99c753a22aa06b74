import { createInterface } from 'node:readline/promises';
import { formatBytes } from '../../../app/contract/format.ts';
import type { UnreadableEntry } from '../../../app/contract/library.ts';
import { exitCodes, type Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { drawingStream } from '../terminal.ts';
import { terminalLine } from '../terminal-text.ts';

const ADD_YES = 'Add --yes if that is what you want.';

/** Deletes what an interrupted job left, by the name that `nibble list` shows it under. */
async function discardCommand(
  { engine, output, quiet }: Session,
  { id, yes, trash }: { id: string; yes: boolean; trash: boolean },
): Promise<number> {
  if (trash)
    throw new UsageError('What is unfinished is not moved to the trash.', 'Leave out --trash.');
  if (!yes)
    throw new UsageError(
      `This would delete ${id}, which is unfinished and can still be gone on with.`,
      ADD_YES,
    );
  const { freedBytes } = await engine.discardUnfinished({ name: id }, quiet);
  output.document({ name: id, freedBytes });
  output.line(`Removed ${id}: ${formatBytes(freedBytes)} freed.`);
  return exitCodes.done;
}

/** Takes off the list what this version cannot read. */
async function forgetCommand(
  { engine, output, quiet }: Session,
  { kind, id, directory, madeBy }: UnreadableEntry,
  yes: boolean,
): Promise<number> {
  if (madeBy !== undefined)
    throw new UsageError(
      `${id} was made by Nibble ${madeBy}; this version does not touch it.`,
      `Update Nibble, or delete ${directory ?? id} yourself.`,
    );
  if (!yes)
    throw new UsageError(
      `This would take the ${kind} ${id} off the list, which a newer Nibble may still read.`,
      ADD_YES,
    );
  await engine.forgetUnreadable({ kind, id }, quiet);
  output.document({ kind, id, directory });
  output.line(
    `Removed ${id} from the catalog${directory === null ? '.' : `; the folder ${directory} was left alone.`}`,
  );
  return exitCodes.done;
}

/** Deletes a checkpoint or an artifact, or moves it to the trash, after asking. */
export async function removeCommand(
  session: Session,
  options: { id: string; yes: boolean; trash: boolean },
): Promise<number> {
  const { engine, output, quiet, signal } = session;
  const { id, trash } = options;
  const { unfinished, unreadable } = await engine.list({}, quiet);
  if (unfinished.some(({ name }) => name === id)) return discardCommand(session, options);
  const unknown = unreadable.find((candidate) => candidate.id === id);
  if (unknown !== undefined) return forgetCommand(session, unknown, options.yes);
  const found = await engine.show({ id }, quiet);
  const entry = found.kind === 'artifact' ? found.artifact : found.checkpoint;
  const deletes =
    found.kind === 'artifact'
      ? found.artifact.recordsDirectory === undefined
      : found.checkpoint.owned;
  const what = deletes
    ? `${found.kind} ${id} and its files in ${entry.directory} (${formatBytes(entry.sizeBytes)})`
    : `${found.kind} ${id} from the catalog; your folder ${entry.directory} stays as it is`;
  if (!options.yes) {
    if (!process.stdin.isTTY || output.json)
      throw new UsageError(
        `This would ${trash ? 'move to the trash:' : 'delete'} ${what}.`,
        ADD_YES,
      );
    const prompt = createInterface({ input: process.stdin, output: drawingStream });
    const answer = await prompt.question(
      terminalLine(`${trash ? 'Move to the trash:' : 'Delete'} ${what}? [y/N] `),
      { signal },
    );
    prompt.close();
    if (!/^y(es)?$/i.test(answer.trim())) {
      output.note('Nothing was deleted.');
      return exitCodes.done;
    }
  }
  const removed = await engine.remove({ id, forever: !trash }, quiet);
  output.document(removed);
  output.line(
    removed.deletedFiles
      ? trash
        ? `Moved ${id} to the trash; emptying that frees ${formatBytes(removed.freedBytes)}. To have it back, restore ${removed.directory} from the trash, then: nibble add ${removed.directory}`
        : `Removed ${id}: ${formatBytes(removed.freedBytes)} freed.`
      : `Removed ${id} from the catalog; the folder ${removed.directory} was left alone.`,
  );
  const { keptFiles } = removed;
  if (removed.deletedFiles && keptFiles.length > 0)
    output.line(
      `Left in ${removed.directory}, because it is not what Nibble wrote: ${keptFiles.join(', ')}.`,
    );
  return exitCodes.done;
}
