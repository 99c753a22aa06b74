import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { LinkButton } from '../../design/link-button.tsx';
import { Note } from '../../design/notes.tsx';
import { ErrorNote } from '../../errors/error-note.tsx';
import { paths } from '../../frame/navigation.ts';
import { MakeAgain } from '../../jobs/make-again.tsx';
import type { ModelWork } from '../../state/model-work.ts';
import { useWhen } from '../../texts/date-time.ts';
import { useIsAvailable } from './details-actions.tsx';

/** What a person must know before trusting a model: its disk is away, its files changed, a job about it stopped. */
export function DetailsNotes({
  id,
  work,
}: {
  readonly id: string;
  readonly work: ModelWork;
}): ReactNode {
  const { t } = useTranslation('details');
  const { t: common } = useTranslation('common');
  const isAvailable = useIsAvailable(id);
  const when = useWhen();
  const { damagedFiles: damaged } = work;
  const newest = [...damaged].sort((a, b) => b.foundAt.localeCompare(a.foundAt)).at(0);
  const failed = [work.verify, work.evaluate].find((job) => job?.state === 'failed');
  return (
    <>
      {isAvailable ? null : <Note kind="warn">{t('offlineNote')}</Note>}
      {damaged.length === 0 ? null : (
        <Note
          kind="warn"
          actions={
            <>
              <MakeAgain id={id} />
              <LinkButton to={paths.library}>{t('backToLibrary')}</LinkButton>
            </>
          }
        >
          <strong>{t('damagedTitle')}</strong>
          <p className="mono">{damaged.map(({ name }) => name).join(', ')}</p>
          {newest === undefined ? null : (
            <p>{t(`damagedBy.${newest.foundBy}`, { when: when(newest.foundAt) })}</p>
          )}
          <p>{t('damagedHint')}</p>
        </Note>
      )}
      {failed === undefined || failed === null || failed.error === null ? null : (
        <ErrorNote
          error={failed.error}
          actions={<LinkButton to={paths.jobs}>{common('jobShow')}</LinkButton>}
        />
      )}
    </>
  );
}
