import { useMutation, type UseMutationResult } from '@tanstack/react-query';
import { toAppError, type AppError } from '../../app/contract/error.ts';
import i18next from 'i18next';
import { engine } from '../bridge.ts';
import { toast } from '../design/toasts.tsx';
import { queryClient, queryKeys } from './queries.ts';

/** Whose token it is; null where the hub could not be asked. */
interface TokenKept {
  readonly account: string | null;
}

/** Keeps a hub token, or with null forgets it. What the hub refused before is asked again. */
export function useSetHubToken(): UseMutationResult<TokenKept, AppError, string | null> {
  return useMutation<TokenKept, AppError, string | null>({
    mutationFn: async (token) => {
      try {
        return await engine.setHubToken({ token });
      } catch (error) {
        throw toAppError(error);
      }
    },
    onSuccess: async ({ account }, token) => {
      if (token !== null)
        toast(
          account === null
            ? { text: i18next.t('settings:hub.tokenUnseen') }
            : { look: 'good', text: i18next.t('settings:hub.tokenOf', { account }) },
        );
      await queryClient.invalidateQueries({ queryKey: queryKeys.doctor });
      await queryClient.invalidateQueries({ queryKey: ['inspect'] });
    },
  });
}
