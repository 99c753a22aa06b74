import { useCallback, type ReactNode } from 'react';
import { Trans, useTranslation } from 'react-i18next';
import type { PlotOptions } from '@observablehq/plot';
import type { Artifact, TensorStatistics } from '../../../app/contract/checkpoint.ts';
import { formatCount, formatFigure } from '../../texts/format.ts';
import type { Histogram, TensorView } from '../../../app/contract/tensor-view.ts';
import { Chart, type ChartTable } from '../../design/chart.tsx';
import { Note } from '../../design/notes.tsx';
import { PlotPicture, type Plot } from '../../design/plot.tsx';
import { useSchemeTexts } from '../../design/scheme.tsx';
import { Term } from '../../design/tips.tsx';
import {
  blockPlot,
  channelsPlot,
  FEW_LEVELS,
  histogramPlot,
  MOST_OF_BLOCK,
  sharesPlot,
} from './weight-plots.ts';

/** Heights of the pictures in pixels. */
const MAIN_HEIGHT = 320;
const SMALL_HEIGHT = 220;

interface WeightChartsProps {
  readonly artifact: Artifact;
  readonly view: TensorView;
  readonly statistics: TensorStatistics;
  readonly look: 'shares' | 'raw';
}

function useHistogramTable(histogram: Histogram, levels: readonly number[] | null): ChartTable {
  const { t } = useTranslation('details');
  const { edges, counts } = histogram;
  return {
    columns: [
      { label: t('weights.from'), isNumber: true },
      { label: t('weights.to'), isNumber: true },
      { label: t('weights.count'), isNumber: true },
      ...(levels === null ? [] : [{ label: t('weights.level') }]),
    ],
    rows: counts.map((count, index) => {
      const from = edges[index] ?? 0;
      const to = edges[index + 1] ?? 0;
      const isLast = index === counts.length - 1;
      const inside = levels?.filter(
        (level) => level >= from && (level < to || (isLast && level <= to)),
      );
      return [
        from,
        to,
        count,
        ...(inside === undefined ? [] : [inside.map((value) => formatFigure(value)).join(' ')]),
      ];
    }),
  };
}

/** Two sentences that explain what the picture shows. */
function Explanation({
  view,
  statistics,
}: Pick<WeightChartsProps, 'view' | 'statistics'>): ReactNode {
  const { t } = useTranslation('details');
  const levels = view.levels.length;
  const { blockSize } = statistics;
  const components = { absmax: <Term name="absmax" />, size: <Term name="blockSize" /> };
  return (
    <p className="details-explanation">
      {view.normalized === null ? (
        t('weights.explainKept', { reason: statistics.reason ?? '' })
      ) : blockSize !== null && blockSize > 0 && levels <= FEW_LEVELS ? (
        <Trans
          ns="details"
          i18nKey="weights.explain"
          values={{ blockSize, levels }}
          components={components}
        />
      ) : (
        <Trans
          ns="details"
          i18nKey="weights.explainRow"
          values={{ levels }}
          components={components}
        />
      )}
    </p>
  );
}

function MainChart({ artifact, view, look }: WeightChartsProps): ReactNode {
  const { t } = useTranslation('details');
  const scheme = useSchemeTexts()(artifact.scheme).label;
  const isShares = look === 'shares' && view.normalized !== null;
  const histogram = isShares ? (view.normalized ?? view.weights) : view.weights;
  const y = t('weights.shareOfWeights');
  const x = isShares ? t('weights.shareAxis') : t('weights.weightAxis');
  const options = useCallback(
    (plot: Plot, width: number): PlotOptions =>
      isShares
        ? sharesPlot(plot, width, histogram, view.levels, { x, y })
        : histogramPlot(plot, histogram, { x, y }, null),
    [isShares, histogram, view, x, y],
  );
  const count = view.weights.counts.reduce((sum, one) => sum + one, 0);
  const ends = [view.weights.edges[0] ?? 0, view.weights.edges.at(-1) ?? 0];
  const most = ends.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  const title = isShares
    ? t('weights.sharesTitle', { levels: view.levels.length, weights: formatCount(count) })
    : t('weights.rawTitle', { most: formatFigure(most) });
  return (
    <Chart
      title={title}
      hint={isShares ? t('weights.sharesHint', { scheme }) : t('weights.rawHint')}
      fileName={`${artifact.name} ${view.name} weights`}
      table={useHistogramTable(histogram, isShares ? view.levels : null)}
    >
      <PlotPicture label={title} height={MAIN_HEIGHT} options={options} />
    </Chart>
  );
}

