import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../app/contract/job.ts';
import { LinkButton } from '../design/link-button.tsx';
import { ErrorNote, Note } from '../design/notes.tsx';
import { ExternalLink } from '../frame/external-link.tsx';
import { paths } from '../frame/navigation.ts';
import { useDoctor } from '../state/queries.ts';
import { remediesFor, repositoryOf, type Remedy } from './job-groups.ts';

function RemedyButton({
  job,
  remedy,
}: {
  readonly job: Job;
  readonly remedy: Exclude<Remedy, 'resume'>;
}): ReactNode {
  const { t } = useTranslation('jobs');
  const { data: doctor } = useDoctor();
  const repository = repositoryOf(job.request);
  const source = job.request.kind === 'make' ? job.request.source : null;
  switch (remedy) {
    case 'token':
      return (
        <LinkButton size="small" to={paths.settings}>
          {t('enterToken')}
        </LinkButton>
      );
    case 'page':
      return repository === null || doctor === undefined ? null : (
        <ExternalLink className="button normal small" href={`${doctor.endpoint}/${repository}`}>
          {t('modelPage')}
        </ExternalLink>
      );
    case 'library':
      return (
        <LinkButton size="small" to={paths.library}>
          {t('freeSpace')}
        </LinkButton>
      );
    case 'folders':
      return (
        <LinkButton size="small" to={paths.settings}>
          {t('otherFolder')}
        </LinkButton>
      );
    case 'again':
      return source === null ? null : (
        <LinkButton size="small" to={paths.get(source)}>
          {t('getAgain')}
        </LinkButton>
      );
  }
}

/** Why a job does not go on, and what to do about it. */
export function JobTrouble({ job }: { readonly job: Job }): ReactNode {
  const { t } = useTranslation('jobs');
  // To try again is the job's own button, which stays when this note goes.
  const others = remediesFor(job).filter((remedy) => remedy !== 'resume');
  if (job.state === 'failed' && job.error !== null)
    return (
      <ErrorNote
        error={job.error}
        actions={
          others.length === 0
            ? undefined
            : others.map((remedy) => <RemedyButton key={remedy} job={job} remedy={remedy} />)
        }
      />
    );
  if (job.state === 'running' && job.waitsForDisk)
    return (
      <Note kind="warn" actions={<RemedyButton job={job} remedy="library" />}>
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
