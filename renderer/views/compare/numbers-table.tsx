import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Comparison } from '../../../app/contract/comparison.ts';
import {
  formatBits,
  formatBytes,
  formatDuration,
  formatFixed,
  formatPercent,
  formatRate,
} from '../../texts/format.ts';
import { QualityScale } from '../../design/scheme.tsx';
import { Term } from '../../design/tips.tsx';
import type { ColumnModel } from './answers/column-model.ts';
import { bestOf } from './logic/best-values.ts';
import { MeasureButton } from './measure-button.tsx';

interface NumberRow {
  readonly id: string;
  readonly label: ReactNode;
  readonly values: readonly (number | null)[];
  readonly better: 'lower' | 'higher';
  readonly show: (value: number, column: ColumnModel) => ReactNode;
  /** What stands where there is no number. */
  readonly missing?: (column: ColumnModel, i: number) => ReactNode;
}

/** KL and agreement count only against the column that is the reference here. */
function againstReference(column: ColumnModel, referenceId: string | undefined): boolean {
  return column.entry?.evaluation?.referenceId === referenceId;
}

/** Everything that was measured, the best of each row marked by weight and a word. */
export function NumbersTable({
  columns,
  names,
  comparison,
}: {
  readonly columns: readonly ColumnModel[];
  readonly names: readonly string[];
  readonly comparison: Comparison | null;
}): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  const referenceId = columns[0]?.artifactId;
  const evaluations = columns.map(({ entry }) => entry?.evaluation ?? null);
  const texts = new Set(
    evaluations.flatMap((found) => (found === null ? [] : `${found.textSha256} ${found.tokens}`)),
  );
  const measure = (column: ColumnModel, i: number): ReactNode =>
    column.entry === null ? (
      '–'
    ) : (
      <MeasureButton
        artifactId={column.artifactId}
        name={column.name}
        referenceId={i === 0 ? null : (referenceId ?? null)}
      />
    );
  const quality = (pick: 'meanKl' | 'topAgreement'): (number | null)[] =>
    columns.map((column, i) =>
      i > 0 && againstReference(column, referenceId) ? (evaluations[i]?.[pick] ?? null) : null,
    );
  const rows: readonly NumberRow[] = [
    {
      id: 'size',
      label: common('size'),
      better: 'lower',
      values: columns.map(({ weightsBytes }) => weightsBytes),
      show: formatBytes,
    },
    {
      id: 'bits',
      label: <Term name="bitsPerWeight" />,
      better: 'lower',
      values: columns.map(({ entry }) => entry?.artifact.totals.bitsPerWeight ?? null),
      show: formatBits,
    },
    {
      id: 'memory',
      label: common('memoryLabel'),
      better: 'lower',
      values: columns.map(({ answer }) => answer?.memory.residentBytes ?? null),
      show: formatBytes,
    },
    {
      id: 'load',
      label: t('table.load'),
      better: 'lower',
      values: columns.map(({ answer }) => answer?.loadMs ?? null),
      show: formatDuration,
    },
    {
      id: 'first',
      label: <Term name="ttft" />,
      better: 'lower',
      values: columns.map(({ answer }) => answer?.statistics.timeToFirstTokenMs ?? null),
      show: formatDuration,
    },
    {
      id: 'rate',
      label: t('table.rate'),
      better: 'higher',
      values: columns.map(({ answer }) => answer?.statistics.decodeRate ?? null),
      show: (value) => formatRate(value, t('tokensUnit')),
    },
    {
      id: 'perplexity',
      label: <Term name="perplexity" />,
      better: 'lower',
      values: evaluations.map((found) => found?.perplexity ?? null),
      show: (value) => formatFixed(value, 2),
      missing: measure,
    },
    {
      id: 'kl',
      label: <Term name="kl" />,
      better: 'lower',
      values: quality('meanKl'),
      show: (value, column) => (
        <>
          {formatFixed(value, 4)}
          {column.scheme === null ? null : <QualityScale meanKl={value} scheme={column.scheme} />}
        </>
      ),
      missing: (column, i) => (i === 0 ? t('column.reference') : measure(column, i)),
    },
    {
      id: 'agreement',
      label: <Term name="agreement" />,
      better: 'higher',
      values: quality('topAgreement'),
      show: (value) => formatPercent(value),
      missing: (column, i) => (i === 0 ? t('column.reference') : measure(column, i)),
    },
  ];
  return (
    <section className="card compare-table" aria-label={t('table.title')}>
      <h2>{t('table.title')}</h2>
      <div className="compare-scroller" role="region" tabIndex={0} aria-label={t('table.title')}>
        <table className="table">
          <thead>
            <tr>
              <td />
              {names.map((name, i) => (
                <th key={i} scope="col" className="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              // Perplexities of different texts say nothing about each other.
              const best =
                row.id === 'perplexity' && texts.size > 1
                  ? row.values.map(() => false)
                  : bestOf(row.values, row.better);
              return (
                <tr key={row.id}>
                  <th scope="row">{row.label}</th>
                  {columns.map((column, i) => {
                    const value = row.values[i] ?? null;
                    const isBest = best[i] === true;
                    return (
                      <td key={i} className={`number ${isBest ? 'best' : ''}`}>
                        {isBest ? <span className="compare-best">{t('table.best')}</span> : null}
                        {value === null
                          ? (row.missing?.(column, i) ?? '–')
                          : row.show(value, column)}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p className="quiet compare-table-note">
        {(comparison?.arrangement ?? 'together') === 'together'
          ? t('table.shared')
          : t('table.alone')}
        {texts.size > 1 ? ` ${t('table.otherText')}` : ''}
      </p>
    </section>
  );
}
