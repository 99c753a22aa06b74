import type { Job } from '../../app/contract/job.ts';
import { engine } from '../bridge.ts';
import { toast } from '../design/toasts.tsx';
import { refreshJobs } from '../state/jobs.ts';
import { errorText } from '../errors/error-words.ts';

export interface JobActions {
  readonly pause: (job: Job) => Promise<void>;
  readonly resume: (job: Job) => Promise<void>;
  readonly cancel: (job: Job, discard: boolean) => Promise<void>;
  readonly forget: (job: Job) => Promise<void>;
}

/** What can be done with a job. What the engine refuses is said in passing; the list shows what is. */
export function useJobActions(): JobActions {
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      toast({ text: errorText(error), look: 'danger' });
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
