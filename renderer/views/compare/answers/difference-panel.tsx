import { ChevronLeft, ChevronRight, X } from 'lucide-react';
import { useEffect, useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatPercent } from '../../../texts/format.ts';
import { IconButton } from '../../../design/button.tsx';
import { useBitsClass } from '../../../design/scheme.tsx';
import type { ColumnModel } from './column-model.ts';
import { alignDistributions, LEAST_PROBABILITY, type Cell } from '../logic/distributions.ts';
import { visibleText } from '../logic/visible-text.ts';

/** The smallest share that is shown as a number: 0.1 %. */
const LEAST_SHOWN = 0.001;
const atMost = (share: number): string => `< ${formatPercent(Math.max(LEAST_SHOWN, share))}`;

function Probability({
  cell,
  ceiling,
}: {
  readonly cell: Cell;
  readonly ceiling: number | null;
}): ReactNode {
  const { t } = useTranslation('compare');
  if (ceiling === null && cell.probability === null) return <span className="quiet">–</span>;
  return (
    <span className="compare-bar-row">
      <span className="compare-bar">
        {cell.probability === null ? null : (
          <span style={{ width: `${Math.min(1, cell.probability) * 100}%` }} />
        )}
      </span>
      <span className="number">
        {cell.probability === null
          ? atMost(ceiling ?? 0)
          : cell.probability < LEAST_PROBABILITY
            ? atMost(0)
            : formatPercent(cell.probability)}
      </span>
      <span className="compare-chosen">
        {cell.isChosen ? <span className="badge accent">{t('panel.chosen')}</span> : null}
      </span>
    </span>
  );
}

export interface DifferencePanelProps {
  readonly columns: readonly ColumnModel[];
  readonly names: readonly string[];
  readonly marks: readonly (number | null)[];
  readonly isHidden: boolean;
  readonly place: number;
  readonly onPlace: (place: number) => void;
  readonly onClose: () => void;
}

/** What every column held likely at one place, token by token beside each other. */
export function DifferencePanel({
  columns,
  names,
  marks,
  isHidden,
  place,
  onPlace,
  onClose,
}: DifferencePanelProps): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('compare');
  const longest = Math.max(...columns.map(({ tokens }) => tokens.length));
  const { rows, ceilings } = useMemo(
    () => alignDistributions(columns.map(({ tokens }) => tokens[place] ?? null)),
    [columns, place],
  );
  useEffect(() => {
    const onKeyDown = (event: globalThis.KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented) onClose();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
    };
  }, [onClose]);
  const earliest = marks[0] ?? null;
  const sentence = columns
    .map(({ tokens }, i) => {
      const token = tokens[place];
      return token === undefined
        ? t('panel.hasEnded', { name: names[i] ?? '' })
        : t('panel.says', {
            name: names[i] ?? '',
            token: visibleText(token.text),
            share: formatPercent(Math.exp(token.logprob)),
          });
    })
    .join(' · ');
  return (
    <section className="compare-panel" aria-label={t('panel.title', { n: place + 1 })}>
      <div className="row">
        <h3>{t('panel.title', { n: place + 1 })}</h3>
        <span className="badge">
          {earliest === null || place < earliest
            ? t('panel.before')
            : place === earliest
              ? t('panel.here')
              : t('panel.after')}
        </span>
        <p className="quiet ellipsis grow" aria-live="polite">
          {sentence}
        </p>
        <IconButton
          size="small"
          label={t('panel.previous')}
          isDisabled={place === 0}
          onPress={() => {
            onPlace(place - 1);
          }}
        >
          <ChevronLeft aria-hidden />
        </IconButton>
        <IconButton
          size="small"
          label={t('panel.next')}
          isDisabled={place >= longest - 1}
          onPress={() => {
            onPlace(place + 1);
          }}
        >
          <ChevronRight aria-hidden />
        </IconButton>
        <IconButton size="small" label={t('panel.close')} keys="Esc" onPress={onClose}>
          <X aria-hidden />
        </IconButton>
      </div>
      {earliest !== null && place > earliest ? (
        <p className="quiet">{t('panel.afterHint')}</p>
      ) : null}
      <div className="compare-panel-table" role="region" tabIndex={0} aria-label={t('panel.table')}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('panel.token')}</th>
              {columns.map((_, i) => (
                <th key={i} scope="col">
                  {names[i]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.id}>
                <th scope="row" className="mono compare-panel-token">
                  {visibleText(row.text) || '∅'}
                </th>
                {row.cells.map((cell, i) => {
                  const scheme = columns[i]?.scheme ?? null;
                  return (
                    <td key={i} className={isHidden || scheme === null ? '' : bitsClass(scheme)}>
                      <Probability cell={cell} ceiling={ceilings[i] ?? null} />
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
