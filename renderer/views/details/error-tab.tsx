import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ScanSearch } from 'lucide-react';
import type { PlotOptions } from '@observablehq/plot';
import { Button } from '../../design/button.tsx';
import { Chart } from '../../design/chart.tsx';
import { Segmented } from '../../design/choices.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { PlotPicture, type Plot } from '../../design/plot.tsx';
import { useBitsClass } from '../../design/scheme.tsx';
import { errorMap, layerErrors, type ErrorCell } from './error-map.ts';
import { formatError, HeatMap, type ErrorMeasure } from './heat-map.tsx';
import type { ShownArtifact } from './use-details.ts';

/** As high as the map of a usual model, in pixels. */
const LINE_HEIGHT = 272;

/** Where rounding cost how much: per layer and kind of matrix, and per layer. */
export function ErrorTab({
  shown,
  chosen,
  onChoose,
  onOpen,
}: {
  readonly shown: ShownArtifact;
  readonly chosen: string | null;
  readonly onChoose: (tensor: string) => void;
  readonly onOpen: (tensor: string) => void;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('details');
  const [measure, setMeasure] = useState<ErrorMeasure>('relative');
  const { artifact, tensors } = shown;
  const map = useMemo(() => errorMap(tensors), [tensors]);
  const layers = useMemo(() => layerErrors(tensors), [tensors]);
  const isRelative = measure === 'relative';
  const axis = isRelative ? t('error.relativeAxis') : t('error.sqnrAxis');
  const layerWord = t('error.layer');
  const line = useCallback(
    (plot: Plot): PlotOptions => {
      const value = (relative: number): number =>
        isRelative ? relative * 100 : -20 * Math.log10(relative);
      const data = layers.map((layer) => ({
        layer: layer.layer,
        value: value(layer.relativeError),
        least: value(layer.least),
        most: value(layer.most),
      }));
      return {
        marginLeft: 48,
        marginBottom: 40,
        x: {
          label: `${layerWord} →`,
          labelAnchor: 'center',
          interval: 1,
          type: 'linear',
        },
        y: { label: `↑ ${axis}`, grid: true, nice: true },
        marks: [
          plot.areaY(data, {
            x: 'layer',
            y1: 'least',
            y2: 'most',
            fill: 'var(--bits)',
            fillOpacity: 0.16,
          }),
          plot.lineY(data, { x: 'layer', y: 'value', stroke: 'var(--bits)', strokeWidth: 2 }),
          plot.dot(data, {
            x: 'layer',
            y: 'value',
            fill: 'var(--bits)',
            r: data.length > 40 ? 2 : 3,
          }),
        ],
      };
    },
    [layers, isRelative, axis, layerWord],
  );
  if (map === null && artifact.totals.relativeError === null)
    return (
      <EmptyState icon={<ScanSearch aria-hidden />} title={t('error.unknown')}>
        {t('error.unknownText')}
      </EmptyState>
    );
  if (map === null)
    return (
      <EmptyState icon={<ScanSearch aria-hidden />} title={t('error.none')}>
        {t('error.noneText')}
      </EmptyState>
    );
  const { worst } = map;
  const worstLayer = layers.reduce<(typeof layers)[number] | null>(
    (a, b) => (a === null || b.relativeError > a.relativeError ? b : a),
    null,
  );
  const chosenCell = map.cells.find((cell) => cell.worst === chosen) ?? null;
  const said = (cell: ErrorCell): string => formatError(measure, cell.relativeError, cell.sqnrDb);
  return (
    <div className={`details-charts ${bitsClass(artifact.scheme)}`}>
      <div className="card">
        <Chart
          title={
            worst.layer === null
              ? t('error.mapTitleOutside', { kind: t(`kind.${worst.kind}`) })
              : t('error.mapTitle', { kind: t(`kind.${worst.kind}`), layer: worst.layer })
          }
          hint={t('error.mapHint')}
          fileName={`${artifact.name} error map`}
          tools={
            <Segmented<ErrorMeasure>
              label={t('error.measure')}
              value={measure}
              choices={[
                { id: 'relative', label: t('error.relative') },
                { id: 'sqnr', label: t('error.sqnr') },
              ]}
              onChange={setMeasure}
            />
          }
          table={{
            columns: [
              { label: t('error.layer'), isNumber: true },
              { label: t('error.kind') },
              { label: t('error.relative'), isNumber: true },
              { label: t('error.sqnrAxis'), isNumber: true },
              { label: t('error.tensors'), isNumber: true },
              { label: t('error.worst') },
            ],
            rows: map.cells.map((cell) => [
              cell.layer,
              t(`kind.${cell.kind}`),
              cell.relativeError,
              cell.sqnrDb,
              cell.tensors,
              cell.worst,
            ]),
          }}
        >
          <HeatMap
            map={map}
            measure={measure}
            chosen={chosen}
            onChoose={(cell) => {
              onChoose(cell.worst);
            }}
            onOpen={(cell) => {
              onOpen(cell.worst);
            }}
          />
        </Chart>
        <p className="details-chosen" role="status">
          <span className="mono ellipsis">{(chosenCell ?? worst).worst}</span>
          <span className="quiet">{said(chosenCell ?? worst)}</span>
          <Button
            size="small"
            onPress={() => {
              onOpen((chosenCell ?? worst).worst);
            }}
          >
            {t('error.seeWeights')}
          </Button>
        </p>
      </div>
      {worstLayer === null ? null : (
        <div className="card">
          <Chart
            title={
              isRelative
                ? t('error.lineTitleRelative', {
                    layer: worstLayer.layer,
                    value: formatError(measure, worstLayer.relativeError, worstLayer.sqnrDb),
                  })
                : t('error.lineTitleSqnr', {
                    layer: worstLayer.layer,
                    value: formatError(measure, worstLayer.relativeError, worstLayer.sqnrDb),
                  })
            }
            hint={t('error.lineHint')}
            fileName={`${artifact.name} error per layer`}
            table={{
              columns: [
                { label: t('error.layer'), isNumber: true },
                { label: t('error.relative'), isNumber: true },
                { label: t('error.sqnrAxis'), isNumber: true },
                { label: t('error.least'), isNumber: true },
                { label: t('error.most'), isNumber: true },
              ],
              rows: layers.map((layer) => [
                layer.layer,
                layer.relativeError,
                layer.sqnrDb,
                layer.least,
                layer.most,
              ]),
            }}
          >
            <PlotPicture label={t('error.lineLabel')} height={LINE_HEIGHT} options={line} />
          </Chart>
        </div>
      )}
    </div>
  );
}
