import { Pause, Play, X } from 'lucide-react';
import { useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../app/contract/job.ts';
import { Button } from '../design/button.tsx';
import { CancelDialog } from './cancel-dialog.tsx';
import { canCancel, canPause, canResume } from './job-groups.ts';
import { useJobActions } from './use-job-actions.ts';

/** Pause or resume, and cancel. The first button stays the same element, so that focus stays when its meaning changes. */
export function JobButtons({
  job,
  size = 'small',
}: {
  readonly job: Job;
  readonly size?: 'small' | 'normal';
}): ReactNode {
  const { t } = useTranslation('jobs');
  const { pause, resume, cancel } = useJobActions();
  const [asks, setAsks] = useState(false);
  const first = useRef<HTMLButtonElement>(null);
  const { subject } = job;
  const resumes = canResume(job);
  return (
    <div className="row">
      {resumes || canPause(job) ? (
        <Button
          ref={first}
          size={size}
          aria-label={t(
            job.state === 'failed' ? 'tryAgainNamed' : resumes ? 'resumeNamed' : 'pauseNamed',
            { subject },
          )}
          onPress={() => void (resumes ? resume(job) : pause(job))}
        >
          {resumes ? <Play aria-hidden /> : <Pause aria-hidden />}
          {resumes ? t(job.state === 'failed' ? 'tryAgain' : 'resume') : t('pause')}
        </Button>
      ) : null}
      {canCancel(job) ? (
        <Button
          size={size}
          look="plain"
          aria-label={t('cancelNamed', { subject })}
          onPress={() => {
            setAsks(true);
          }}
        >
          <X aria-hidden />
          {t('cancelJob')}
        </Button>
      ) : null}
      <CancelDialog
        job={job}
        isOpen={asks}
        onClose={() => {
          setAsks(false);
        }}
        onCancel={(discard) => {
          // The button that was pressed goes away with the job's being cancelled.
          void cancel(job, discard).then(() => first.current?.focus());
        }}
      />
    </div>
  );
}
