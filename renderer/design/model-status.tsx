import { CircleCheck, LoaderCircle, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatPercent } from '../texts/format.ts';
import type { Job } from '../../app/contract/job.ts';
import { isBusy, isVerified, shareDone, type ModelWork } from '../state/model-work.ts';

const share = (job: Job | null): string =>
  formatPercent((job === null ? null : shareDone(job)) ?? 0, 0);

/** In a few words what is done with a model now and what is wrong with its files; nothing where there is nothing. */
export function ModelStatus({ work }: { readonly work: ModelWork | undefined }): ReactNode {
  const { t } = useTranslation('library');
  if (work === undefined) return null;
  const { verify, evaluate, damagedFiles } = work;
  const running = (['evaluate', 'verify'] as const).find((kind) => isBusy(work, kind));
  const job = running === undefined ? null : work[running];
  const isDamaged = damagedFiles.length > 0;
  return (
    <>
      {isDamaged ? (
        <span className="model-status danger">
          <TriangleAlert aria-hidden />
          {t('work.damaged', { count: damagedFiles.length })}
        </span>
      ) : null}
      {job !== null ? (
        <span className="model-status">
          <LoaderCircle aria-hidden />
          {job.state === 'queued'
            ? t('work.queued')
            : running === 'verify'
              ? t('work.verifying', { share: share(job) })
              : t('work.measuring', { share: share(job) })}
        </span>
      ) : isDamaged ? null : verify?.state === 'failed' || evaluate?.state === 'failed' ? (
        <span className="model-status danger">
          <TriangleAlert aria-hidden />
          {verify?.state === 'failed' ? t('work.verifyFailed') : t('work.measureFailed')}
        </span>
      ) : isVerified(work) ? (
        <span className="model-status good">
          <CircleCheck aria-hidden />
          {t('work.verified')}
        </span>
      ) : null}
    </>
  );
}
