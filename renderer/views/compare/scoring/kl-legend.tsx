import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { klLegend } from '../logic/kl-ramp.ts';

/** What the colours say: the words of the quality scale and where each begins. */
export function KlLegend(): ReactNode {
  const { t } = useTranslation('compare');
  const { t: words } = useTranslation('schemes');
  return (
    <ul className="compare-legend" aria-label={t('read.legend')}>
      {klLegend().map(({ word, steps, from }) => (
        <li key={word}>
          <span className="compare-legend-steps" aria-hidden>
            {steps.map((step) => (
              <span key={step} className={`compare-kl-${step}`} />
            ))}
          </span>
          <span>{words(`quality.${word}`)}</span>
          <span className="quiet">
            {from === 0 ? t('read.below', { value: 0.001 }) : t('read.from', { value: from })}
          </span>
        </li>
      ))}
    </ul>
  );
}
