import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError } from '../../app/contract/error.ts';
import { errorWords, type ToldError } from './error-words.ts';
import { nextSteps } from './next-steps.ts';
import { StepButton } from './step-button.tsx';

/** What happened, why, and what to do; with buttons that do it: those of the view, and those that lead to another. */
export function ErrorNote({
  error,
  actions,
  source = null,
}: {
  readonly error: ToldError;
  /** What only this view can do, e.g. try again. */
  readonly actions?: ReactNode;
  /** What was to be got or made: a repository, a folder or an id. */
  readonly source?: string | null;
}): ReactNode {
  const { t } = useTranslation('errors');
  const { title, what, next, details } = errorWords(error);
  const steps = nextSteps(error, source);
  return (
    <div className="note danger" role="alert">
      <CircleAlert aria-hidden />
      <div className="grow">
        <strong>{title}</strong>
        {what === '' ? null : <p>{what}</p>}
        {next === '' ? null : <p className="quiet">{next}</p>}
        {details === null ? null : (
          <details className="quiet">
            <summary>{t('details')}</summary>
            <p className="mono note-details">{details}</p>
          </details>
        )}
        {actions === undefined && steps.length === 0 ? null : (
          <div className="actions">
            {actions}
            {steps.map((step) => (
              <StepButton key={step} step={step} source={source} />
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

/** The same for anything thrown. */
export function FailureNote({
  failure,
  actions,
  source,
}: {
  readonly failure: unknown;
  readonly actions?: ReactNode;
  readonly source?: string | null;
}): ReactNode {
  return <ErrorNote error={toAppError(failure)} actions={actions} source={source} />;
}
