import { Download, Heart, Lock } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { formatCount } from '../../texts/format.ts';
import type { ModelSummary } from '../../../app/contract/inspection.ts';
import { Button } from '../../design/button.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton } from '../../design/skeleton.tsx';
import { paths } from '../../frame/navigation.ts';
import { useWhen } from '../../texts/date-time.ts';
import { OtherWays } from './other-ways.tsx';
import { useSearch } from './use-download.ts';

/** Rows of the skeleton: about what a first answer fills. */
const SKELETON_ROWS = [0, 1, 2, 3, 4, 5];

function Result({ model }: { readonly model: ModelSummary }): ReactNode {
  const { t } = useTranslation('get');
  const when = useWhen();
  const [owner, name] = model.repository.split('/');
  return (
    <li>
      <Link href={`#${paths.get(model.repository)}`} className="get-result">
        <span className="grow ellipsis">
          <span className="quiet">{owner}/</span>
          <strong>{name}</strong>
        </span>
        {model.gated ? (
          <span className="badge warn">
            <Lock aria-hidden className="get-icon" />
            {t('search.gated')}
          </span>
        ) : null}
        <span className="quiet get-updated">
          {model.updatedAt === null ? null : t('search.updated', { when: when(model.updatedAt) })}
        </span>
        <span className="get-count">
          <Download aria-hidden className="get-icon" />
          <span aria-hidden>{formatCount(model.downloads)}</span>
          <span className="hidden-visually">
            {t('search.downloads', { number: formatCount(model.downloads) })}
          </span>
        </span>
        <span className="get-count">
          <Heart aria-hidden className="get-icon" />
          <span aria-hidden>{formatCount(model.likes)}</span>
          <span className="hidden-visually">
            {t('search.likes', { number: formatCount(model.likes) })}
          </span>
        </span>
      </Link>
    </li>
  );
}

/** What the hub has by that name. */
export function SearchResults({ query }: { readonly query: string }): ReactNode {
  const { t } = useTranslation(['get', 'common']);
  const { data, error, isWaiting, refetch } = useSearch(query);
  if (error !== null)
    return (
      <div className="stack tight">
        <FailureNote
          failure={error}
          actions={<Button onPress={() => void refetch()}>{t('common:retry')}</Button>}
        />
        <p className="quiet">{t('search.failed')}</p>
        <OtherWays />
      </div>
    );
  return (
    <>
      <p role="status" className="hidden-visually">
        {isWaiting ? t('search.searching') : t('search.found', { count: data?.length ?? 0 })}
      </p>
      {data === undefined ? (
        <div className="card get-results" aria-busy="true">
          {SKELETON_ROWS.map((row) => (
            <div key={row} className="get-result">
              <Skeleton height={18} />
            </div>
          ))}
        </div>
      ) : data.length === 0 ? (
        <div className="card">
          <p>{t('search.nothing')}</p>
          <p className="quiet">{t('search.nothingHint')}</p>
        </div>
      ) : (
        <ul
          className={`card get-results ${isWaiting ? 'waiting' : ''}`}
          aria-label={t('search.results')}
        >
          {data.map((model) => (
            <Result key={model.repository} model={model} />
          ))}
        </ul>
      )}
    </>
  );
}
