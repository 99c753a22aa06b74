import { memo, useState, type ReactNode } from 'react';
import { ChevronRight } from 'lucide-react';
import { Button as AriaButton } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../app/contract/job.ts';
import { JobButtons } from '../../jobs/job-buttons.tsx';
import { JobResults } from '../../jobs/job-results.tsx';
import { useJobTitle } from '../../jobs/job-title.ts';
import { JobTrouble } from '../../jobs/job-trouble.tsx';
import { StateBadge } from '../../jobs/state-badge.tsx';
import { useWhen } from '../../texts/date-time.ts';
import { ForgetButton } from './forget-button.tsx';

export interface EndedJobProps {
  readonly job: Job;
  readonly onForget: (job: Job) => void;
}

/** A job that has ended, in one line; what came of it unfolds. */
export const EndedJob = memo(function EndedJob({ job, onForget }: EndedJobProps): ReactNode {
  const { t } = useTranslation('jobs');
  const [open, setOpen] = useState(false);
  const title = useJobTitle();
  const when = useWhen();
  const panel = `job-${job.id}-results`;
  return (
    <li className="jobs-ended">
      <div className="row">
        <AriaButton
          id={`job-${job.id}`}
          className="jobs-ended-button"
          aria-expanded={open}
          aria-controls={panel}
          onPress={() => {
            setOpen(!open);
          }}
        >
          <ChevronRight aria-hidden />
          <span className="jobs-ended-subject ellipsis">{job.subject}</span>
          <span className="quiet ellipsis">{title(job.request)}</span>
        </AriaButton>
        <span className="quiet jobs-when">
          {job.endedAt === null ? null : t('ended', { when: when(job.endedAt) })}
        </span>
        <StateBadge job={job} />
        <ForgetButton job={job} onForget={onForget} />
      </div>
      <div id={panel} hidden={!open} className="jobs-ended-panel">
        {open ? (
          <div className="stack tight">
            <JobTrouble job={job} />
            {job.state === 'cancelled' ? <JobButtons job={job} /> : null}
            <JobResults job={job} />
          </div>
        ) : null}
      </div>
    </li>
  );
});
