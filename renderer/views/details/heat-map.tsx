import { useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatDecibels, formatPercent } from '../../texts/format.ts';
import { FailureNote } from '../../errors/error-note.tsx';
import { usePlot, useWidth } from '../../design/plot.tsx';
import { Skeleton } from '../../design/skeleton.tsx';
import type { ErrorCell, ErrorMap } from './error-map.ts';

export type ErrorMeasure = 'relative' | 'sqnr';

/** How an error is written. */
export function formatError(measure: ErrorMeasure, relative: number, sqnrDb: number): string {
  return measure === 'relative' ? formatPercent(relative, 2) : formatDecibels(sqnrDb);
}

// Sizes in pixels.
const LEFT = 92;
const TOP = 8;
const ROW = 26;
const AXIS = 44;
const LEGEND = 40;
/** Room that the number of a layer needs. */
const TICK_ROOM = 26;
const LEGEND_STEPS = 48;
const LEGEND_WIDTH = 160;

export interface HeatMapProps {
  readonly map: ErrorMap;
  readonly measure: ErrorMeasure;
  /** Name of the chosen tensor. */
  readonly chosen: string | null;
  readonly onChoose: (cell: ErrorCell) => void;
  readonly onOpen: (cell: ErrorCell) => void;
}

/** Error per layer and kind of matrix as fields of a grid; arrow keys move, Enter chooses. */
export function HeatMap({ map, measure, chosen, onChoose, onOpen }: HeatMapProps): ReactNode {
  const { t } = useTranslation('details');
  const { plot, failure } = usePlot();
  const { ref, width } = useWidth();
  const grid = useRef<SVGSVGElement>(null);
  const { layers, kinds, cells } = map;
  const at = useMemo(
    () => new Map(cells.map((cell) => [`${cell.layer} ${cell.kind}`, cell])),
    [cells],
  );
  const cellAt = (row: number, column: number): ErrorCell | undefined =>
    at.get(`${layers[column]} ${kinds[row]}`);
  const startCell = cells.find(({ worst }) => worst === chosen) ?? map.worst;
  const [focus, setFocus] = useState<readonly [row: number, column: number]>([
    kinds.indexOf(startCell.kind),
    layers.indexOf(startCell.layer),
  ]);
  const height = TOP + kinds.length * ROW + AXIS + LEGEND;
  if (failure !== null) return <FailureNote failure={failure} />;

  const valueOf = (cell: ErrorCell): number =>
    measure === 'relative' ? cell.relativeError : cell.sqnrDb;
  const values = cells.map(valueOf);
  const least = Math.min(...values);
  const most = Math.max(...values);
  // Bright is what lost more in both measures: of SQNR the smaller.
  const scale = plot?.scale({
    color: {
      type: 'linear',
      scheme: 'viridis',
      domain: [least, most === least ? least + 1 : most],
      reverse: measure === 'sqnr',
    },
  });
  const colourOf = (value: number): string => String(scale?.apply(value) ?? 'none');
  const write = (value: number): string => formatError(measure, value, value);

  const cellWidth = (width - LEFT - 2) / layers.length;
  const gap = cellWidth > 6 ? 1 : 0;
  const every = Math.max(1, Math.ceil(TICK_ROOM / cellWidth));
  const layerName = (layer: number | null): string =>
    layer === null ? t('error.outsideLong') : String(layer);
  const nameOf = (cell: ErrorCell): string => {
    const words = {
      kind: t(`kind.${cell.kind}`),
      layer: layerName(cell.layer),
      value: formatError(measure, cell.relativeError, cell.sqnrDb),
    };
    return cell.tensors > 1
      ? t('error.cellMany', { ...words, count: cell.tensors })
      : t('error.cell', words);
  };

  const move = (event: KeyboardEvent, row: number, column: number): void => {
    const cell = cellAt(row, column);
    if ((event.key === 'Enter' || event.key === ' ') && cell !== undefined) {
      event.preventDefault();
      if (event.key === 'Enter' && cell.worst === chosen) onOpen(cell);
      else onChoose(cell);
      return;
    }
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ArrowRight: [0, 1],
      ArrowLeft: [0, -1],
      ArrowDown: [1, 0],
      ArrowUp: [-1, 0],
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    // Over fields that are not there: not every layer has every kind of matrix.
    let [r, c] = [row + step[0], column + step[1]];
    while (r >= 0 && r < kinds.length && c >= 0 && c < layers.length) {
      if (cellAt(r, c) !== undefined) {
        setFocus([r, c]);
        grid.current?.querySelector<SVGElement>(`[data-at="${r} ${c}"]`)?.focus();
        return;
      }
      r += step[0];
      c += step[1];
    }
  };

  return (
    <div ref={ref} className="details-map">
      {plot === null || width === 0 ? (
        <Skeleton height={height} />
      ) : (
        <svg
          ref={grid}
          viewBox={`0 0 ${width} ${height}`}
          width={width}
          height={height}
          role="grid"
          aria-label={t('error.mapLabel')}
        >
          {kinds.map((kind, row) => (
            <g key={kind} role="row">
              <text
                role="rowheader"
                x={LEFT - 10}
                y={TOP + row * ROW + ROW / 2}
                dy="0.35em"
                textAnchor="end"
                className="mono"
              >
                {t(`kind.${kind}`)}
              </text>
              {layers.map((layer, column) => {
                const cell = cellAt(row, column);
                const place = {
                  x: LEFT + column * cellWidth,
                  y: TOP + row * ROW,
                  width: Math.max(0.5, cellWidth - gap),
                  height: ROW - 1,
                };
                if (cell === undefined)
                  return (
                    <rect
                      key={layer ?? 'out'}
                      role="gridcell"
                      aria-label="–"
                      {...place}
                      className="details-blank"
                    />
                  );
                const isChosen = cell.worst === chosen;
                return (
                  <rect
                    key={layer ?? 'out'}
                    {...place}
                    role="gridcell"
                    data-at={`${row} ${column}`}
                    rx={cellWidth > 10 ? 2 : 0}
                    fill={colourOf(valueOf(cell))}
                    className={`details-field ${isChosen ? 'chosen' : ''}`}
                    aria-label={nameOf(cell)}
                    aria-selected={isChosen}
                    tabIndex={focus[0] === row && focus[1] === column ? 0 : -1}
                    onFocus={() => {
                      setFocus([row, column]);
                    }}
                    onKeyDown={(event) => {
                      move(event, row, column);
                    }}
                    onClick={() => {
                      onChoose(cell);
                    }}
                    onDoubleClick={() => {
                      onOpen(cell);
                    }}
                  >
                    <title>{nameOf(cell)}</title>
                  </rect>
                );
              })}
            </g>
          ))}
          <g aria-hidden transform={`translate(${LEFT}, ${TOP + kinds.length * ROW})`}>
            {layers.map((layer, column) =>
              column % every === 0 ? (
                <text
                  key={layer ?? 'out'}
                  x={column * cellWidth + cellWidth / 2}
                  y={14}
                  textAnchor="middle"
                >
                  {layer ?? t('error.outside')}
                </text>
              ) : null,
            )}
            <text x={(width - LEFT) / 2} y={32} textAnchor="middle">
              {t('error.layer')} →
            </text>
          </g>
          <g aria-hidden transform={`translate(${LEFT}, ${TOP + kinds.length * ROW + AXIS})`}>
            {Array.from({ length: LEGEND_STEPS }, (_, index) => (
              <rect
                key={index}
                x={(index * LEGEND_WIDTH) / LEGEND_STEPS}
                y={6}
                width={LEGEND_WIDTH / LEGEND_STEPS + 0.5}
                height={10}
                fill={colourOf(
                  // From what lost less, on the left, to what lost more.
                  measure === 'relative'
                    ? least + ((most - least) * index) / (LEGEND_STEPS - 1)
                    : most - ((most - least) * index) / (LEGEND_STEPS - 1),
                )}
              />
            ))}
            <text x={0} y={30}>
              {write(measure === 'relative' ? least : most)}
            </text>
            <text x={LEGEND_WIDTH} y={30} textAnchor="end">
              {write(measure === 'relative' ? most : least)}
            </text>
            <text x={LEGEND_WIDTH + 12} y={15}>
              {t('error.less')} → {t('error.more')}
            </text>
            <text x={LEGEND_WIDTH + 12} y={30}>
              {measure === 'relative' ? t('error.relativeAxis') : t('error.sqnrAxis')}
            </text>
          </g>
        </svg>
      )}
    </div>
  );
}
