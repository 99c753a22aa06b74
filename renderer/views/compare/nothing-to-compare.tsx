import { Columns2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError } from '../../../app/contract/error.ts';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import { bitsClassOf, byRecommendation, type Schemes } from '../../../app/contract/scheme.ts';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { paths } from '../../frame/navigation.ts';
import { SavedList } from './saved/saved-list.tsx';
import { useComparisons } from './saved/use-comparisons.ts';
import { useJobs } from '../../state/jobs.ts';
import { isEnded } from '../../../app/contract/job.ts';
import { useSchemes } from '../../state/queries.ts';

/** The other half of a pair: an 8-bit version beside a 4-bit one, a 4-bit version beside anything finer. */
function missingHalf(
  scheme: string,
  schemes: Schemes,
): { readonly schemes: readonly string[]; readonly bits: 8 | 4 } {
  const own = schemes.get(scheme);
  const bits = own !== undefined && bitsClassOf(own) === 4 ? 8 : 4;
  const others = [...schemes.values()].filter((other) => bitsClassOf(other) === bits);
  const best = others.sort(byRecommendation)[0];
  return { schemes: best === undefined ? [] : [best.name], bits };
}

function MakeOther({ artifact }: Pick<LibraryArtifact, 'artifact'>): ReactNode {
  const { t } = useTranslation('compare');
  const [failure, setFailure] = useState<unknown>(null);
  const jobs = useJobs();
  const { schemes, bits } = missingHalf(artifact.scheme, useSchemes());
  const making = (jobs ?? []).find(
    ({ request, state }) =>
      request.kind === 'make' && request.source === artifact.checkpointId && !isEnded(state),
  );
  if (making !== undefined)
    return <LinkButton to={paths.jobs}>{t('empty.making', { name: making.subject })}</LinkButton>;
  return (
    <>
      <Button
        look="primary"
        onPress={() => {
          setFailure(null);
          engine
            .startJob({
              request: { kind: 'make', source: artifact.checkpointId, schemes: [...schemes] },
            })
            .catch((error: unknown) => {
              setFailure(toAppError(error));
            });
        }}
      >
        {bits === 8 ? t('empty.make8') : t('empty.make4')}
      </Button>
      {failure === null ? null : <FailureNote failure={failure} />}
    </>
  );
}

/** Fewer than two versions can be reached: what the view is for, and the way to a second one. */
export function NothingToCompare({
  artifacts,
}: {
  readonly artifacts: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('compare');
  const saved = useComparisons();
  const only = artifacts.find(({ available }) => available);
  const areOffline = artifacts.length >= 2;
  return (
    <div className="stack">
      <EmptyState
        icon={<Columns2 aria-hidden />}
        title={
          areOffline ? t('empty.offline') : only === undefined ? t('empty.none') : t('empty.one')
        }
        actions={
          areOffline ? (
            <LinkButton to={paths.library} look="primary">
              {t('empty.library')}
            </LinkButton>
          ) : only === undefined ? (
            <LinkButton to={paths.get()} look="primary">
              {t('empty.get')}
            </LinkButton>
          ) : (
            <>
              <MakeOther artifact={only.artifact} />
              <LinkButton to={paths.get()}>{t('empty.get')}</LinkButton>
            </>
          )
        }
      >
        {areOffline
          ? t('empty.offlineHint')
          : only === undefined
            ? t('empty.noneHint')
            : t('empty.oneHint', { name: only.artifact.name })}
      </EmptyState>
      {(saved.data ?? []).length === 0 ? null : <SavedList artifacts={artifacts} />}
    </div>
  );
}
