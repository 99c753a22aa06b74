import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../app/contract/job.ts';
import { Button } from '../../design/button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { paths } from '../../frame/navigation.ts';
import { JobButtons } from '../../jobs/job-buttons.tsx';
import { JobResults } from '../../jobs/job-results.tsx';
import { useJobTitle } from '../../jobs/job-title.ts';
import { JobTrouble } from '../../jobs/job-trouble.tsx';
import { StateBadge } from '../../jobs/state-badge.tsx';
import { StepList } from '../../jobs/step-list.tsx';
import { unfollowJob } from './use-download.ts';

/** What is told above the steps; a job that is done has another heading. */
const jobTitles = {
  queued: 'job.title',
  running: 'job.title',
  paused: 'job.paused',
  interrupted: 'job.interrupted',
  failed: 'job.failed',
  cancelled: 'job.cancelled',
  done: 'result.title',
} as const satisfies Record<Job['state'], string>;

/** Steps three and four: how it goes, and what came of it. */
export function JobStep({
  source,
  job,
}: {
  readonly source: string;
  readonly job: Job;
}): ReactNode {
  const { t } = useTranslation('get');
  const title = useJobTitle();
  const heading = useRef<HTMLHeadingElement>(null);
  const isDone = job.state === 'done';
  // The button that was pressed is gone: focus goes to what it began, and to the result at the end only from here.
  useEffect(() => {
    const { activeElement } = document;
    if (activeElement === null || activeElement === document.body) heading.current?.focus();
  }, [isDone]);
  return (
    <section className="card stack" aria-labelledby="get-job">
      <div className="row wrap">
        <div className="grow">
          <h2 id="get-job" ref={heading} tabIndex={-1}>
            {isDone ? t('result.title') : t(jobTitles[job.state])}
          </h2>
          <p className="quiet">{title(job.request)}</p>
        </div>
        <span role="status">
          <StateBadge job={job} />
        </span>
        <JobButtons job={job} size="normal" />
      </div>
      <JobTrouble job={job} />
      {isDone ? null : job.state === 'queued' ? <p>{t('job.queued')}</p> : <StepList job={job} />}
      {job.artifactIds.length > 0 || isDone ? <JobResults job={job} /> : null}
      {isDone ? (
        <div className="row">
          <Button
            onPress={() => {
              unfollowJob(source);
            }}
          >
            {t('result.more')}
          </Button>
        </div>
      ) : (
        <p className="row wrap quiet">
          {job.state === 'running' || job.state === 'queued' ? t('job.background') : null}
          <LinkButton size="small" look="plain" to={paths.jobs}>
            {t('job.allJobs')}
          </LinkButton>
        </p>
      )}
    </section>
  );
}
