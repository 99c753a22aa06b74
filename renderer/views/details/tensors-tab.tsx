import { ArrowDown, ArrowUp, Download } from 'lucide-react';
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button as AriaButton, Tooltip, TooltipTrigger } from 'react-aria-components';
import { lossKind, type TensorStatistics } from '../../../app/contract/checkpoint.ts';
import {
  formatBits,
  formatBytes,
  formatDecibels,
  formatFigure,
  formatFixed,
  formatPercent,
} from '../../texts/format.ts';
import { Button } from '../../design/button.tsx';
import { Segmented } from '../../design/choices.tsx';
import { toCsv } from '../../design/csv.ts';
import { SearchField } from '../../design/fields.tsx';
import { Grid, GridCell } from '../../design/grid.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { toast } from '../../design/toasts.tsx';
import { saveText } from '../../state/save-text.ts';
import { tensorColumns, tensorRows, type TensorColumn, type TensorFilter } from './tensor-rows.ts';
import type { ShownArtifact } from './use-details.ts';
import { errorText } from '../../errors/error-words.ts';

const ROW_HEIGHT = 36;
const numbers: ReadonlySet<TensorColumn> = new Set([
  'blockSize',
  'bytes',
  'bits',
  'sqnr',
  'relative',
  'max',
  'cosine',
]);
const keyOf = ({ name }: TensorStatistics): string => name;
const heightOf = (): number => ROW_HEIGHT;

/** A column's name that sorts by it; what it means one hover or Tab away. */
function SortHead({
  column,
  filter,
  onSort,
}: {
  readonly column: TensorColumn;
  readonly filter: TensorFilter;
  readonly onSort: (column: TensorColumn) => void;
}): ReactNode {
  const { t } = useTranslation('details');
  const { t: terms } = useTranslation('schemes');
  const tips: Partial<Record<TensorColumn, string>> = {
    dtype: t('tensors.tips.dtype'),
    treatmentColumn: t('tensors.tips.treatmentColumn'),
    blockSize: terms('terms.blockSize.explanation'),
    bytes: t('tensors.tips.bytes'),
    bits: terms('terms.bitsPerWeight.explanation'),
    sqnr: terms('terms.sqnr.explanation'),
    relative: t('tensors.tips.relative'),
    max: t('tensors.tips.max'),
    cosine: t('tensors.tips.cosine'),
  };
  const name = t(`tensors.${column}`);
  return (
    <TooltipTrigger delay={400} closeDelay={0} isDisabled={tips[column] === undefined}>
      <AriaButton
        className="grid-sort"
        aria-label={t('tensors.sortBy', { column: name })}
        onPress={() => {
          onSort(column);
        }}
      >
        {name}
        {filter.sort !== column ? null : filter.descending ? (
          <ArrowDown aria-hidden />
        ) : (
          <ArrowUp aria-hidden />
        )}
      </AriaButton>
      <Tooltip className="tooltip" offset={6}>
        {tips[column]}
      </Tooltip>
    </TooltipTrigger>
  );
}

