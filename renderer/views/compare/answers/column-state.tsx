import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatDuration, formatRate } from '../../../texts/format.ts';
import { ProgressFigure } from '../../../design/progress-line.tsx';
import type { ColumnModel } from './column-model.ts';
import { liveSpeed } from '../logic/speeds.ts';

/** What a column is doing, in a line that never changes its height. */
export function ColumnState({ column }: { readonly column: ColumnModel }): ReactNode {
  const { t } = useTranslation('compare');
  const { phase, loading, tokens, answer, weightsBytes } = column;
  if (phase === 'loading')
    return (
      <div className="compare-state">
        <ProgressFigure
          label={t('phase.loading')}
          words={weightsBytes === null ? '' : formatBytes(weightsBytes)}
          fraction={
            loading === null || loading.done === 0 || loading.total === null || loading.total === 0
              ? null
              : loading.done / loading.total
          }
        />
      </div>
    );
  if (tokens.length === 0)
    return (
      <div className="compare-state quiet">
        {phase === 'done'
          ? t('phase.empty')
          : phase === 'cut'
            ? t('phase.cutEmpty')
            : t(`phase.${phase}`)}
      </div>
    );
  const live = liveSpeed(tokens);
  const rate = answer?.statistics.decodeRate ?? live.rate;
  const firstTokenMs = answer?.statistics.timeToFirstTokenMs ?? live.firstTokenMs;
  return (
    <div className="compare-state">
      <p className="compare-speeds">
        <strong>{rate === null ? '–' : formatRate(rate, t('tokensUnit'))}</strong>
        <span className="quiet">
          {firstTokenMs === null
            ? '–'
            : t('column.firstAfter', { time: formatDuration(firstTokenMs) })}
        </span>
        <span className="quiet">{t('tokens', { count: tokens.length })}</span>
        {phase === 'cut' ? <span className="badge warn">{t('phase.cut')}</span> : null}
        {answer?.statistics.stop === 'max-tokens' || answer?.statistics.stop === 'context-full' ? (
          <span className="badge">
            {answer.statistics.stop === 'max-tokens'
              ? t('column.atLimit')
              : t('column.contextFull')}
          </span>
        ) : null}
      </p>
    </div>
  );
}
