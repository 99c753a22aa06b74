import { CircleAlert, TriangleAlert, Info } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError, type AppError, type ErrorCode } from '../../app/contract/error.ts';
import { textKey } from '../texts/text-key.ts';

/** The headline of an error in the person's language. */
export function useErrorTitle(): (code: ErrorCode) => string {
  const { t } = useTranslation('errors');
  return (code) => t(textKey(code));
}

/** What happened, why, what to do; with a button that does it. */
export function ErrorNote({
  error,
  actions,
}: {
  readonly error: Pick<AppError, 'code' | 'message' | 'remedy'>;
  readonly actions?: ReactNode;
}): ReactNode {
  const title = useErrorTitle();
  return (
    <div className="note danger" role="alert">
      <CircleAlert aria-hidden />
      <div className="grow">
        <strong>{title(error.code)}</strong>
        <p>{error.message}</p>
        {error.remedy === null ? null : <p className="quiet">{error.remedy}</p>}
        {actions === undefined ? null : <div className="actions">{actions}</div>}
      </div>
    </div>
  );
}

/** The same for anything thrown. */
export function FailureNote({
  failure,
  actions,
}: {
  readonly failure: unknown;
  readonly actions?: ReactNode;
}): ReactNode {
  return <ErrorNote error={toAppError(failure)} {...(actions === undefined ? {} : { actions })} />;
}

export function Note({
  kind = 'info',
  children,
  actions,
}: {
  readonly kind?: 'info' | 'warn';
  readonly children: ReactNode;
  readonly actions?: ReactNode;
}): ReactNode {
  return (
    <div className={`note ${kind}`}>
      {kind === 'warn' ? <TriangleAlert aria-hidden /> : <Info aria-hidden />}
      <div className="grow">
        {children}
        {actions === undefined ? null : <div className="actions">{actions}</div>}
      </div>
    </div>
  );
}

/** What a view shows that has nothing to show yet: what it is for, and the first step. */
export function EmptyState({
  icon,
  title,
  children,
  actions,
}: {
  readonly icon: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}): ReactNode {
  return (
    <div className="empty">
      {icon}
      <h2>{title}</h2>
      {children === undefined ? null : <p>{children}</p>}
      {actions === undefined ? null : <div className="row wrap">{actions}</div>}
    </div>
  );
}
