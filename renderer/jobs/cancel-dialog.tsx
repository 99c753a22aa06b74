import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../texts/format.ts';
import type { Job } from '../../app/contract/job.ts';
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';
import { plannedSteps } from './job-steps.ts';

/** Bytes of a download that has begun and is not whole; null where that is not what the job is at. */
function partialBytes(job: Job): number | null {
  const download = plannedSteps(job).find(({ kind }) => kind === 'download');
  if (download === undefined || download.state === 'done') return null;
  return download.progress?.unit === 'bytes' ? download.progress.done : null;
}

/** Asks whether to keep what was downloaded. The button that changes nothing has the focus. */
export function CancelDialog({
  job,
  isOpen,
  onClose,
  onCancel,
}: {
  readonly job: Job;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onCancel: (discard: boolean) => void;
}): ReactNode {
  const { t } = useTranslation('jobs');
  const bytes = partialBytes(job);
  const end = (discard: boolean) => (): void => {
    onClose();
    onCancel(discard);
  };
  return (
    <Dialog
      title={t('cancel.title', { subject: job.subject })}
      isOpen={isOpen}
      onClose={onClose}
      isAlert
    >
      <div className="stack tight">
        <p>{t('cancel.kept')}</p>
        <p>
          {bytes === null ? t('cancel.unknown') : t('cancel.partial', { size: formatBytes(bytes) })}
        </p>
      </div>
      <div className="dialog-actions job-cancel-actions">
        <Button autoFocus onPress={onClose}>
          {t('cancel.goOn')}
        </Button>
        <Button onPress={end(false)}>{t('cancel.keep')}</Button>
        <Button look="danger" onPress={end(true)}>
          {t('cancel.discard')}
        </Button>
      </div>
    </Dialog>
  );
}
