import type { ReactNode } from 'react';

/** One section with its heading, which the list of sections leads to. */
export function Section({
  id,
  title,
  hint,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly hint?: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <section className="settings-section" aria-labelledby={`settings-${id}`}>
      <h2 id={`settings-${id}`} tabIndex={-1}>
        {title}
      </h2>
      {hint === undefined ? null : <p className="quiet">{hint}</p>}
      <div className="card settings-rows">{children}</div>
    </section>
  );
}

/** What is set on the left, the control on the right. The words are for the eye: the control has its own name. */
export function Row({
  label,
  hint,
  children,
}: {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className="settings-row">
      <div className="grow">
        <p className="settings-label">{label}</p>
        {hint === undefined ? null : <p className="quiet settings-hint">{hint}</p>}
      </div>
      <div className="settings-control">{children}</div>
    </div>
  );
}
