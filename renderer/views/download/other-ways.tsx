import { FolderOpen, HardDrive, Sparkles } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { formatBytes } from '../../texts/format.ts';
import { SAMPLE_SOURCE } from '../../../app/contract/inspection.ts';
import { host } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { TextField } from '../../design/fields.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { paths } from '../../frame/navigation.ts';
import { groupJobs } from '../../jobs/job-groups.ts';
import { StateBadge } from '../../jobs/state-badge.tsx';
import { useJobs } from '../../state/jobs.ts';
import { useAbout, useLibrary } from '../../state/queries.ts';

function FolderWay(): ReactNode {
  const { t } = useTranslation('get');
  const { data: about } = useAbout();
  const [, navigate] = useLocation();
  const [directory, setDirectory] = useState('');
  const use = (chosen: string): void => {
    if (chosen.trim() !== '') navigate(paths.get(chosen.trim()));
  };
  return (
    <div className="card get-way">
      <FolderOpen aria-hidden />
      <h3>{t('ways.folder')}</h3>
      <p className="quiet">{t('ways.folderHint')}</p>
      {about?.canChooseFolder === true ? (
        <Button
          onPress={() => {
            void host.chooseFolder({ title: t('ways.folder') }).then((chosen) => {
              use(chosen.directory ?? '');
            });
          }}
        >
          {t('ways.chooseFolder')}
        </Button>
      ) : (
        <form
          className="row get-folder"
          onSubmit={(event) => {
            event.preventDefault();
            use(directory);
          }}
        >
          <TextField
            label={t('ways.folderPath')}
            hideLabel
            placeholder={t('ways.folderPath')}
            value={directory}
            onChange={setDirectory}
            className="grow"
          />
          <Button type="submit" isDisabled={directory.trim() === ''}>
            {t('ways.useFolder')}
          </Button>
        </form>
      )}
    </div>
  );
}

/** Jobs that make something now, so that a person who comes back finds theirs. */
function UnderWay(): ReactNode {
  const { t } = useTranslation('get');
  const groups = groupJobs(useJobs() ?? []);
  const jobs = [...groups.running, ...groups.queued, ...groups.held, ...groups.paused].filter(
    ({ request }) => request.kind === 'make',
  );
  if (jobs.length === 0) return null;
  return (
    <section className="stack tight" aria-labelledby="get-under-way">
      <h2 id="get-under-way">{t('underWay')}</h2>
      <ul className="card get-results">
        {jobs.map((job) => (
          <li key={job.id}>
            <Link
              className="get-result"
              href={`#${paths.get(job.request.kind === 'make' ? job.request.source : '')}`}
            >
              <strong className="grow ellipsis">{job.subject}</strong>
              <StateBadge job={job} />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function AlreadyHere(): ReactNode {
  const { t } = useTranslation('get');
  const { data: library } = useLibrary();
  const checkpoints = (library?.checkpoints ?? []).filter(({ available }) => available);
  if (checkpoints.length === 0) return null;
  return (
    <section className="stack tight" aria-labelledby="get-here">
      <h2 id="get-here">{t('here')}</h2>
      <ul className="card get-results">
        {checkpoints.map(({ checkpoint }) => (
          <li key={checkpoint.id}>
            <Link className="get-result" href={`#${paths.get(checkpoint.id)}`}>
              <HardDrive aria-hidden className="get-icon" />
              <strong className="grow ellipsis">{checkpoint.name}</strong>
              <span className="quiet">
                {t('hereHint', { size: formatBytes(checkpoint.sizeBytes) })}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What can be had without a search: what is under way, what is here, a folder, the sample model. */
export function OtherWays(): ReactNode {
  const { t } = useTranslation('get');
  return (
    <>
      <UnderWay />
      <AlreadyHere />
      <section className="stack tight" aria-labelledby="get-ways">
        <h2 id="get-ways">{t('ways.title')}</h2>
        <div className="get-ways">
          <div className="card get-way">
            <Sparkles aria-hidden />
            <h3>{t('ways.sample')}</h3>
            <p className="quiet">{t('ways.sampleHint')}</p>
            <LinkButton to={paths.get(SAMPLE_SOURCE)}>{t('ways.useSample')}</LinkButton>
          </div>
          <FolderWay />
        </div>
      </section>
    </>
  );
}
