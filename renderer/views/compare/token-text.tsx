import { memo, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { GeneratedToken } from '../../../app/contract/sampling.ts';
import { placeInLine } from './token-in-line.ts';
import { isBlank, visibleText } from './logic/visible-text.ts';

interface TokenProps {
  readonly id: string;
  readonly place: number;
  readonly text: string;
  readonly look: 'same' | 'mark' | 'after';
  readonly isSelected: boolean;
  readonly isTabStop: boolean;
  readonly markWords: string;
}

/** One token; drawn again only when something about it changes, however many come after it. */
const Token = memo(function Token({
  id,
  place,
  text,
  look,
  isSelected,
  isTabStop,
  markWords,
}: TokenProps): ReactNode {
  // The space before a word is no part of what is marked.
  const rest = text.trimStart();
  const lead = text.slice(0, text.length - rest.length);
  const name = isBlank(text) ? visibleText(text) || '∅' : undefined;
  return (
    <span
      id={id}
      role="option"
      aria-selected={isSelected}
      aria-label={look === 'mark' ? `${markWords}: ${name ?? text.trim()}` : name}
      tabIndex={isTabStop ? 0 : -1}
      data-place={place}
      className={`compare-token ${look} ${isSelected ? 'selected' : ''}`}
    >
      {look === 'mark' ? (
        <>
          {lead}
          <span className="compare-marked">
            <span className="compare-marker" aria-hidden>
              ≠
            </span>
            {rest === '' ? visibleText(text) : rest}
          </span>
        </>
      ) : (
        text
      )}
    </span>
  );
});

export interface TokenTextProps {
  /** The tokens' elements are called `baseId-place`. */
  readonly baseId: string;
  readonly label: string;
  readonly tokens: readonly GeneratedToken[];
  /** Where it first departs from the others. */
  readonly mark: number | null;
  readonly isGrowing: boolean;
  readonly hasEnded: boolean;
  /** The place whose distributions are shown. */
  readonly place: number | null;
  readonly onPlace: (place: number) => void;
}

/**
 * An answer token by token. One Tab stop; arrow keys go from token to token and line to line, Enter shows what else could
 * have stood there.
 */
export function TokenText({
  baseId,
  label,
  tokens,
  mark,
  isGrowing,
  hasEnded,
  place,
  onPlace,
}: TokenTextProps): ReactNode {
  const { t } = useTranslation('compare');
  const [active, setActive] = useState<number | null>(null);
  const last = tokens.length - 1;
  const stop = Math.max(0, Math.min(active ?? place ?? mark ?? 0, last));

  const go = (to: number): void => {
    const next = Math.max(0, Math.min(to, last));
    setActive(next);
    document.getElementById(`${baseId}-${next}`)?.focus();
    // While the panel is open it follows.
    if (place !== null) onPlace(next);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const keys: Readonly<Record<string, () => void>> = {
      ArrowRight: () => {
        go(stop + 1);
      },
      ArrowLeft: () => {
        go(stop - 1);
      },
      ArrowDown: () => {
        go(placeInLine(event.currentTarget, stop, 1));
      },
      ArrowUp: () => {
        go(placeInLine(event.currentTarget, stop, -1));
      },
      Home: () => {
        go(0);
      },
      End: () => {
        go(last);
      },
      Enter: () => {
        onPlace(stop);
      },
      ' ': () => {
        onPlace(stop);
      },
    };
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  const onClick = (event: MouseEvent<HTMLElement>): void => {
    const token = event.target instanceof Element ? event.target.closest('[data-place]') : null;
    const at = Number(token?.getAttribute('data-place') ?? Number.NaN);
    if (Number.isNaN(at)) return;
    setActive(at);
    onPlace(at);
  };
  if (tokens.length === 0)
    return <div className="compare-text quiet">{hasEnded ? t('column.saidNothing') : null}</div>;
  return (
    <div
      className={`compare-text ${isGrowing ? 'growing' : ''}`}
      role="listbox"
      aria-label={label}
      aria-orientation="horizontal"
      tabIndex={-1}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      {tokens.map(({ text }, i) => (
        <Token
          key={i}
          id={`${baseId}-${i}`}
          place={i}
          text={text}
          look={mark === null || i < mark ? 'same' : i === mark ? 'mark' : 'after'}
          isSelected={i === place}
          isTabStop={i === stop}
          markWords={t('column.firstDifference')}
        />
      ))}
      {mark !== null && mark >= tokens.length ? (
        <span className="compare-marked ended" role="presentation">
          <span className="compare-marker" aria-hidden>
            ≠
          </span>
          {t('column.endsHere')}
        </span>
      ) : null}
    </div>
  );
}
