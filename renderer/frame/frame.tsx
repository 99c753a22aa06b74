import { useEffect, type ReactNode } from 'react';
import { RouterProvider } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { engine } from '../bridge.ts';
import { Toasts } from '../design/toasts.tsx';
import { followHeldModels } from '../state/loaded-models.ts';
import { followJobs } from '../state/jobs.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { useHostCommands } from './host-commands.ts';
import { useJobNews } from './job-news.ts';
import { useGlobalKeys } from './keys.ts';
import { Palette } from './palette.tsx';
import { Rail } from './rail.tsx';
import { Shortcuts } from './shortcuts.tsx';
import './frame.css';

/** Everything around a view: the rail, the overlays, what is told in passing. */
export function Frame({ children }: { readonly children: ReactNode }): ReactNode {
  const [, navigate] = useLocation();
  const { t } = useTranslation();
  useEffect(followJobs, []);
  useEffect(followHeldModels, []);
  useGlobalKeys();
  useHostCommands();
  useJobNews();
  return (
    <RouterProvider
      navigate={(path) => {
        navigate(path.replace(/^#/, ''));
      }}
    >
      <a className="skip-link" href="#content" onClick={focusContent}>
        {t('skipToContent')}
      </a>
      <div className="frame">
        <Rail onUnload={(artifactId) => void engine.unloadModel({ artifactId })} />
        <main id="content" className="frame-content" tabIndex={-1}>
          <ConnectionBanner />
          {children}
        </main>
      </div>
      <Palette />
      <Shortcuts />
      <Toasts />
    </RouterProvider>
  );
}

/** A plain jump to #content would be taken for a path by the hash router. */
function focusContent(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#content')?.focus();
}
