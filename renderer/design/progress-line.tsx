import type { ReactNode } from 'react';
import { ProgressBar } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatDuration, formatRate } from '../../app/contract/format.ts';
import type { Progress } from '../../app/contract/progress.ts';

/** How far, how fast and how long still, in one line of words. */
export function progressWords(
  progress: Progress,
  words: {
    readonly of: (done: string, total: string) => string;
    readonly left: (time: string) => string;
  },
): string {
  const amount = (value: number): string =>
    progress.unit === 'bytes' ? formatBytes(value) : Math.round(value).toLocaleString();
  const parts = [
    progress.total === null
      ? amount(progress.done)
      : words.of(amount(progress.done), amount(progress.total)),
  ];
  if (progress.rate !== null && progress.rate > 0)
    parts.push(formatRate(progress.rate, progress.unit));
  if (progress.secondsLeft !== null && progress.done < (progress.total ?? Number.POSITIVE_INFINITY))
    parts.push(words.left(formatDuration(Math.max(1, Math.round(progress.secondsLeft)) * 1000)));
  return parts.join(' · ');
}

/** One step of a job as a bar with its words. */
export function ProgressLine({
  label,
  progress,
}: {
  readonly label: ReactNode;
  readonly progress: Progress;
}): ReactNode {
  const { t } = useTranslation();
  const words = progressWords(progress, {
    of: (done, total) => t('ofTotal', { done, total }),
    left: (time) => t('timeLeft', { time }),
  });
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
