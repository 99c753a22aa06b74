import { ExternalLink as Arrow } from 'lucide-react';
import type { ReactNode } from 'react';
import { host } from '../bridge.ts';
import { useAbout } from '../state/queries.ts';

/** A link to a page of the web. In a window of our own the system's browser opens it: the window shows nothing foreign. */
export function ExternalLink({
  href,
  children,
  className,
}: {
  readonly href: string;
  readonly children: ReactNode;
  readonly className?: string;
}): ReactNode {
  const { data: about } = useAbout();
  return (
    <a
      href={href}
      target="_blank"
      rel="noopener noreferrer"
      className={className ?? 'external-link'}
      onClick={(event) => {
        if (about?.host !== 'electron') return;
        event.preventDefault();
        void host.openExternal({ url: href });
      }}
    >
      {children}
      <Arrow aria-hidden />
    </a>
  );
}
