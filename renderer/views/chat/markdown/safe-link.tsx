import type { ReactNode } from 'react';
import { host as hostApi } from '../../../bridge.ts';
import { useAbout } from '../../../state/queries.ts';
import { linkTarget } from './link-target.ts';

/** The words of a link, as far as they are plain text. */
function wordsOf(children: ReactNode): string {
  if (typeof children === 'string') return children;
  return Array.isArray(children) ? children.map(wordsOf).join('') : '';
}

/** A link that a model wrote. Only pages of the public web can be opened, by the person's click, who sees where it leads. */
export function SafeLink({
  href,
  children,
}: {
  readonly href: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  const { data: about } = useAbout();
  const isElectron = about?.host === 'electron';
  const target = linkTarget(href);
  // The shell opens https alone.
  if (target === null || (isElectron && !target.href.startsWith('https://')))
    return (
      <span>
        {children}
        {href === undefined ||
        href === '' ||
        href.startsWith('#') ||
        wordsOf(children) === href ? null : (
          <span className="quiet"> ({href})</span>
        )}
      </span>
    );
  return (
    <>
      <a
        href={target.href}
        target="_blank"
        rel="noopener noreferrer"
        title={target.href}
        onClick={(event) => {
          if (!isElectron) return;
          event.preventDefault();
          void hostApi.openExternal({ url: target.href });
        }}
      >
        {children}
      </a>
      {wordsOf(children).includes(target.host) ? null : (
        <span className="quiet"> ({target.host})</span>
      )}
    </>
  );
}
