import { CircleCheck, LoaderCircle, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatPercent } from '../texts/format.ts';
import type { Job } from '../../app/contract/job.ts';
import { damagedFiles, isBusy, shareDone, type ModelWork } from '../state/model-work.ts';

const share = (job: Job | null): string =>
  formatPercent((job === null ? null : shareDone(job)) ?? 0, 0);

/** In a few words what is done with a model now, or what its last verification found; nothing where there is nothing. */
export function ModelStatus({ work }: { readonly work: ModelWork | undefined }): ReactNode {
  const { t } = useTranslation('library');
  if (work === undefined) return null;
  const running = (['evaluate', 'verify'] as const).find((kind) => isBusy(work, kind));
  if (running !== undefined) {
    const job = work[running];
    const words =
      job?.state === 'queued'
        ? t('work.queued')
        : running === 'verify'
          ? t('work.verifying', { share: share(job) })
          : t('work.measuring', { share: share(job) });
    return (
      <span className="model-status">
        <LoaderCircle aria-hidden />
        {words}
      </span>
    );
  }
  const damaged = damagedFiles(work.verify);
  if (damaged !== null && damaged.length > 0)
    return (
      <span className="model-status danger">
        <TriangleAlert aria-hidden />
        {t('work.damaged', { count: damaged.length })}
      </span>
    );
  if (work.verify?.state === 'failed' || work.evaluate?.state === 'failed')
    return (
      <span className="model-status danger">
        <TriangleAlert aria-hidden />
        {work.verify?.state === 'failed' ? t('work.verifyFailed') : t('work.measureFailed')}
      </span>
    );
  if (damaged === null) return null;
  return (
    <span className="model-status good">
      <CircleCheck aria-hidden />
      {t('work.verified')}
    </span>
  );
}
