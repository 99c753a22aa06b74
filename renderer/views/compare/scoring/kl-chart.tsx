import { useCallback, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ScoredText } from '../../../../app/contract/comparison.ts';
import { Chart } from '../../../design/chart.tsx';
import { PlotPicture, type PlotPictureProps } from '../../../design/plot.tsx';
import { useBitsClass } from '../../../design/scheme.tsx';
import { mostChanged, type ScoredColumn } from '../logic/scoring.ts';
import { spokenText, visibleText } from '../logic/visible-text.ts';

/** How far the predictions moved, along the text. */
export function KlChart({
  scored,
  column,
  name,
}: {
  readonly scored: ScoredText;
  readonly column: ScoredColumn;
  readonly name: string;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('compare');
  const { kl } = column;
  const words = { token: t('read.axisToken'), kl: t('read.axisKl') };
  const { token: xLabel, kl: yLabel } = words;
  const options = useCallback<PlotPictureProps['options']>(
    (plot) => {
      const points = kl.flatMap((value, place) =>
        value === null ? [] : [{ place: place + 1, value }],
      );
      return {
        marginLeft: 44,
        x: { label: xLabel },
        // Square root: a few tokens move a hundred times as far as the rest, which must stay visible.
        y: { type: 'sqrt', label: yLabel, grid: true, ticks: 4 },
        marks: [
          plot.ruleY([0]),
          plot.areaY(points, { x: 'place', y: 'value', fill: 'var(--bits)', fillOpacity: 0.3 }),
          plot.lineY(points, { x: 'place', y: 'value', stroke: 'var(--bits)', strokeWidth: 1 }),
        ],
      };
    },
    [kl, xLabel, yLabel],
  );
  const worst = mostChanged(kl, 1)[0];
  const title =
    worst === undefined
      ? t('read.chartFlat', { name })
      : t('read.chart', {
          name,
          token: spokenText(scored.tokens[worst]?.text ?? ''),
          n: worst + 1,
        });
  return (
    <Chart
      title={title}
      hint={t('read.chartHint')}
      fileName={`kl-${column.artifactId}`}
      table={{
        columns: [
          { label: t('read.axisToken'), isNumber: true },
          { label: t('panel.token') },
          { label: t('read.axisKl'), isNumber: true },
        ],
        rows: scored.tokens.map(({ text }, i) => [i + 1, visibleText(text), kl[i] ?? null]),
      }}
    >
      <PlotPicture
        label={title}
        height={160}
        options={options}
        className={bitsClass(column.scheme)}
      />
    </Chart>
  );
}
