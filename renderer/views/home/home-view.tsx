import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../design/skeleton.tsx';
import { View } from '../../design/view.tsx';
import { paths } from '../../frame/navigation.ts';
import { groupJobs } from '../../jobs/job-groups.ts';
import '../../jobs/jobs.css';
import { useJobs } from '../../state/jobs.ts';
import { queryKeys, useLibrary } from '../../state/queries.ts';
import { ComputerCard } from './computer-card.tsx';
import { NewestModels, RecentChats, RunningJobs } from './panels.tsx';
import { quickStart } from './quick-start.ts';
import { StartCards } from './start-cards.tsx';
import { Welcome } from './welcome.tsx';
import './home.css';

/** Entries of each list: what fits beside the others without scrolling. */
const SHOWN = 5;

function Loading(): ReactNode {
  return (
    <Waiting className="stack">
      <Skeleton height={72} />
      <Skeleton height={220} />
    </Waiting>
  );
}

function Content(): ReactNode {
  const { t } = useTranslation();
  const { data: library, error, refetch } = useLibrary();
  const { data: chats = [] } = useQuery({
    queryKey: queryKeys.conversations,
    queryFn: () => engine.conversations({}),
  });
  const groups = groupJobs(useJobs() ?? []);
  const jobs = [...groups.running, ...groups.queued, ...groups.held].slice(0, SHOWN);
  if (error !== null)
    return (
      <FailureNote
        failure={error}
        actions={<Button onPress={() => void refetch()}>{t('retry')}</Button>}
      />
    );
  if (library === undefined) return <Loading />;
  const running = jobs.length === 0 ? null : <RunningJobs jobs={jobs} />;
  const start = quickStart(library, chats);
  const newest = [...library.artifacts]
    .sort((a, b) => b.artifact.createdAt.localeCompare(a.artifact.createdAt))
    .slice(0, SHOWN);
  if (newest.length === 0)
    return (
      <>
        <Welcome />
        {running}
      </>
    );
  return (
    <>
      {start === null ? null : <StartCards start={start} />}
      {running}
      <div className="home-panels">
        <RecentChats chats={chats.slice(0, SHOWN)} />
        <NewestModels entries={newest} />
      </div>
    </>
  );
}

/** The first thing a person sees: a welcome, or where they left off. */
export function HomeView(): ReactNode {
  const { t } = useTranslation('home');
  const { data: library } = useLibrary();
  // The welcome has the same button, larger.
  const hasModels = library !== undefined && library.artifacts.length > 0;
  return (
    <View
      title={t('title')}
      actions={hasModels ? <LinkButton to={paths.get()}>{t('welcome.get')}</LinkButton> : null}
    >
      <div className="view-column stack home">
        <Content />
        <ComputerCard />
      </div>
    </View>
  );
}
