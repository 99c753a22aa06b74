import type { ReactNode } from 'react';

import { host } from '../../bridge.ts';
import { useAbout } from '../../state/queries.ts';
import { isPublicAddress } from './public-address.ts';

/**
 * A link that a model wrote. Only pages of the internet can be opened, and only by the person's click: what listens on
 * this computer or its network could do more with a click than a page of the internet, which knows no cookie of ours.
 */
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
  if (href === undefined || !isPublicAddress(href) || (isElectron && !href.startsWith('https://')))
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
