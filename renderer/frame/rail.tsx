import { ChevronsLeft, ChevronsRight, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { formatBytes, formatPercent } from '../texts/format.ts';
import type { Job } from '../../app/contract/job.ts';
import type { HeldModel } from '../../app/contract/runner-api.ts';
import { IconButton } from '../design/button.tsx';
import { DamageMark } from '../design/damage-mark.tsx';
import { useHeldModels } from '../state/loaded-models.ts';
import { useJobs } from '../state/jobs.ts';
import { damagedModels, shareDone } from '../state/model-work.ts';
import { useLibrary } from '../state/queries.ts';
import { paths, views, type ViewId } from './navigation.ts';

const REMEMBERED = 'nibble.rail';

function currentView(path: string): ViewId {
  const found = views.find((view) => view.path !== '/' && path.startsWith(view.path));
  if (found !== undefined) return found.id;
  return path.startsWith('/get') ? 'library' : 'home';
}

function RunningJob({ job, narrow }: { readonly job: Job; readonly narrow: boolean }): ReactNode {
  const fraction = shareDone(job);
  const { t } = useTranslation('jobs');
  const share = fraction === null ? '…' : formatPercent(fraction, 0);
  const words = job.state === 'paused' ? t('state.paused') : share;
  return (
    <Link href={`#${paths.jobs}`} className="rail-entry" aria-label={`${job.subject} ${words}`}>
      {narrow ? null : (
        <span className="row">
          <span className="grow ellipsis">{job.subject}</span>
          <span className="quiet">{words}</span>
        </span>
      )}
      <span className="progress-track">
        <span
          className={`progress-fill ${job.state === 'paused' ? 'paused' : ''}`}
          style={{ display: 'block', width: `${(fraction ?? 0.05) * 100}%` }}
        />
      </span>
    </Link>
  );
}

function LoadedModel({
  model,
  name,
  isDamaged,
  narrow,
  onUnload,
}: {
  readonly model: HeldModel;
  readonly name: string;
  readonly isDamaged: boolean;
  readonly narrow: boolean;
  readonly onUnload: () => void;
}): ReactNode {
  const { t } = useTranslation();
  const bytes = model.memory?.residentBytes ?? 0;
  const words =
    model.state === 'crashed' ? t('modelStopped') : bytes > 0 ? formatBytes(bytes) : t('loading');
  return (
    <div className={`rail-entry rail-model ${model.state}`}>
      {isDamaged ? <DamageMark /> : <span className="rail-dot" aria-hidden />}
      {narrow ? (
        <span className="hidden-visually">{name}</span>
      ) : (
        <>
          <span className="grow">
            <span className="ellipsis rail-name">{name}</span>
            <span className="quiet">{words}</span>
          </span>
          <IconButton size="small" label={t('unload', { name })} onPress={onUnload}>
            <X aria-hidden />
          </IconButton>
        </>
      )}
    </div>
  );
}

/** The left rail: the views, and at its foot what runs now. */
export function Rail({ onUnload }: { readonly onUnload: (artifactId: string) => void }): ReactNode {
  const { t } = useTranslation();
  const [path] = useLocation();
  const [narrow, setNarrow] = useState(() => {
    const kept = localStorage.getItem(REMEMBERED);
    // Below 1100 px the content needs the room more.
    return kept === null ? window.innerWidth < 1100 : kept === 'narrow';
  });
  const jobs = (useJobs() ?? []).filter(
    ({ state }) => state === 'running' || state === 'queued' || state === 'paused',
  );
  const models = useHeldModels();
  const { data: library } = useLibrary();
  const damaged = damagedModels(library);
  const active = currentView(path);
  const nameOf = (id: string): string =>
    library?.artifacts.find(({ artifact }) => artifact.id === id)?.artifact.name ?? id;

  return (
    <nav className={`rail ${narrow ? 'narrow' : ''}`} aria-label={t('navigation')}>
      <ul className="rail-views">
        {views.map(({ id, path: target, icon: Icon }, index) => (
          <li key={id}>
            <Link
              href={`#${target}`}
              className="rail-link"
              aria-label={t(`title`, { ns: id })}
              {...(active === id ? { 'aria-current': 'page' as const } : {})}
              aria-keyshortcuts={`Alt+${index + 1}`}
            >
              <Icon aria-hidden />
              {narrow ? null : <span>{t('title', { ns: id })}</span>}
            </Link>
          </li>
        ))}
      </ul>
      <div className="rail-foot">
        {jobs.length === 0 ? null : (
          <section aria-label={t('runningJobs')}>
            {jobs.map((job) => (
              <RunningJob key={job.id} job={job} narrow={narrow} />
            ))}
          </section>
        )}
        {models.length === 0 ? null : (
          <section aria-label={t('loadedModels')}>
            {models.map((model) => (
              <LoadedModel
                key={model.artifactId}
                model={model}
                name={nameOf(model.artifactId)}
                isDamaged={damaged.has(model.artifactId)}
                narrow={narrow}
                onUnload={() => {
                  onUnload(model.artifactId);
                }}
              />
            ))}
          </section>
        )}
        <IconButton
          size="small"
          label={narrow ? t('expandRail') : t('collapseRail')}
          onPress={() => {
            localStorage.setItem(REMEMBERED, narrow ? 'wide' : 'narrow');
            setNarrow(!narrow);
          }}
        >
          {narrow ? <ChevronsRight aria-hidden /> : <ChevronsLeft aria-hidden />}
        </IconButton>
      </div>
    </nav>
  );
}
