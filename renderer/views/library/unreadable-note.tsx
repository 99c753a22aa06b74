import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { UnreadableEntry } from '../../../app/contract/library.ts';
import { Note } from '../../design/notes.tsx';

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
        <p>{t('unreadableHint')}</p>
        <ul className="library-unreadable">
          {entries.map(({ kind, id, name, directory }) => (
            <li key={`${kind} ${id}`}>
              {t(`unreadableKind.${kind}`)} <strong>{name}</strong>
              {directory === null ? null : <span className="quiet mono"> {directory}</span>}
            </li>
          ))}
        </ul>
      </Note>
    </div>
  );
}
