import { ArrowLeft, RotateCcw } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { Comparison } from '../../../../app/contract/comparison.ts';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { Button } from '../../../design/button.tsx';
import { LinkButton } from '../../../design/link-button.tsx';
import { Note } from '../../../design/notes.tsx';
import { FailureNote } from '../../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../../design/skeleton.tsx';
import { View } from '../../../design/view.tsx';
import { paths } from '../../../frame/navigation.ts';
import { useLibrary } from '../../../state/queries.ts';
import { columnsOfComparison } from '../answers/column-model.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { newSecret } from '../logic/blind.ts';
import { PromptResult } from '../answers/prompt-result.tsx';
import { startRun } from '../answers/run-session.ts';
import { useComparison } from './use-comparisons.ts';
import { useMoment } from '../use-date-time.ts';

/** Tokens where no answer had reached its limit: it is not kept, and a larger one changes nothing then. */
const UNREACHED_LIMIT = 1024;

/** The limit that the answers had, where one of them reached it. */
function limitOf({ answers }: Comparison): number {
  const made = answers.map(({ statistics }) => statistics.generatedTokens);
  return answers.some(({ statistics }) => statistics.stop === 'max-tokens')
    ? Math.max(1, ...made)
    : Math.max(UNREACHED_LIMIT, ...made);
}

/** How the questions were asked, in one line. */
function Conditions({ comparison }: { readonly comparison: Comparison }): ReactNode {
  const { t } = useTranslation('compare');
  const moment = useMoment();
  const { sampling, arrangement, createdAt, votes, system } = comparison;
  return (
    <p className="quiet">
      {[
        moment(createdAt),
        arrangement === 'together' ? t('arrangement.together') : t('arrangement.alone'),
        sampling.temperature === 0
          ? t('saved.greedy')
          : t('saved.sampled', { temperature: sampling.temperature, seed: String(sampling.seed) }),
        ...(votes.length === 0 ? [] : [t('saved.votes', { count: votes.length })]),
        ...(system === null ? [] : [t('saved.system', { system })]),
      ].join(' · ')}
    </p>
  );
}

function Loaded({
  comparison,
  artifacts,
}: {
  readonly comparison: Comparison;
  readonly artifacts: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('compare');
  const columns = columnsOfComparison(comparison, artifacts);
  const missing = columns.filter(({ entry }) => entry === null);
  return (
    <div className="stack">
      <Conditions comparison={comparison} />
      {missing.length === 0 ? null : (
        <Note kind="warn">
          {t('saved.missing', {
            count: missing.length,
            names: missing.map(({ name }) => name).join(', '),
          })}
        </Note>
      )}
      <PromptResult
        prompt={comparison.prompt}
        state="done"
        comparison={comparison}
        failure={null}
        columns={columns}
        isBlind={false}
        index={null}
      />
    </div>
  );
}

/** A comparison that was kept, as it was answered then. */
export function SavedComparison({ comparisonId }: { readonly comparisonId: number }): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  const [, navigate] = useLocation();
  const comparison = useComparison(comparisonId);
  const library = useLibrary();
  const [isDeleting, setDeleting] = useState(false);
  const artifacts = library.data?.artifacts ?? [];
  const loaded = comparison.data;
  const present = (loaded?.answers ?? []).flatMap(
    ({ artifactId }) =>
      artifacts.find(({ artifact, available }) => available && artifact.id === artifactId)
        ?.artifact ?? [],
  );
  const runAgain = (): void => {
    if (loaded === undefined) return;
    startRun(
      {
        ids: present.map(({ id }) => id),
        names: present.map(({ name }) => name),
        system: loaded.system ?? '',
        sampling: loaded.sampling,
        maxTokens: limitOf(loaded),
        arrangement: loaded.arrangement,
        isBlind: false,
        secret: newSecret(),
      },
      [loaded.prompt],
    );
    navigate(paths.compare());
  };
  return (
    <View
      title={t('saved.title', { id: String(comparisonId) })}
      tools={
        <LinkButton to={`${paths.compare()}?tab=saved`} look="plain" size="small">
          <ArrowLeft aria-hidden />
          {t('saved.back')}
        </LinkButton>
      }
      actions={
        loaded === undefined ? null : (
          <>
            <Button
              look="plain"
              onPress={() => {
                setDeleting(true);
              }}
            >
              {common('remove')}
            </Button>
            <Button isDisabled={present.length < 2} onPress={runAgain}>
              <RotateCcw aria-hidden />
              {t('saved.again')}
            </Button>
          </>
        )
      }
    >
      {loaded !== undefined ? (
        <Loaded comparison={loaded} artifacts={artifacts} />
      ) : comparison.isError ? (
        <FailureNote
          failure={comparison.error}
          actions={
            <>
              <Button onPress={() => void comparison.refetch()}>{common('retry')}</Button>
              <LinkButton to={paths.compare()}>{t('saved.back')}</LinkButton>
            </>
          }
        />
      ) : (
        <Waiting className="stack">
          <Skeleton height={20} width={320} />
          <div className="row">
            <Skeleton height={260} />
            <Skeleton height={260} />
          </div>
        </Waiting>
      )}
      <DeleteDialog
        comparison={
          isDeleting && loaded !== undefined
            ? { id: comparisonId, prompt: loaded.prompt, votes: loaded.votes.length }
            : null
        }
        onClose={() => {
          setDeleting(false);
        }}
        onDeleted={() => {
          navigate(`${paths.compare()}?tab=saved`);
          // The first frame draws the list, in the second the closed dialog has given up the focus.
          requestAnimationFrame(() => {
            requestAnimationFrame(() => {
              document
                .querySelector<HTMLElement>(
                  '.compare-saved-link, [role="tab"][aria-selected="true"]',
                )
                ?.focus();
            });
          });
        }}
      />
    </View>
  );
}
