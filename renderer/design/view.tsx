import type { ReactNode } from 'react';

export interface ViewProps {
  readonly title: ReactNode;
  /** Beside the title: filters, a search. */
  readonly tools?: ReactNode;
  /** On the right: the main action last. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** Leaves scrolling and padding to the content, e.g. a conversation. */
  readonly isBare?: boolean;
}

/** The frame of every view: one toolbar with title and actions, and the content below it. */
export function View({ title, tools, actions, children, isBare = false }: ViewProps): ReactNode {
  return (
    <section className="view">
      <header className="view-toolbar">
        <h1>{title}</h1>
        {tools}
        <div className="spacer" />
        {actions}
      </header>
      {isBare ? children : <div className="view-body">{children}</div>}
    </section>
  );
}