function AbsmaxChart({
  artifact,
  view,
  absmax,
}: Pick<WeightChartsProps, 'artifact' | 'view'> & {
  readonly absmax: NonNullable<TensorView['absmax']>;
}): ReactNode {
  const { t } = useTranslation('details');
  const axes = [t('weights.absmaxAxis'), t('weights.shareOfBlocks')] as const;
  const [x, y] = axes;
  const options = useCallback(
    (plot: Plot): PlotOptions => histogramPlot(plot, absmax.histogram, { x, y }, absmax.median),
    [absmax, x, y],
  );
  const title = t('weights.absmaxTitle', {
    times: formatFigure(absmax.median > 0 ? absmax.most / absmax.median : 1),
  });
  return (
    <Chart
      title={title}
      hint={t('weights.absmaxHint')}
      fileName={`${artifact.name} ${view.name} absmax`}
      table={{
        columns: [
          { label: t('weights.from'), isNumber: true },
          { label: t('weights.to'), isNumber: true },
          { label: t('weights.blocks'), isNumber: true },
        ],
        rows: absmax.histogram.counts.map((count, index) => [
          absmax.histogram.edges[index] ?? null,
          absmax.histogram.edges[index + 1] ?? null,
          count,
        ]),
      }}
    >
      <PlotPicture label={title} height={SMALL_HEIGHT} options={options} />
    </Chart>
  );
}

function BlockChart({
  artifact,
  view,
  block,
}: Pick<WeightChartsProps, 'artifact' | 'view'> & {
  readonly block: NonNullable<TensorView['block']>;
}): ReactNode {
  const { t } = useTranslation('details');
  const x = t('weights.position');
  const y = t('weights.weightAxis');
  const options = useCallback(
    (plot: Plot): PlotOptions => blockPlot(plot, block, view.levels, { x, y }),
    [block, view, x, y],
  );
  const worst = block.weights.reduce(
    (most, weight, index) => Math.max(most, Math.abs(weight - (block.restored[index] ?? weight))),
    0,
  );
  const title = t('weights.blockTitle', { error: formatFigure(worst) });
  const isCut = block.weights.length > MOST_OF_BLOCK;
  return (
    <Chart
      title={title}
      hint={
        isCut
          ? t('weights.blockHintCut', { count: MOST_OF_BLOCK, index: block.index })
          : t('weights.blockHint', { index: block.index })
      }
      fileName={`${artifact.name} ${view.name} block ${block.index}`}
      table={{
        columns: [
          { label: t('weights.position'), isNumber: true },
          { label: t('weights.published'), isNumber: true },
          { label: t('weights.restored'), isNumber: true },
        ],
        rows: block.weights.map((weight, index) => [index, weight, block.restored[index] ?? null]),
      }}
    >
      <PlotPicture label={title} height={SMALL_HEIGHT} options={options} />
    </Chart>
  );
}

function ChannelsChart({
  artifact,
  view,
}: Pick<WeightChartsProps, 'artifact' | 'view'>): ReactNode {
  const { t } = useTranslation('details');
  const { channels } = view;
  const x = t('weights.channel');
  const y = t('weights.channelAbsmax');
  const options = useCallback(
    (plot: Plot): PlotOptions => channelsPlot(plot, channels, { x, y }),
    [channels, x, y],
  );
  const title =
    channels.outliers.length === 0
      ? t('weights.channelsNone')
      : t('weights.channelsTitle', { count: channels.outliers.length });
  return (
    <Chart
      title={title}
      hint={t('weights.channelsHint')}
      fileName={`${artifact.name} ${view.name} channels`}
      table={{
        columns: [
          { label: t('weights.channel'), isNumber: true },
          { label: t('weights.channelAbsmax'), isNumber: true },
          { label: t('weights.outlier') },
        ],
        rows: [
          ...channels.outliers.map(({ column, absmax }) => [column, absmax, t('weights.outlier')]),
          ...channels.absmax.map((absmax, index) => [index * channels.span, absmax, null]),
        ],
      }}
    >
      <PlotPicture label={title} height={SMALL_HEIGHT} options={options} />
    </Chart>
  );
}

/** The pictures of one tensor. */
export function WeightCharts(props: WeightChartsProps): ReactNode {
  const { t } = useTranslation('details');
  const { artifact, view, statistics } = props;
  return (
    <>
      <Explanation view={view} statistics={statistics} />
      {view.source === 'artifact' && statistics.treatment === 'quantized' ? (
        <Note>{t('weights.fromArtifact')}</Note>
      ) : null}
      <div className="card">
        <MainChart {...props} />
      </div>
      <div className="details-charts even">
        {view.block === null ? null : (
          <div className="card">
            <BlockChart artifact={artifact} view={view} block={view.block} />
          </div>
        )}
        {view.absmax === null ? null : (
          <div className="card">
            <AbsmaxChart artifact={artifact} view={view} absmax={view.absmax} />
          </div>
        )}
      </div>
      <div className="card">
        <ChannelsChart artifact={artifact} view={view} />
      </div>
    </>
  );
}
