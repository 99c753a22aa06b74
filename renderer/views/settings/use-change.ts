import { useTranslation } from 'react-i18next';
import type { Settings } from '../../../app/contract/settings.ts';
import { toast } from '../../design/toasts.tsx';
import { queryClient, queryKeys, useUpdateSettings } from '../../state/queries.ts';
import { errorText } from '../../errors/error-words.ts';

/** Changes settings at once; a refusal is said and what was kept comes back. */
export function useChange(): (change: Partial<Settings>) => void {
  const { mutate } = useUpdateSettings();
  const { t } = useTranslation('settings');
  return (change) => {
    mutate(change, {
      onError: (error) => {
        toast({ text: t('refused', { reason: errorText(error) }), look: 'danger' });
      },
      onSuccess: () => {
        // What the hub is and says depends on its address.
        if ('hubEndpoint' in change)
          for (const queryKey of [queryKeys.doctor, ['inspect'], ['search']])
            void queryClient.invalidateQueries({ queryKey });
      },
    });
  };
}
