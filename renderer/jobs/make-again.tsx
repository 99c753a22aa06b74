import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Library } from '../../app/contract/library.ts';
import { LinkButton } from '../design/link-button.tsx';
import { paths } from '../frame/navigation.ts';
import { useLibrary } from '../state/queries.ts';

/** What to make or get anew in place of something damaged: a version from its checkpoint, a download from its repository. */
export function sourceOf(
  library: Library | undefined,
  id: string,
): { readonly kind: 'version' | 'download'; readonly source: string } | null {
  const artifact = library?.artifacts.find((entry) => entry.artifact.id === id)?.artifact;
  if (artifact !== undefined) {
    const isThere = library?.checkpoints.some(
      ({ checkpoint }) => checkpoint.id === artifact.checkpointId,
    );
    return isThere === true ? { kind: 'version', source: artifact.checkpointId } : null;
  }
  const origin = library?.checkpoints.find(({ checkpoint }) => checkpoint.id === id)?.checkpoint
    .origin;
  if (origin?.repository === undefined || origin.repository === null) return null;
  const { repository, revision } = origin;
  return {
    kind: 'download',
    source: revision === null || revision === 'main' ? repository : `${repository}@${revision}`,
  };
}

/** Leads to where a damaged model is made or got again; nothing where its source is not known. */
export function MakeAgain({ id }: { readonly id: string }): ReactNode {
  const { t } = useTranslation('jobs');
  const { data: library } = useLibrary();
  const found = sourceOf(library, id);
  return found === null ? null : (
    <div className="row">
      <LinkButton to={paths.get(found.source)}>
        {t(found.kind === 'version' ? 'remake' : 'restore')}
      </LinkButton>
    </div>
  );
}
