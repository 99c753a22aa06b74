import { memo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../app/contract/job.ts';
import { JobButtons } from '../../jobs/job-buttons.tsx';
import { JobResults } from '../../jobs/job-results.tsx';
import { useJobTitle } from '../../jobs/job-title.ts';
import { JobTrouble } from '../../jobs/job-trouble.tsx';
import { StateBadge } from '../../jobs/state-badge.tsx';
import { StepList } from '../../jobs/step-list.tsx';
import { useWhen } from '../../texts/date-time.ts';
import { ForgetButton } from './forget-button.tsx';

export interface JobCardProps {
  readonly job: Job;
  readonly onForget: (job: Job) => void;
}

/** A job that is under way or needs the person, in full. Drawn again only when this very job changes. */
export const JobCard = memo(function JobCard({ job, onForget }: JobCardProps): ReactNode {
  const { t } = useTranslation('jobs');
  const title = useJobTitle();
  const when = useWhen();
  return (
    <li className="card jobs-card stack" id={`job-${job.id}`} tabIndex={-1}>
      <div className="row wrap">
        <div className="grow">
          <h3 className="jobs-subject ellipsis">{job.subject}</h3>
          <p className="quiet">
            {title(job.request)} · {t('started', { when: when(job.createdAt) })}
          </p>
        </div>
        <span role="status">
          <StateBadge job={job} />
        </span>
        <JobButtons job={job} />
        {job.state === 'failed' ? <ForgetButton job={job} onForget={onForget} /> : null}
      </div>
      <JobTrouble job={job} />
      {job.state === 'queued' ? null : <StepList job={job} />}
      {job.artifactIds.length > 0 ? <JobResults job={job} /> : null}
    </li>
  );
});
