import { CircleCheck, CircleDashed, CircleDot, CirclePause, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../app/contract/job.ts';
import { ProgressFigure, useProgressWords } from '../design/progress-line.tsx';
import { useSchemeTexts } from '../design/scheme.tsx';
import { plannedSteps, type PlannedStep, type StepState } from './job-steps.ts';

const icons: Readonly<Record<StepState, LucideIcon>> = {
  waiting: CircleDashed,
  running: CircleDot,
  held: CirclePause,
  done: CircleCheck,
};

/** How far a step is: nothing before it begins, all of it at its end, null while its size is unknown. */
function shareOf({ state, progress }: PlannedStep): number | null {
  if (state === 'done') return 1;
  if (state === 'waiting' || progress === null) return 0;
  if (progress.total === null || progress.total === 0) return state === 'running' ? null : 0;
  return progress.done / progress.total;
}

function Step({
  step,
  isFailed,
}: {
  readonly step: PlannedStep;
  /** The last word of a step that failed is out of date: the error says more. */
  readonly isFailed: boolean;
}): ReactNode {
  const { t } = useTranslation('jobs');
  const progressWords = useProgressWords();
  const schemeTexts = useSchemeTexts();
  const Icon = icons[step.state];
  const { progress, state } = step;
  const scheme = step.scheme === null ? null : schemeTexts(step.scheme).label;
  const label =
    step.kind === 'evaluate' && scheme === null
      ? t('step.measure')
      : t(`step.${step.kind}`, { scheme: scheme ?? '' });
  const words =
    progress === null || state === 'waiting' || state === 'done'
      ? t(`stepState.${state}`)
      : progressWords(progress);
  return (
    <li className={`job-step ${state}`}>
      <Icon aria-hidden />
      <div className="grow">
        <ProgressFigure label={label} words={words} fraction={shareOf(step)} />
        {/* Keeps its line when it is empty: names come and go many times a second. */}
        <p className="job-detail mono ellipsis">
          {!isFailed && (state === 'running' || state === 'held') ? progress?.detail : null}
        </p>
      </div>
    </li>
  );
}

/** Every step of a job with how far, how fast and how long still. */
export function StepList({ job }: { readonly job: Job }): ReactNode {
  const { t } = useTranslation('jobs');
  return (
    <ol className="job-steps" aria-label={t('steps', { subject: job.subject })}>
      {plannedSteps(job).map((step) => (
        <Step key={step.key} step={step} isFailed={job.state === 'failed'} />
      ))}
    </ol>
  );
}
