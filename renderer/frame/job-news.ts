import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { Job } from '../../app/contract/job.ts';
import { host } from '../bridge.ts';
import { toast } from '../design/toasts.tsx';
import { useEndedJob } from '../state/jobs.ts';
import { useAbout, useSettings } from '../state/queries.ts';
import { paths } from './navigation.ts';
import { errorSentence } from '../errors/error-words.ts';

/** The least a job must have taken, in ms, to be worth a notification of the system. */
const LONG_MS = 5_000;

/** Whether the person waited for it: what ended at once needs no word from another window. */
export function isLong(job: Pick<Job, 'createdAt' | 'endedAt'>): boolean {
  return job.endedAt !== null && Date.parse(job.endedAt) - Date.parse(job.createdAt) >= LONG_MS;
}

type News = 'jobFailed' | 'jobDone' | 'jobMeasured' | 'jobChecked' | 'jobDamaged';

/** What the end of a job means: a check that found damage is no good news. */
export function newsOf(job: Job): News {
  if (job.state === 'failed') return 'jobFailed';
  if (job.request.kind === 'evaluate') return 'jobMeasured';
  if (job.request.kind === 'make') return 'jobDone';
  const isDamaged = job.files?.some(({ state }) => state === 'changed' || state === 'missing');
  return isDamaged === true ? 'jobDamaged' : 'jobChecked';
}

/** Says once, wherever the person is, that a job ended: here, and through the system while the window is hidden. */
export function useJobNews(): void {
  const job = useEndedJob();
  const { t } = useTranslation();
  const [, navigate] = useLocation();
  const { notifications } = useSettings();
  const { data: about } = useAbout();
  const canNotify = notifications && about?.canNotify === true;
  useEffect(() => {
    if (job === null || job.state === 'cancelled') return;
    const news = newsOf(job);
    toast({
      text: t(news, {
        subject: job.subject,
        reason: job.error === null ? '' : errorSentence(job.error),
      }),
      look: news === 'jobFailed' || news === 'jobDamaged' ? 'danger' : 'good',
      action: { label: t('jobShow'), onAction: () => navigate(paths.jobs) },
    });
  }, [job, navigate, t]);
  useEffect(() => {
    if (job === null || job.state === 'cancelled') return;
    if (!canNotify || !document.hidden || !isLong(job)) return;
    const news = newsOf(job);
    const title = t(news === 'jobFailed' ? 'jobFailedShort' : news, { subject: job.subject });
    // A refusal changes nothing: the toast is there when the person comes back.
    host
      .notify({ title, body: job.error === null ? '' : errorSentence(job.error) })
      .catch(() => undefined);
    // A setting that changes later must not tell old news.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [job]);
}
