import type { ReactNode } from 'react';
import { ProgressBar } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatDuration, formatRate, formatWhole } from '../texts/format.ts';
import type { Progress } from '../../app/contract/progress.ts';

/** How far, how fast and how long still, in one line of words. */
export function useProgressWords(): (progress: Progress) => string {
  const { t } = useTranslation();
  return ({ unit, done, total, rate, secondsLeft }) => {
    const amount = (value: number): string =>
      unit === 'bytes' ? formatBytes(value) : formatWhole(value);
    const word = unit === 'bytes' ? '' : t(`units.${unit}`);
    const far =
      total === null ? amount(done) : t('ofTotal', { done: amount(done), total: amount(total) });
    const parts = [word === '' ? far : `${far} ${word}`];
    if (rate !== null && rate > 0) parts.push(formatRate(rate, unit === 'bytes' ? unit : word));
    if (secondsLeft !== null && done < (total ?? Number.POSITIVE_INFINITY))
      parts.push(
        t('timeLeft', { time: formatDuration(Math.max(1, Math.round(secondsLeft)) * 1000) }),
      );
    return parts.join(' · ');
  };
}

/** One step of a job as a bar with its words. */
export function ProgressLine({
  label,
  progress,
}: {
  readonly label: ReactNode;
  readonly progress: Progress;
}): ReactNode {
  const words = useProgressWords()(progress);
  return (
    <ProgressFigure
      label={label}
      words={words}
      fraction={
        progress.total === null || progress.total === 0 ? null : progress.done / progress.total
      }
    />
  );
}

/** A bar from 0 to 1; null shows that something goes on without saying how far. */
export function ProgressFigure({
  label,
  words,
  fraction,
}: {
  readonly label: ReactNode;
  readonly words: string;
  readonly fraction: number | null;
}): ReactNode {
  return (
    <ProgressBar
      className="progress"
      aria-label={typeof label === 'string' ? label : words}
      minValue={0}
      maxValue={1}
      {...(fraction === null ? { isIndeterminate: true } : { value: fraction })}
      valueLabel={words}
    >
      <div className="progress-words">
        <span className="ellipsis">{label}</span>
        <span className="quiet number">{words}</span>
      </div>
      <div className="progress-track">
        <div
          className={`progress-fill ${fraction === null ? 'waiting' : ''}`}
          style={fraction === null ? undefined : { width: `${Math.min(1, fraction) * 100}%` }}
        />
      </div>
    </ProgressBar>
  );
}
