import { Gauge } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatCount, formatFigure, formatPercent, formatPerplexity } from '../../texts/format.ts';
import { Button } from '../../design/button.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { QualityScale } from '../../design/scheme.tsx';
import { isBusy, type ModelWork } from '../../state/model-work.ts';
import { startMeasure } from '../../state/start-work.ts';
import { useLibrary, useSchemes } from '../../state/queries.ts';
import { useWhen } from '../../texts/date-time.ts';
import { useIsAvailable } from './details-actions.tsx';
import type { ShownArtifact } from './use-details.ts';

/** Every measurement of an artifact, newest first. */
export function EvaluationsTab({
  shown,
  work,
}: {
  readonly shown: ShownArtifact;
  readonly work: ModelWork;
}): ReactNode {
  const { t } = useTranslation('details');
  const { t: schemes } = useTranslation('schemes');
  const when = useWhen();
  const { data: library } = useLibrary();
  const isAvailable = useIsAvailable(shown.artifact.id);
  const nameOf = (id: string): string =>
    library?.artifacts.find(({ artifact }) => artifact.id === id)?.artifact.name ?? id;
  const { artifact, evaluations } = shown;
  const known = useSchemes();
  if (evaluations.length === 0)
    return (
      <EmptyState
        icon={<Gauge aria-hidden />}
        title={t('evaluations.none')}
        actions={
          <Button
            look="primary"
            isDisabled={!isAvailable || isBusy(work, 'evaluate')}
            onPress={() => {
              startMeasure(library, artifact, known);
            }}
          >
            {t('measure')}
          </Button>
        }
      >
        {t('evaluations.noneText')}
      </EmptyState>
    );
  const newest = [...evaluations].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  return (
    <div className="details-wide" role="region" aria-label={t('evaluations.table')} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('evaluations.date')}</th>
            <th scope="col">{t('evaluations.text')}</th>
            <th scope="col" className="number">
              {t('evaluations.tokens')}
            </th>
            <th scope="col" className="number">
              {schemes('terms.perplexity.term')}
            </th>
            <th scope="col">{t('evaluations.reference')}</th>
            <th scope="col">{schemes('terms.kl.term')}</th>
            <th scope="col" className="number">
              {schemes('terms.agreement.term')}
            </th>
            <th scope="col">{t('evaluations.mode')}</th>
          </tr>
        </thead>
        <tbody>
          {newest.map((one) => (
            <tr key={one.id}>
              <td>{when(one.createdAt)}</td>
              <td>{one.textName}</td>
              <td className="number">{formatCount(one.tokens)}</td>
              <td className="number">{formatPerplexity(one.perplexity, one.perplexityError)}</td>
              <td>
                {one.referenceId === null ? (
                  <span className="quiet">{t('evaluations.noReference')}</span>
                ) : (
                  nameOf(one.referenceId)
                )}
              </td>
              <td>
                {one.meanKl === null ? (
                  '–'
                ) : (
                  <span className="details-kl">
                    <span>
                      {t('evaluations.nats', { value: formatFigure(one.meanKl) })}
                      {one.p99Kl === null ? null : (
                        <span className="quiet">
                          {' '}
                          {t('evaluations.p99', { value: formatFigure(one.p99Kl) })}
                        </span>
                      )}
                    </span>
                    <QualityScale meanKl={one.meanKl} scheme={artifact.scheme} />
                  </span>
                )}
              </td>
              <td className="number">
                {one.topAgreement === null ? '–' : formatPercent(one.topAgreement)}
              </td>
              <td>{one.mode === 'fast' ? t('evaluations.fast') : t('evaluations.exactMode')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
