import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { AgreementStripPicture } from '../agreement-strip.tsx';
import { ColumnHead } from './column-head.tsx';
import type { ColumnModel } from './column-model.ts';
import { ColumnState } from './column-state.tsx';
import { columnLetter } from '../logic/blind.ts';
import { TokenText } from '../token-text.tsx';

/** The element of a token: `column` is its position on the screen. */
export function tokenId(baseId: string, column: number, place: number): string {
  return `${baseId}-${column}-${place}`;
}

export interface AnswerColumnsProps {
  readonly baseId: string;
  readonly columns: readonly ColumnModel[];
  readonly names: readonly string[];
  /** The place to mark in each. */
  readonly marks: readonly (number | null)[];
  /** Nothing may tell which is which. */
  readonly isHidden: boolean;
  readonly isComplete: boolean;
  readonly place: number | null;
  readonly onPlace: (place: number) => void;
}

/** Answers beside each other on one grid: heads, states and texts begin at the same height. */
export function AnswerColumns({
  baseId,
  columns,
  names,
  marks,
  isHidden,
  isComplete,
  place,
  onPlace,
}: AnswerColumnsProps): ReactNode {
  const { t } = useTranslation('compare');
  const reference = columns[0];
  return (
    <div className="compare-scroller">
      <div className="compare-columns" data-count={columns.length}>
        {columns.map((column, i) => (
          <section
            key={i}
            className="compare-column"
            aria-label={t('column.answerOf', { name: names[i] ?? '' })}
          >
            {isHidden ? (
              <header className="compare-head">
                <h3 className="compare-letter">{columnLetter(i)}</h3>
              </header>
            ) : (
              <ColumnHead column={column} name={names[i] ?? column.name} isReference={i === 0} />
            )}
            {isHidden ? <div /> : <ColumnState column={column} />}
            <TokenText
              baseId={`${baseId}-${i}`}
              label={t('column.tokensOf', { name: names[i] ?? '' })}
              tokens={column.tokens}
              mark={marks[i] ?? null}
              isGrowing={column.phase === 'answering'}
              place={place}
              onPlace={onPlace}
              hasEnded={isComplete}
            />
            {i === 0 || reference === undefined ? (
              <p className="compare-strip-words quiet">{t('strip.reference')}</p>
            ) : (
              <AgreementStripPicture
                reference={reference.tokens}
                other={column.tokens}
                referenceName={names[0] ?? ''}
                isComplete={isComplete}
              />
            )}
          </section>
        ))}
      </div>
    </div>
  );
}
