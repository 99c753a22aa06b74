import { AppError, because } from '../../contract/error.ts';
import type { UnreadableEntry } from '../../contract/library.ts';
import type { EngineContext } from '../context.ts';

/** Everything in the catalog that this version cannot read. */
export function unreadableEntries({ catalog }: Pick<EngineContext, 'catalog'>): UnreadableEntry[] {
  return [
    ...catalog.models.unreadable(),
    ...catalog.jobs.unreadable(),
    ...catalog.comparisons.unreadable(),
  ];
}

/**
 * Takes an entry that this version cannot read out of the catalog. Files are not touched: whose they are, only the row could
 * have said.
 *
 * @throws AppError 'not-found' for what is not there or can be read, 'busy' for a job that another Nibble has
 */
export function forgetUnreadable(
  context: Pick<EngineContext, 'catalog'>,
  { kind, id }: Pick<UnreadableEntry, 'kind' | 'id'>,
): void {
  const { models, jobs, comparisons } = context.catalog;
  if (!unreadableEntries(context).some((entry) => entry.kind === kind && entry.id === id))
    throw new AppError(
      'not-found',
      `There is no unreadable entry ${id}.`,
      because('nothing-there', { name: id }, { remedy: 'Look at the list again: nibble list' }),
    );
  switch (kind) {
    case 'artifact':
      models.removeArtifact(id);
      return;
    case 'checkpoint':
      models.removeCheckpoint(id);
      return;
    case 'comparison':
      comparisons.remove(Number(id));
      return;
    case 'job':
      if (!jobs.remove(Number(id)))
        throw new AppError('busy', `Job ${id} belongs to another Nibble that is running.`, {
          remedy: 'Close that one first.',
        });
  }
}
