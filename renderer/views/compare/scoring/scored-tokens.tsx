import { memo, useState, type KeyboardEvent, type ReactNode, type SyntheticEvent } from 'react';
import type { ScoredText } from '../../../../app/contract/comparison.ts';
import { klStep } from '../logic/kl-ramp.ts';
import { isBlank, visibleText } from '../logic/visible-text.ts';
import { placeInLine } from '../token-in-line.ts';

const ScoredToken = memo(function ScoredToken({
  place,
  text,
  step,
  isSelected,
  isTabStop,
}: {
  readonly place: number;
  readonly text: string;
  readonly step: number | null;
  readonly isSelected: boolean;
  readonly isTabStop: boolean;
}): ReactNode {
  return (
    <span
      id={`compare-read-${place}`}
      role="option"
      aria-selected={isSelected}
      aria-label={isBlank(text) ? visibleText(text) || '∅' : undefined}
      tabIndex={isTabStop ? 0 : -1}
      data-place={place}
      className={`compare-read-token ${step === null || step === 0 ? '' : `compare-kl-${step}`}`}
    >
      {text}
    </span>
  );
});

/** A text with every token on the colour of its divergence. One Tab stop; arrow keys move, pointing is enough too. */
export function ScoredTokens({
  tokens,
  kl,
  label,
  place,
  onPlace,
}: {
  readonly tokens: ScoredText['tokens'];
  readonly kl: readonly (number | null)[];
  readonly label: string;
  readonly place: number | null;
  readonly onPlace: (place: number) => void;
}): ReactNode {
  const [active, setActive] = useState(0);
  const last = tokens.length - 1;
  const stop = Math.max(0, Math.min(active, last));
  const point = (event: SyntheticEvent): void => {
    const token = event.target instanceof Element ? event.target.closest('[data-place]') : null;
    if (token === null) return;
    const at = Number(token.getAttribute('data-place'));
    if (event.type !== 'mouseover') setActive(at);
    if (at !== place) onPlace(at);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const targets: Readonly<Record<string, () => number>> = {
      ArrowRight: () => stop + 1,
      ArrowLeft: () => stop - 1,
      ArrowDown: () => placeInLine(event.currentTarget, stop, 1),
      ArrowUp: () => placeInLine(event.currentTarget, stop, -1),
      Home: () => 0,
      End: () => last,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    document.getElementById(`compare-read-${Math.max(0, Math.min(target(), last))}`)?.focus();
  };
  return (
    <div
      className="compare-read"
      role="listbox"
      aria-label={label}
      aria-orientation="horizontal"
      tabIndex={-1}
      onFocus={point}
      onMouseOver={point}
      onKeyDown={onKeyDown}
    >
      {tokens.map(({ text }, i) => {
        const value = kl[i] ?? null;
        return (
          <ScoredToken
            key={i}
            place={i}
            text={text}
            step={value === null ? null : klStep(value)}
            isSelected={i === place}
            isTabStop={i === stop}
          />
        );
      })}
    </div>
  );
}
