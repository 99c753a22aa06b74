import type { PlotOptions } from '@observablehq/plot';
import type { Histogram, TensorView } from '../../../app/contract/tensor-view.ts';
import type { Plot } from '../../design/plot.tsx';
import { formatFixed, withMinus } from '../../texts/format.ts';

/** More levels than this are drawn faintly: they would cover what they lie on. */
export const FEW_LEVELS = 32;
/** Below this width the levels' numbers would run into each other. */
const NUMBERED_WIDTH = 700;
/** Weights of a block that are told apart in a picture. */
export const MOST_OF_BLOCK = 128;

interface Bar {
  readonly from: number;
  readonly to: number;
  /** In percent. */
  readonly share: number;
}

function barsOf({ edges, counts }: Histogram): readonly Bar[] {
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  return counts.map((count, index) => ({
    from: edges[index] ?? 0,
    to: edges[index + 1] ?? 0,
    share: (100 * count) / total,
  }));
}

export interface Axes {
  readonly x: string;
  readonly y: string;
}
const margins = { marginLeft: 48, marginRight: 16, marginBottom: 40 } as const;
const axesOf = (axes: Axes): Pick<PlotOptions, 'x' | 'y'> => ({
  x: { label: `${axes.x} →`, labelAnchor: 'center' },
  y: { label: `↑ ${axes.y}`, grid: true },
});

/** The picture that explains a codebook: where the weights are, and where its levels are. */
export function sharesPlot(
  plot: Plot,
  width: number,
  histogram: Histogram,
  levels: readonly number[],
  axes: Axes,
): PlotOptions {
  const isFew = levels.length <= FEW_LEVELS;
  const bars = barsOf(histogram);
  const top = Math.max(...bars.map(({ share }) => share)) || 1;
  return {
    ...margins,
    marginTop: 34,
    x: { ...axesOf(axes).x, domain: [-1.02, 1.02] },
    y: { ...axesOf(axes).y, domain: [0, top * 1.04] },
    marks: [
      plot.rectY(bars, {
        x1: 'from',
        x2: 'to',
        y: 'share',
        insetLeft: 0.25,
        insetRight: 0.25,
        fill: 'currentColor',
        fillOpacity: 0.34,
      }),
      plot.ruleX(levels, {
        stroke: 'var(--bits)',
        strokeWidth: isFew ? 1.5 : 1,
        strokeOpacity: isFew ? 0.95 : 0.22,
      }),
      ...(isFew
        ? [
            plot.dot(levels, {
              x: (level: number) => level,
              y: top * 1.04,
              fill: 'var(--bits)',
              r: 3,
              clip: false,
            }),
            ...(width >= NUMBERED_WIDTH
              ? [
                  plot.text(levels, {
                    x: (level: number) => level,
                    y: top * 1.04,
                    dy: -12,
                    text: (level: number) => withMinus(formatFixed(level, 2)),
                    fill: 'var(--bits-text)',
                    fontSize: 10,
                  }),
                ]
              : []),
          ]
        : []),
      plot.ruleY([0]),
    ],
  };
}

/** A histogram with a line where the median lies. */
export function histogramPlot(
  plot: Plot,
  histogram: Histogram,
  axes: Axes,
  mark: number | null,
): PlotOptions {
  return {
    ...margins,
    ...axesOf(axes),
    marks: [
      plot.rectY(barsOf(histogram), {
        x1: 'from',
        x2: 'to',
        y: 'share',
        insetLeft: 0.25,
        insetRight: 0.25,
        fill: 'currentColor',
        fillOpacity: 0.34,
      }),
      ...(mark === null ? [] : [plot.ruleX([mark], { stroke: 'var(--bits)', strokeWidth: 2 })]),
      plot.ruleY([0]),
    ],
  };
}

/** One block: what was published as dots, what is restored as steps, and between them the error. */
export function blockPlot(
  plot: Plot,
  block: NonNullable<TensorView['block']>,
  levels: readonly number[],
  axes: Axes,
): PlotOptions {
  const data = block.weights.slice(0, MOST_OF_BLOCK).map((weight, index) => ({
    index,
    weight,
    restored: block.restored[index] ?? weight,
  }));
  const isFew = levels.length <= FEW_LEVELS;
  return {
    ...margins,
    marginLeft: 60,
    x: { label: `${axes.x} →`, labelAnchor: 'center' },
    y: { label: `↑ ${axes.y}`, nice: true },
    marks: [
      ...(isFew
        ? [
            plot.ruleY(levels, {
              y: (level: number) => level * block.absmax,
              stroke: 'var(--bits)',
              strokeOpacity: 0.3,
            }),
          ]
        : []),
      plot.ruleX(data, {
        x: 'index',
        y1: 'weight',
        y2: 'restored',
        stroke: 'currentColor',
        strokeOpacity: 0.6,
      }),
      plot.lineY(data, {
        x: 'index',
        y: 'restored',
        curve: 'step',
        stroke: 'var(--bits)',
        strokeWidth: 1.75,
      }),
      plot.dot(data, { x: 'index', y: 'weight', r: 2.25, fill: 'var(--text)' }),
    ],
  };
}

/** The largest magnitude of every input channel from first to last, the outliers marked. */
export function channelsPlot(
  plot: Plot,
  { count, span, absmax, outliers }: TensorView['channels'],
  axes: Axes,
): PlotOptions {
  const data = absmax.map((value, index) => ({ channel: index * span, value }));
  return {
    ...margins,
    marginLeft: 56,
    marginTop: 24,
    x: { label: `${axes.x} →`, labelAnchor: 'center', domain: [0, Math.max(1, count)] },
    y: { label: `↑ ${axes.y}`, grid: true, zero: true },
    marks: [
      plot.areaY(data, {
        x: 'channel',
        y: 'value',
        curve: 'step',
        fill: 'currentColor',
        fillOpacity: 0.22,
      }),
      plot.lineY(data, {
        x: 'channel',
        y: 'value',
        curve: 'step',
        stroke: 'currentColor',
        strokeWidth: 1,
      }),
      plot.dot(outliers, {
        x: 'column',
        y: 'absmax',
        r: 4,
        fill: 'var(--bits)',
        stroke: 'var(--surface)',
      }),
      plot.text(outliers.slice(0, 8), {
        x: 'column',
        y: 'absmax',
        dy: -10,
        text: (one: { column: number }) => String(one.column),
        fill: 'var(--bits-text)',
      }),
      plot.ruleY([0]),
    ],
  };
}
