import { Download, Library as LibraryIcon, Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { SAMPLE_SOURCE } from '../../../app/contract/inspection.ts';
import { Button } from '../../design/button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../design/skeleton.tsx';
import { View } from '../../design/view.tsx';
import { paths } from '../../frame/navigation.ts';
import { useLibrary } from '../../state/queries.ts';
import { LibraryContent } from './library-content.tsx';
import './library.css';

/** The library in grey while it is read. */
function LibrarySkeleton(): ReactNode {
  return (
    <Waiting className="library-loading">
      <Skeleton width={280} height={20} />
      <Skeleton width="60%" height={32} />
      {Array.from({ length: 6 }, (_, index) => (
        <Skeleton key={index} height={48} />
      ))}
    </Waiting>
  );
}

function Body(): ReactNode {
  const { t } = useTranslation('library');
  const { t: words } = useTranslation();
  const { data: library, error, refetch } = useLibrary();
  if (library === undefined)
    return (
      <div className="view-body">
        {error === null ? (
          <LibrarySkeleton />
        ) : (
          <FailureNote
            failure={error}
            actions={<Button onPress={() => void refetch()}>{words('retry')}</Button>}
          />
        )}
      </div>
    );
  const isEmpty =
    library.checkpoints.length +
      library.artifacts.length +
      library.unfinished.length +
      library.unreadable.length ===
    0;
  if (!isEmpty) return <LibraryContent library={library} />;
  return (
    <div className="view-body">
      <EmptyState
        icon={<LibraryIcon aria-hidden />}
        title={t('emptyTitle')}
        actions={
          <>
            <LinkButton to={paths.get()} look="primary">
              <Download aria-hidden />
              {t('getModel')}
            </LinkButton>
            <LinkButton to={paths.get(SAMPLE_SOURCE)}>{t('emptySample')}</LinkButton>
          </>
        }
      >
        {t('emptyText')}
      </EmptyState>
    </div>
  );
}

/** Every checkpoint and what was made from it. */
export function LibraryView(): ReactNode {
  const { t } = useTranslation('library');
  return (
    <View
      title={t('title')}
      isBare
      actions={
        <LinkButton to={paths.get()} look="primary">
          <Plus aria-hidden />
          {t('getModel')}
        </LinkButton>
      }
    >
      <Body />
    </View>
  );
}
