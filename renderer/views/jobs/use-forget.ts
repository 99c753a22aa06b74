import { useCallback, useState } from 'react';
import { canForget, neighbour } from '../../jobs/job-groups.ts';
import { useJobActions } from '../../jobs/use-job-actions.ts';
import type { Job } from '../../../app/contract/job.ts';

/** Where the focus goes after a job has left the list: its neighbour, or the list's heading. */
function focusJob(job: Job | null): void {
  const target = document.getElementById(job === null ? 'jobs-ended-title' : `job-${job.id}`);
  (target ?? document.getElementById('content'))?.focus();
}

export interface Forgetting {
  readonly forget: (job: Job) => void;
  readonly forgetAll: () => void;
}

/** Takes ended jobs off the list and keeps the focus in it. `rows` are the jobs as they are shown. */
export function useForget(rows: readonly Job[]): Forgetting {
  const actions = useJobActions();
  // Rows are drawn again only when their own job changes, so what they call must stay the same function.
  const [latest] = useState({ rows, actions });
  Object.assign(latest, { rows, actions });
  const forget = useCallback(
    (job: Job) => {
      const index = latest.rows.findIndex(({ id }) => id === job.id);
      const next = neighbour(latest.rows, index);
      void latest.actions.forget(job).then(() => {
        focusJob(next);
      });
    },
    [latest],
  );
  const forgetAll = useCallback(() => {
    void (async () => {
      for (const job of latest.rows.filter(canForget))
        if (job.state !== 'failed') await latest.actions.forget(job);
      focusJob(null);
    })();
  }, [latest]);
  return { forget, forgetAll };
}
