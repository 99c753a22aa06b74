import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation, useSearch } from 'wouter';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import { Button } from '../../design/button.tsx';
import { Note } from '../../design/notes.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../design/skeleton.tsx';
import { Tabs } from '../../design/tabs.tsx';
import { View } from '../../design/view.tsx';
import { useLibrary } from '../../state/queries.ts';
import { AnswersTab } from './answers/answers-tab.tsx';
import { idsOfQuery } from './logic/draft.ts';
import { NothingToCompare } from './nothing-to-compare.tsx';
import { ReadingTab } from './scoring/scoring-tab.tsx';
import { SavedList } from './saved/saved-list.tsx';
import { WinRates } from './answers/win-rates.tsx';
import { useComparisons } from './saved/use-comparisons.ts';
import { useDraft } from './answers/use-draft.ts';

const tabIds = ['answers', 'read', 'votes', 'saved'] as const;
type TabId = (typeof tabIds)[number];

function DeskSkeleton(): ReactNode {
  return (
    <Waiting className="stack">
      <Skeleton height={36} />
      <Skeleton height={220} />
      <div className="row">
        <Skeleton height={240} />
        <Skeleton height={240} />
      </div>
    </Waiting>
  );
}

/** The tabs of the view; which one is open is part of the address. */
function Desk({ artifacts }: { readonly artifacts: readonly LibraryArtifact[] }): ReactNode {
  const { t } = useTranslation('compare');
  const search = useSearch();
  const [, navigate] = useLocation();
  const saved = useComparisons();
  const wanted = idsOfQuery(search);
  const { draft, change } = useDraft(artifacts, wanted);
  const missing = wanted.filter(
    (id) => !artifacts.some(({ artifact, available }) => available && artifact.id === id),
  );
  const asked = new URLSearchParams(search).get('tab');
  const tab = tabIds.find((id) => id === asked) ?? 'answers';
  const open = (id: TabId): void => {
    const query = new URLSearchParams(search);
    query.set('tab', id);
    navigate(`/compare?${query.toString()}`, { replace: true });
  };
  const count = saved.data?.length ?? 0;
  const tabs = (
    <Tabs
      label={t('title')}
      value={tab}
      onChange={open}
      tabs={[
        {
          id: 'answers',
          label: t('tabs.answers'),
          content: <AnswersTab artifacts={artifacts} draft={draft} onChange={change} />,
        },
        {
          id: 'read',
          label: t('tabs.read'),
          content: <ReadingTab artifacts={artifacts} draft={draft} onChange={change} />,
        },
        { id: 'votes', label: t('tabs.votes'), content: <WinRates artifacts={artifacts} /> },
        {
          id: 'saved',
          label: count === 0 ? t('tabs.saved') : t('tabs.savedCount', { count }),
          content: <SavedList artifacts={artifacts} />,
        },
      ]}
    />
  );
  return missing.length === 0 ? (
    tabs
  ) : (
    <div className="stack">
      <Note kind="warn">{t('picker.missing', { names: missing.join(', ') })}</Note>
      {tabs}
    </div>
  );
}

/** Where comparisons are set up, run, read and found again. */
export function CompareDesk(): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  const library = useLibrary();
  const artifacts = library.data?.artifacts;
  return (
    <View title={t('title')}>
      {artifacts !== undefined ? (
        artifacts.filter(({ available }) => available).length < 2 ? (
          <NothingToCompare artifacts={artifacts} />
        ) : (
          <Desk artifacts={artifacts} />
        )
      ) : library.isError ? (
        <FailureNote
          failure={library.error}
          actions={<Button onPress={() => void library.refetch()}>{common('retry')}</Button>}
        />
      ) : (
        <DeskSkeleton />
      )}
    </View>
  );
}
