import { useEffect, type ReactNode } from 'react';
import { RouterProvider } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { engine } from '../bridge.ts';
import { toast, Toasts } from '../design/toasts.tsx';
import { followHeldModels } from '../state/held-models.ts';
import { followJobs, useEndedJob } from '../state/jobs.ts';
import { useSettings } from '../state/queries.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { useHostCommands } from './host-commands.ts';
import { useGlobalKeys } from './keys.ts';
import { paths } from './navigation.ts';
import { Palette } from './palette.tsx';
import { Rail } from './rail.tsx';
import { Shortcuts } from './shortcuts.tsx';
import './frame.css';

/** Says once, wherever the person is, that a job ended. */
function useJobNews(): void {
  const job = useEndedJob();
  const { t } = useTranslation();
  const [, navigate] = useLocation();
  useEffect(() => {
    if (job === null || job.state === 'cancelled') return;
    const failed = job.state === 'failed';
    toast({
      text: failed
        ? t('jobFailed', { subject: job.subject, reason: job.error?.message ?? '' })
        : t('jobDone', { subject: job.subject }),
      look: failed ? 'danger' : 'good',
      action: { label: t('jobShow'), onAction: () => navigate(paths.jobs) },
    });
  }, [job, navigate, t]);
}

/** Everything around a view: the rail, the overlays, what is told in passing. */
export function Frame({ children }: { readonly children: ReactNode }): ReactNode {
  const [, navigate] = useLocation();
  const { t } = useTranslation();
  useSettings();
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
