import { useMutation, type UseMutationResult } from '@tanstack/react-query';
import { toAppError, type AppError } from '../../app/contract/error.ts';
import { engine } from '../bridge.ts';
import { queryClient, queryKeys } from './queries.ts';

/** Keeps a hub token, or with null forgets it. What the hub refused before is asked again. */
export function useSetHubToken(): UseMutationResult<object, AppError, string | null> {
  return useMutation<object, AppError, string | null>({
    mutationFn: async (token) => {
      try {
        return await engine.setHubToken({ token });
      } catch (error) {
        throw toAppError(error);
      }
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: queryKeys.doctor });
      await queryClient.invalidateQueries({ queryKey: ['inspect'] });
    },
  });
}
