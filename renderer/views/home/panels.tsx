import type { ReactNode } from 'react';
import { Link } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatPercent } from '../../texts/format.ts';
import type { ConversationSummary } from '../../../app/contract/conversation.ts';
import type { Job } from '../../../app/contract/job.ts';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import { DamageMark } from '../../design/damage-mark.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { ProgressFigure } from '../../design/progress-line.tsx';
import { SchemeBadge } from '../../design/scheme.tsx';
import { paths } from '../../frame/navigation.ts';
import { jobShare } from '../../jobs/job-steps.ts';
import { StateBadge } from '../../jobs/state-badge.tsx';
import { useWhen } from '../../texts/date-time.ts';

function Panel({
  id,
  title,
  more,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly more: { readonly to: string; readonly label: string };
  readonly children: ReactNode;
}): ReactNode {
  return (
    <section className="card home-panel" aria-labelledby={id}>
      <div className="row">
        <h2 id={id} className="grow">
          {title}
        </h2>
        <LinkButton to={more.to} look="plain" size="small">
          {more.label}
        </LinkButton>
      </div>
      {children}
    </section>
  );
}

export function RecentChats({
  chats,
}: {
  readonly chats: readonly ConversationSummary[];
}): ReactNode {
  const { t } = useTranslation('home');
  const when = useWhen();
  return (
    <Panel
      id="home-chats"
      title={t('chats.title')}
      more={{ to: paths.chat(), label: t('chats.all') }}
    >
      {chats.length === 0 ? (
        <p className="quiet">{t('chats.empty')}</p>
      ) : (
        <ul className="home-list">
          {chats.map((chat) => (
            <li key={chat.id}>
              <Link href={`#${paths.chat(chat.id)}`} className="home-entry">
                <span className="grow ellipsis">{chat.title}</span>
                <span className="quiet home-when">{when(chat.updatedAt)}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

export function RunningJobs({ jobs }: { readonly jobs: readonly Job[] }): ReactNode {
  const { t } = useTranslation('home');
  return (
    <Panel id="home-jobs" title={t('jobs.title')} more={{ to: paths.jobs, label: t('jobs.all') }}>
      <ul className="stack tight">
        {jobs.map((job) => {
          const share = jobShare(job);
          return (
            <li key={job.id} className="row home-job">
              <div className="grow">
                <ProgressFigure
                  label={job.subject}
                  words={share === null ? '…' : formatPercent(share, 0)}
                  fraction={share ?? (job.state === 'running' ? null : 0)}
                />
              </div>
              <StateBadge job={job} />
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

export function NewestModels({
  entries,
}: {
  readonly entries: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('home');
  return (
    <Panel
      id="home-models"
      title={t('models.title')}
      more={{ to: paths.library, label: t('models.all') }}
    >
      <ul className="home-list">
        {entries.map(({ artifact, available, damagedFiles }) => (
          <li key={artifact.id} className="row">
            <Link href={`#${paths.details(artifact.id)}`} className="home-entry grow">
              <span className="grow ellipsis">{artifact.name}</span>
              <span className="quiet home-when">{formatBytes(artifact.sizeBytes)}</span>
            </Link>
            {damagedFiles.length > 0 ? <DamageMark /> : null}
            <SchemeBadge scheme={artifact.scheme} />
            {available ? (
              <LinkButton
                to={paths.chatWith(artifact.id)}
                size="small"
                label={t('models.chatWith', { name: artifact.name })}
              >
                {t('models.chat')}
              </LinkButton>
            ) : (
              <span className="badge warn">{t('models.offline')}</span>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
