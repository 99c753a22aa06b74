import type { ReactNode } from 'react';
import { Button as AriaButton } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { ScoredText } from '../../../../app/contract/comparison.ts';
import { klStep } from '../logic/kl-ramp.ts';
import { contextOf } from '../logic/scoring.ts';
import { visibleText } from '../logic/visible-text.ts';
import { formatFixed } from '../../../texts/format.ts';

/** The places where the predictions moved most; each leads to its place in the text. */
export function MostChanged({
  tokens,
  kl,
  places,
  onJump,
}: {
  readonly tokens: ScoredText['tokens'];
  readonly kl: readonly (number | null)[];
  readonly places: readonly number[];
  readonly onJump: (place: number) => void;
}): ReactNode {
  const { t } = useTranslation('compare');
  return (
    <section className="card" aria-label={t('read.most')}>
      <h2>{t('read.most')}</h2>
      <ol className="compare-most">
        {places.map((place) => {
          const value = kl[place] ?? 0;
          const { before, token, after } = contextOf(tokens, place);
          return (
            <li key={place}>
              <AriaButton
                className="compare-most-row"
                onPress={() => {
                  onJump(place);
                }}
              >
                <span className="ellipsis grow">
                  <span className="quiet">…{before}</span>
                  <strong className={`compare-kl-${klStep(value)}`}>
                    {token.trim() === '' ? visibleText(token) : token}
                  </strong>
                  <span className="quiet">{after}…</span>
                </span>
                <span className="number">{formatFixed(value, 3)}</span>
              </AriaButton>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
