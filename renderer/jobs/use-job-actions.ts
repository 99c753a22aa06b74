import { useTranslation } from 'react-i18next';
import { toAppError } from '../../app/contract/error.ts';
import type { Job } from '../../app/contract/job.ts';
import { engine } from '../bridge.ts';
import { toast } from '../design/toasts.tsx';
import { refreshJobs } from '../state/jobs.ts';

export interface JobActions {
  readonly pause: (job: Job) => Promise<void>;
  readonly resume: (job: Job) => Promise<void>;
  readonly cancel: (job: Job, discard: boolean) => Promise<void>;
  readonly forget: (job: Job) => Promise<void>;
}

/** What can be done with a job. What the engine refuses is said in passing; the list shows what is. */
export function useJobActions(): JobActions {
  const { t } = useTranslation('errors');
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const { message, remedy } = toAppError(error);
      toast({ text: [message, remedy].filter(Boolean).join(' ') || t('internal'), look: 'danger' });
    }
    await refreshJobs();
  };
  return {
    pause: ({ id }) => attempt(() => engine.pauseJob({ jobId: id })),
    resume: ({ id }) => attempt(() => engine.resumeJob({ jobId: id })),
    cancel: ({ id }, discard) => attempt(() => engine.cancelJob({ jobId: id, discard })),
    forget: ({ id }) => attempt(() => engine.forgetJob({ jobId: id })),
  };
}
