import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ScoredText } from '../../../../app/contract/comparison.ts';
import { formatFixed, formatPercent } from '../../../texts/format.ts';
import { divergenceWord } from '../../../../app/contract/quality.ts';
import type { ScoredColumn } from '../logic/scoring.ts';
import { visibleText } from '../logic/visible-text.ts';

/** The numbers behind the token that is pointed at or focused: two lines that are always there. */
export function TokenReadout({
  tokens,
  column,
  reference,
  place,
  name,
  referenceName,
}: {
  readonly tokens: ScoredText['tokens'];
  readonly column: ScoredColumn;
  readonly reference: ScoredColumn;
  readonly place: number | null;
  readonly name: string;
  readonly referenceName: string;
}): ReactNode {
  const { t } = useTranslation('compare');
  const { t: words } = useTranslation('schemes');
  const kl = place === null ? null : (column.kl[place] ?? null);
  const own = place === null ? null : (column.logprobs[place] ?? null);
  const before = place === null ? null : (reference.logprobs[place] ?? null);
  const agrees = place === null ? null : (column.agrees[place] ?? null);
  if (place === null) return <p className="compare-readout quiet">{t('read.point')}</p>;
  const text = visibleText(tokens[place]?.text ?? '') || '∅';
  if (kl === null || own === null || before === null)
    return (
      <p className="compare-readout" aria-live="polite">
        <strong className="mono">{text}</strong> <span className="quiet">{t('read.unscored')}</span>
      </p>
    );
  return (
    <p className="compare-readout" aria-live="polite">
      <strong className="mono">{text}</strong>{' '}
      {t('read.kl', { value: formatFixed(kl, 4), word: words(`quality.${divergenceWord(kl)}`) })}
      <br />
      <span className="quiet">
        {t('read.odds', {
          reference: referenceName,
          before: formatPercent(Math.exp(before)),
          name,
          after: formatPercent(Math.exp(own)),
        })}
        {' · '}
        {agrees === true ? t('read.sameFirst') : t('read.otherFirst')}
      </span>
    </p>
  );
}
