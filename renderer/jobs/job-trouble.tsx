import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../app/contract/job.ts';
import { Note } from '../design/notes.tsx';
import { ErrorNote } from '../errors/error-note.tsx';
import { StepButton } from '../errors/step-button.tsx';

/** Why a job does not go on, and what to do about it. To try again is the job's own button. */
export function JobTrouble({ job }: { readonly job: Job }): ReactNode {
  const { t } = useTranslation('jobs');
  const { request } = job;
  if (job.state === 'failed' && job.error !== null)
    return <ErrorNote error={job.error} source={request.kind === 'make' ? request.source : null} />;
  if (job.state === 'running' && job.waitsForDisk)
    return (
      <Note kind="warn" actions={<StepButton step="library" source={null} />}>
        <p>{t('waitsForDiskHint')}</p>
      </Note>
    );
  const hints = {
    paused: 'pausedHint',
    interrupted: 'interruptedHint',
    cancelled: 'cancelledHint',
  } as const;
  const hint = job.state in hints ? hints[job.state as keyof typeof hints] : null;
  return hint === null ? null : <p className="quiet">{t(hint)}</p>;
}
