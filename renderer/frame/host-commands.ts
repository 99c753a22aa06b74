import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { HostCommand } from '../../app/contract/host-api.ts';
import { host, keepWatching } from '../bridge.ts';
import { toast } from '../design/toasts.tsx';
import { queryClient } from '../state/queries.ts';
import { paths } from './navigation.ts';
import { overlay } from './shell-state.ts';

/** Does what menus, deep links and the host itself ask for. */
export function useHostCommands(): void {
  const [, navigate] = useLocation();
  const { t } = useTranslation();
  useEffect(() => {
    const obey = (command: HostCommand): void => {
      if (command.kind === 'open-repository') {
        navigate(paths.get(command.repository));
        return;
      }
      if (command.kind === 'engine-restarted') {
        void queryClient.invalidateQueries();
        toast({
          text: t('engineRestarted'),
          look: 'danger',
          action: { label: t('jobShow'), onAction: () => navigate(paths.jobs) },
        });
        return;
      }
      switch (command.command) {
        case 'new-chat':
        case 'show-chat':
          navigate(paths.chat());
          break;
        case 'palette':
          overlay.write('palette');
          break;
        case 'show-shortcuts':
          overlay.write('shortcuts');
          break;
        case 'show-home':
          navigate(paths.home);
          break;
        case 'show-get':
          navigate(paths.get());
          break;
        case 'show-library':
          navigate(paths.library);
          break;
        case 'show-compare':
          navigate(paths.compare());
          break;
        case 'show-jobs':
          navigate(paths.jobs);
          break;
        case 'show-settings':
          navigate(paths.settings);
          break;
      }
    };
    return keepWatching((signal) => host.watch({}, { signal, onEvent: obey }));
  }, [navigate, t]);
}
