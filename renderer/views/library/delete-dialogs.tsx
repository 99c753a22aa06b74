import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import { ConfirmDialog } from '../../design/dialog.tsx';
import type { Doomed, Refused } from './use-removal.ts';
import { errorSentence } from '../../errors/error-words.ts';

const sum = (doomed: readonly Doomed[]): number =>
  doomed.reduce((bytes, { frees }) => bytes + frees, 0);

function useNames(): (doomed: readonly Doomed[]) => string {
  const { t } = useTranslation('library');
  return (doomed) =>
    doomed.length === 1 ? (doomed[0]?.name ?? '') : t('countModels', { count: doomed.length });
}

/** What becomes of one model, in words. */
function Consequence({ doomed }: { readonly doomed: Doomed }): ReactNode {
  const { t } = useTranslation('library');
  if (!doomed.available) return <p>{t('deleteOffline')}</p>;
  if (!doomed.owned) return <p>{t('deleteOwn', { directory: doomed.directory })}</p>;
  return (
    <>
      <p>{t('deleteTrash', { size: formatBytes(doomed.frees) })}</p>
      {doomed.isCheckpoint && doomed.artifacts > 0 ? (
        <p>{t('deleteKeepsArtifacts', { count: doomed.artifacts })}</p>
      ) : null}
      {doomed.isCheckpoint ? <p>{t('deleteLosesSource')}</p> : null}
    </>
  );
}

/** Asks before models are deleted: names them, and what it frees. */
export function DeleteDialog({
  doomed,
  onClose,
  onConfirm,
}: {
  readonly doomed: readonly Doomed[];
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}): ReactNode {
  const { t } = useTranslation('library');
  const [only] = doomed;
  const isListOnly = doomed.every(({ available, owned }) => !available || !owned);
  return (
    <ConfirmDialog
      isOpen={doomed.length > 0}
      title={
        doomed.length === 1 && only !== undefined
          ? t('deleteTitleOne', { name: only.name })
          : t('deleteTitleMany', { count: doomed.length })
      }
      action={isListOnly ? t('takeOffAction') : t('deleteAction')}
      onClose={onClose}
      onConfirm={onConfirm}
    >
      {doomed.length === 1 && only !== undefined ? (
        <div className="stack tight">
          <Consequence doomed={only} />
        </div>
      ) : (
        <div className="stack tight">
          <ul
            className="library-doomed"
            tabIndex={0}
            aria-label={t('countModels', { count: doomed.length })}
          >
            {doomed.map(({ id, name, frees, available }) => (
              <li key={id}>
                <span className="ellipsis">{name}</span>
                <span className="quiet number">
                  {available ? formatBytes(frees) : t('offline')}
                </span>
              </li>
            ))}
          </ul>
          <p>
            {isListOnly ? t('deleteOffline') : t('deleteTrash', { size: formatBytes(sum(doomed)) })}
          </p>
        </div>
      )}
    </ConfirmDialog>
  );
}

/** The second question, where the trash refused: for good? */
export function ForeverDialog({
  refused,
  onClose,
  onConfirm,
}: {
  readonly refused: Refused | null;
  readonly onClose: () => void;
  readonly onConfirm: (doomed: readonly Doomed[]) => void;
}): ReactNode {
  const { t } = useTranslation('library');
  const names = useNames();
  if (refused === null) return null;
  return (
    <ConfirmDialog
      isOpen
      title={t('foreverTitle')}
      action={t('foreverAction')}
      onClose={onClose}
      onConfirm={() => {
        onConfirm(refused.doomed);
      }}
    >
      <div className="stack tight">
        <p>{errorSentence(refused.error)}</p>
        <p>
          {t('foreverText', {
            name: names(refused.doomed),
            size: formatBytes(sum(refused.doomed)),
          })}
        </p>
      </div>
    </ConfirmDialog>
  );
}
