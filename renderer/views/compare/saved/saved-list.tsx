import { History, Trash2 } from 'lucide-react';
import { useRef, useState, type ReactNode } from 'react';
import { Link } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { ComparisonSummary } from '../../../../app/contract/comparison.ts';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { Button, IconButton } from '../../../design/button.tsx';
import { EmptyState } from '../../../design/notes.tsx';
import { FailureNote } from '../../../errors/error-note.tsx';
import { useBitsClass, useSchemeTexts } from '../../../design/scheme.tsx';
import { Skeleton, Waiting } from '../../../design/skeleton.tsx';
import { paths } from '../../../frame/navigation.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { useComparisons } from './use-comparisons.ts';
import { useMoment } from '../use-date-time.ts';

/** One saved comparison: the question, who answered, votes, when. */
function SavedRow({
  summary,
  artifacts,
  onDelete,
}: {
  readonly summary: ComparisonSummary;
  readonly artifacts: readonly LibraryArtifact[];
  readonly onDelete: () => void;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('compare');
  const schemeTexts = useSchemeTexts();
  const moment = useMoment();
  const { id, prompt, schemes, votes, createdAt, artifactIds } = summary;
  const name = artifacts.find(({ artifact }) => artifact.id === artifactIds[0])?.artifact.name;
  return (
    <li className="compare-saved-row">
      <Link href={`#${paths.compare(id)}`} className="compare-saved-link">
        <span className="compare-saved-prompt ellipsis">{prompt}</span>
        <span className="row wrap">
          {schemes.map((scheme, i) => (
            <span key={i} className={`badge scheme-badge ${bitsClass(scheme)}`}>
              {schemeTexts(scheme).label}
            </span>
          ))}
          <span className="quiet ellipsis">{name ?? artifactIds[0]}</span>
        </span>
      </Link>
      <span className="quiet number">{votes === 0 ? '' : t('saved.votes', { count: votes })}</span>
      <span className="quiet number">{moment(createdAt)}</span>
      <IconButton label={t('saved.delete', { prompt })} onPress={onDelete}>
        <Trash2 aria-hidden />
      </IconButton>
    </li>
  );
}

/** All comparisons that were kept, newest first. */
export function SavedList({
  artifacts,
}: {
  readonly artifacts: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  const saved = useComparisons();
  const [deleting, setDeleting] = useState<ComparisonSummary | null>(null);
  const list = useRef<HTMLUListElement>(null);
  if (saved.isError)
    return (
      <FailureNote
        failure={saved.error}
        actions={<Button onPress={() => void saved.refetch()}>{common('retry')}</Button>}
      />
    );
  if (saved.data === undefined)
    return (
      <Waiting className="stack tight">
        <Skeleton height={56} />
        <Skeleton height={56} />
        <Skeleton height={56} />
      </Waiting>
    );
  if (saved.data.length === 0)
    return (
      <EmptyState icon={<History aria-hidden />} title={t('saved.none')}>
        {t('saved.noneHint')}
      </EmptyState>
    );
  const { data } = saved;
  return (
    <>
      <ul className="compare-saved" aria-label={t('saved.list')} ref={list} tabIndex={-1}>
        {data.map((summary) => (
          <SavedRow
            key={summary.id}
            summary={summary}
            artifacts={artifacts}
            onDelete={() => {
              setDeleting(summary);
            }}
          />
        ))}
      </ul>
      <DeleteDialog
        comparison={deleting}
        onClose={() => {
          setDeleting(null);
        }}
        onDeleted={() => {
          const at = data.findIndex(({ id }) => id === deleting?.id);
          // The row is gone with its button: the one that took its place, else the list, gets the focus.
          requestAnimationFrame(() => {
            const links = list.current?.querySelectorAll<HTMLElement>('.compare-saved-link');
            (links?.[Math.min(at, links.length - 1)] ?? list.current)?.focus();
          });
        }}
      />
    </>
  );
}
