import { ListChecks } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../app/contract/job.ts';
import { Button } from '../../design/button.tsx';
import { ConfirmDialog } from '../../design/dialog.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { Skeleton, Waiting } from '../../design/skeleton.tsx';
import { View } from '../../design/view.tsx';
import { paths } from '../../frame/navigation.ts';
import { groupJobs } from '../../jobs/job-groups.ts';
import '../../jobs/jobs.css';
import { useJobs } from '../../state/jobs.ts';
import { EndedJob } from './ended-job.tsx';
import { JobCard } from './job-card.tsx';
import { useForget } from './use-forget.ts';
import './jobs.css';

/** Ended jobs that are shown before the rest is asked for: about two screens. */
const SHOWN_ENDED = 30;

function Loading(): ReactNode {
  return (
    <Waiting className="view-column stack">
      <Skeleton height={148} />
      <Skeleton height={44} />
      <Skeleton height={44} />
    </Waiting>
  );
}

function EndedJobs({
  jobs,
  onForget,
}: {
  readonly jobs: readonly Job[];
  readonly onForget: (job: Job) => void;
}): ReactNode {
  const { t } = useTranslation('jobs');
  const [all, setAll] = useState(false);
  const shown = all ? jobs : jobs.slice(0, SHOWN_ENDED);
  return (
    <section className="stack tight" aria-labelledby="jobs-ended-title">
      <h2 id="jobs-ended-title" tabIndex={-1}>
        {t('groups.ended')}
      </h2>
      <ul className="card jobs-ended-list">
        {shown.map((job) => (
          <EndedJob key={job.id} job={job} onForget={onForget} />
        ))}
      </ul>
      {shown.length === jobs.length ? null : (
        <Button
          look="plain"
          onPress={() => {
            setAll(true);
          }}
        >
          {t('showAll', { count: jobs.length })}
        </Button>
      )}
    </section>
  );
}

/** Every job: what runs first, then what waits, what needs the person, and what has ended. */
export function JobsView(): ReactNode {
  const { t } = useTranslation('jobs');
  const jobs = useJobs();
  const groups = groupJobs(jobs ?? []);
  const rows = [
    ...groups.running,
    ...groups.queued,
    ...groups.held,
    ...groups.paused,
    ...groups.ended,
  ];
  const { forget, forgetAll } = useForget(rows);
  const [asks, setAsks] = useState(false);
  return (
    <View
      title={t('title')}
      actions={
        <>
          {groups.ended.length === 0 ? null : (
            <Button
              look="plain"
              onPress={() => {
                setAsks(true);
              }}
            >
              {t('forgetAll')}
            </Button>
          )}
          <LinkButton to={paths.get()} look="primary">
            {t('getModel')}
          </LinkButton>
        </>
      }
    >
      {jobs === null ? (
        <Loading />
      ) : rows.length === 0 ? (
        <EmptyState
          icon={<ListChecks aria-hidden />}
          title={t('empty')}
          actions={<LinkButton to={paths.get()}>{t('getModel')}</LinkButton>}
        >
          {t('emptyHint')}
        </EmptyState>
      ) : (
        <div className="view-column stack jobs-groups">
          {(['running', 'queued', 'held', 'paused'] as const).map((name) =>
            groups[name].length === 0 ? null : (
              <section key={name} className="stack tight" aria-labelledby={`jobs-${name}-title`}>
                <h2 id={`jobs-${name}-title`}>{t(`groups.${name}`)}</h2>
                <ul className="stack">
                  {groups[name].map((job) => (
                    <JobCard key={job.id} job={job} onForget={forget} />
                  ))}
                </ul>
              </section>
            ),
          )}
          {groups.ended.length === 0 ? null : <EndedJobs jobs={groups.ended} onForget={forget} />}
        </div>
      )}
      <ConfirmDialog
        title={t('forgetAll')}
        isOpen={asks}
        onClose={() => {
          setAsks(false);
        }}
        action={t('forgetAll')}
        isDangerous={false}
        onConfirm={forgetAll}
      >
        <p>{t('forgetAllHint', { count: groups.ended.length })}</p>
      </ConfirmDialog>
    </View>
  );
}
