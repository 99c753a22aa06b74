import { TriangleAlert, Info } from 'lucide-react';
import type { ReactNode } from 'react';

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
