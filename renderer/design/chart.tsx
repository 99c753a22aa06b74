import { ChartSpline, Download, Table2 } from 'lucide-react';
import { useId, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { saveText } from '../state/save-text.ts';
import { IconButton } from './button.tsx';
import { standaloneSvg } from './chart-file.ts';
import { toCsv, type Cell } from './csv.ts';
import { ActionMenu } from './menu.tsx';
import { toast } from './toasts.tsx';
import './css/chart.css';
import { formatFigure } from '../texts/format.ts';
import { errorText } from '../errors/error-words.ts';

/** The numbers behind a chart. Cells keep all their digits; `show` says how a person reads them. */
export interface ChartTable {
  readonly columns: readonly {
    readonly label: string;
    readonly isNumber?: boolean;
    readonly show?: (value: Cell) => string;
  }[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface ChartProps {
  /** Says what to see: 'v_proj of layer 3 lost most'. */
  readonly title: string;
  /** How to read it. */
  readonly hint?: ReactNode;
  /** Beside the title: what is shown. */
  readonly tools?: ReactNode;
  readonly table: ChartTable;
  /** Name of the exported files, without their ending. */
  readonly fileName: string;
  /** The picture: one SVG somewhere in it. */
  readonly children: ReactNode;
}

const exact = (value: Cell): string =>
  value === null ? '–' : typeof value === 'number' ? formatFigure(value, 5) : value;

function BehindIt({
  table,
  title,
}: {
  readonly table: ChartTable;
  readonly title: string;
}): ReactNode {
  return (
    <div className="chart-table" role="region" aria-label={title} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {table.columns.map(({ label, isNumber }) => (
              <th key={label} scope="col" className={isNumber === true ? 'number' : ''}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {table.columns.map(({ label, isNumber, show }, at) => (
                <td key={label} className={isNumber === true ? 'number' : ''}>
                  {(show ?? exact)(row[at] ?? null)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A picture of numbers: a title that says what to see, the table behind it, and both as files. */
export function Chart({ title, hint, tools, table, fileName, children }: ChartProps): ReactNode {
  const { t } = useTranslation();
  const [asTable, setAsTable] = useState(false);
  const picture = useRef<HTMLDivElement>(null);
  const id = useId();
  const save = (ending: string, mimeType: string, text: () => string | null): void => {
    const made = text();
    if (made === null) return;
    saveText(`${fileName}.${ending}`, made, mimeType).catch((error: unknown) => {
      toast({ text: errorText(error), look: 'danger' });
    });
  };
  return (
    <figure className="chart" aria-labelledby={id}>
      <figcaption>
        <div className="grow">
          <h3 id={id}>{title}</h3>
          {hint === undefined ? null : <p className="quiet">{hint}</p>}
        </div>
        {tools}
        <IconButton
          size="small"
          label={asTable ? t('chart.picture') : t('chart.table')}
          onPress={() => {
            setAsTable(!asTable);
          }}
        >
          {asTable ? <ChartSpline aria-hidden /> : <Table2 aria-hidden />}
        </IconButton>
        <ActionMenu
          size="small"
          label={t('chart.export', { title })}
          actions={[
            {
              id: 'svg',
              label: t('chart.svg'),
              onAction: () => {
                save('svg', 'image/svg+xml', () => {
                  const svg = picture.current?.querySelector('svg');
                  return svg instanceof SVGSVGElement ? standaloneSvg(svg) : null;
                });
              },
            },
            {
              id: 'csv',
              label: t('chart.csv'),
              onAction: () => {
                save('csv', 'text/csv', () =>
                  toCsv(
                    table.columns.map(({ label }) => label),
                    table.rows,
                  ),
                );
              },
            },
          ]}
        >
          <Download aria-hidden />
        </ActionMenu>
      </figcaption>
      {/* The picture stays where it is while the table is shown, so that it can be exported and nothing jumps. */}
      <div className="chart-stage">
        <div ref={picture} className={asTable ? 'chart-picture away' : 'chart-picture'}>
          {children}
        </div>
        {asTable ? <BehindIt table={table} title={title} /> : null}
      </div>
    </figure>
  );
}
