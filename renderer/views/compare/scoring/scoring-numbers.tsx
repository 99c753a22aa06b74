import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ScoredText } from '../../../../app/contract/comparison.ts';
import { formatFixed, formatPercent } from '../../../texts/format.ts';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { QualityScale, SchemeBadge } from '../../../design/scheme.tsx';
import { Term } from '../../../design/tips.tsx';
import { HashLabel } from '../fingerprint-label.tsx';

/** Each version's numbers on the whole text. */
export function ReadingNumbers({
  scored,
  artifacts,
}: {
  readonly scored: ScoredText;
  readonly artifacts: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  return (
    <section className="card compare-table" aria-label={t('read.numbers')}>
      <h2>{t('read.numbersOf', { count: scored.tokens.length })}</h2>
      <div className="compare-scroller" role="region" tabIndex={0} aria-label={t('read.numbers')}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{common('name')}</th>
              <th scope="col">
                <Term name="weightsHash" />
              </th>
              <th scope="col" className="number">
                <Term name="perplexity" />
              </th>
              <th scope="col" className="number">
                <Term name="kl" />
              </th>
              <th scope="col" className="number">
                <Term name="agreement" />
              </th>
            </tr>
          </thead>
          <tbody>
            {scored.columns.map((column) => {
              const found = artifacts.find(({ artifact }) => artifact.id === column.artifactId);
              const isReference = column.artifactId === scored.referenceId;
              return (
                <tr key={column.artifactId}>
                  <th scope="row">
                    <span className="row wrap">
                      {found?.artifact.name ?? column.artifactId}
                      <SchemeBadge scheme={column.scheme} blockSize={found?.artifact.blockSize} />
                    </span>
                  </th>
                  <td>
                    <HashLabel sha256={column.weightsSha256} />
                  </td>
                  <td className="number">{formatFixed(column.perplexity, 2)}</td>
                  <td className="number">
                    {isReference ? (
                      t('column.reference')
                    ) : (
                      <>
                        {formatFixed(column.meanKl, 4)}
                        <QualityScale meanKl={column.meanKl} scheme={column.scheme} />
                      </>
                    )}
                  </td>
                  <td className="number">
                    {isReference ? t('column.reference') : formatPercent(column.topAgreement)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