/** Every tensor of the artifact. */
export function TensorsTab({
  shown,
  onOpen,
}: {
  readonly shown: ShownArtifact;
  readonly onOpen: (tensor: string) => void;
}): ReactNode {
  const { t } = useTranslation('details');
  const { artifact, tensors } = shown;
  const [filter, setFilter] = useState<TensorFilter>({
    text: '',
    treatment: 'all',
    sort: null,
    descending: false,
  });
  const rows = useMemo(() => tensorRows(tensors, filter), [tensors, filter]);
  const cells = useCallback(
    (tensor: TensorStatistics): ReactNode => {
      const isQuantized = tensor.treatment === 'quantized';
      const { blockSize } = tensor;
      const error = (value: number | null, format: (value: number) => string): string =>
        !isQuantized ? '–' : value === null ? t('notMeasured') : format(value);
      const rowWise = isQuantized ? t('tensors.row') : '–';
      return (
        <>
          <GridCell isHeader className="mono ellipsis">
            {tensor.name}
          </GridCell>
          <GridCell className="mono">{tensor.shape.join(' × ')}</GridCell>
          <GridCell className="mono">{tensor.dtype}</GridCell>
          <GridCell className="ellipsis">
            {isQuantized ? (
              t('tensors.quantized')
            ) : (
              <span className="quiet" title={tensor.reason ?? ''}>
                {t('tensors.kept')}
                {tensor.reason === null ? null : `: ${tensor.reason}`}
              </span>
            )}
          </GridCell>
          <GridCell isNumber>
            {blockSize === null || blockSize === 0 ? rowWise : blockSize}
          </GridCell>
          <GridCell isNumber>{formatBytes(tensor.storedBytes)}</GridCell>
          <GridCell isNumber>{formatBits(tensor.bitsPerWeight)}</GridCell>
          <GridCell isNumber>
            {tensor.sqnrDb !== null
              ? formatDecibels(tensor.sqnrDb)
              : lossKind(tensor) === 'unknown'
                ? t('notMeasured')
                : '–'}
          </GridCell>
          <GridCell isNumber>
            {error(tensor.relativeError, (value) => formatPercent(value, 2))}
          </GridCell>
          <GridCell isNumber>{error(tensor.maxError, formatFigure)}</GridCell>
          <GridCell isNumber>{error(tensor.cosine, (value) => formatFixed(value, 5))}</GridCell>
        </>
      );
    },
    [t],
  );
  const sortBy = (column: TensorColumn): void => {
    // A third press goes back to the order of the file.
    setFilter(
      filter.sort !== column
        ? { ...filter, sort: column, descending: numbers.has(column) }
        : filter.descending === numbers.has(column)
          ? { ...filter, descending: !filter.descending }
          : { ...filter, sort: null },
    );
  };
  const exportCsv = (): void => {
    const text = toCsv(
      [
        'name',
        'shape',
        'dtype',
        'treatment',
        'reason',
        'block_size',
        'stored_bytes',
        'bits_per_weight',
        'sqnr_db',
        'relative_error',
        'rms_error',
        'max_error',
        'cosine',
        'sha256',
      ],
      rows.map((one) => [
        one.name,
        one.shape.join('x'),
        one.dtype,
        one.treatment,
        one.reason,
        one.blockSize,
        one.storedBytes,
        one.bitsPerWeight,
        one.sqnrDb,
        one.relativeError,
        one.rmsError,
        one.maxError,
        one.cosine,
        one.sha256,
      ]),
    );
    saveText(`${artifact.name} tensors.csv`, text, 'text/csv').catch((error: unknown) => {
      toast({ look: 'danger', text: errorText(error) });
    });
  };
  return (
    <div className="details-tensors">
      <div className="details-choice">
        <SearchField
          className="details-search"
          label={t('tensors.search')}
          value={filter.text}
          onChange={(text) => {
            setFilter({ ...filter, text });
          }}
        />
        <Segmented<TensorFilter['treatment']>
          label={t('tensors.treatment')}
          value={filter.treatment}
          choices={[
            { id: 'all', label: t('tensors.all') },
            { id: 'quantized', label: t('tensors.quantized') },
            { id: 'kept', label: t('tensors.kept') },
          ]}
          onChange={(treatment) => {
            setFilter({ ...filter, treatment });
          }}
        />
        <span className="grow quiet details-shown" role="status">
          {t('tensors.shown', { count: rows.length })}
        </span>
        <Button onPress={exportCsv}>
          <Download aria-hidden />
          {t('tensors.csv')}
        </Button>
      </div>
      <Grid
        label={t('tensors.grid')}
        className="details-grid card"
        columns={tensorColumns.map((column) => ({
          id: column,
          head: <SortHead column={column} filter={filter} onSort={sortBy} />,
          isNumber: numbers.has(column),
          sort: filter.sort !== column ? undefined : filter.descending ? 'descending' : 'ascending',
        }))}
        rows={rows}
        rowKey={keyOf}
        rowHeight={heightOf}
        onKey={(tensor, key) => {
          if (key === 'open') onOpen(tensor.name);
        }}
        empty={
          <EmptyState icon={null} title={t('tensors.none')}>
            {t('tensors.noneHint')}
          </EmptyState>
        }
      >
        {cells}
      </Grid>
    </div>
  );
}
