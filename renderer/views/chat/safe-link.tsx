import type { ReactNode } from 'react';
import { host } from '../../bridge.ts';
import { useAbout } from '../../state/queries.ts';

/** Schemes that a link of a model may have: nothing that runs code or opens another program. */
const WEB = /^https?:\/\//i;

/** A link that a model wrote. Only pages of the web can be opened, and only by the person's click. */
export function SafeLink({
  href,
  children,
}: {
  readonly href: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  const { data: about } = useAbout();
  const isElectron = about?.host === 'electron';
  // The shell opens https alone.
  if (href === undefined || !WEB.test(href) || (isElectron && !href.startsWith('https://')))
    return (
      <span>
        {children}
        {href === undefined || href === '' || href.startsWith('#') ? null : (
          <span className="quiet"> ({href})</span>
        )}
      </span>
    );
  return (
    <a
      href={href}
      target="_blank"
      rel="noreferrer"
      title={href}
      onClick={(event) => {
        if (!isElectron) return;
        event.preventDefault();
        void host.openExternal({ url: href });
      }}
    >
      {children}
    </a>
  );
}
