import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { UnreadableEntry } from '../../../app/contract/library.ts';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { Note } from '../../design/notes.tsx';
import { toast } from '../../design/toasts.tsx';
import { errorText } from '../../errors/error-words.ts';
import { queryClient, queryKeys } from '../../state/queries.ts';

async function forget({ kind, id }: UnreadableEntry): Promise<void> {
  try {
    await engine.forgetUnreadable({ kind, id });
  } catch (error) {
    toast({ look: 'danger', text: errorText(error) });
  }
  await queryClient.invalidateQueries({ queryKey: queryKeys.library });
}

/** What this version cannot read stays where it is, and is named, so that nobody takes it for lost. */
export function UnreadableNote({
  entries,
}: {
  readonly entries: readonly UnreadableEntry[];
}): ReactNode {
  const { t } = useTranslation('library');
  if (entries.length === 0) return null;
  return (
    <div className="library-note">
      <Note kind="warn">
        <strong>{t('unreadable', { count: entries.length })}</strong>
        <p>{t('unreadableHint', { count: entries.length })}</p>
        <ul className="library-unreadable">
          {entries.map((entry) => {
            const { kind, id, name, directory, madeBy } = entry;
            return (
              <li key={`${kind} ${id}`} className="row">
                <span className="grow">
                  {t(`unreadableKind.${kind}`)} <strong>{name}</strong>
                  {madeBy === undefined ? null : <span className="quiet"> Nibble {madeBy}</span>}
                  {directory === null ? null : <span className="quiet mono"> {directory}</span>}
                </span>
                {madeBy === undefined ? (
                  <Button
                    size="small"
                    aria-label={t('forgetUnreadableNamed', { name })}
                    onPress={() => void forget(entry)}
                  >
                    {t('forgetUnreadable')}
                  </Button>
                ) : null}
              </li>
            );
          })}
        </ul>
      </Note>
    </div>
  );
}
