import { useState } from 'react';
import { toAppError, type AppError } from '../../../app/contract/error.ts';
import { engine } from '../../bridge.ts';
import { queryClient, queryKeys } from '../../state/queries.ts';

export interface FolderActions {
  readonly error: AppError | null;
  readonly isBusy: boolean;
  /** Models found in it; null when it was refused. */
  readonly add: (directory: string) => Promise<number | null>;
  readonly remove: (folderId: number) => Promise<void>;
  readonly makeDefault: (folderId: number) => Promise<void>;
}

/** What can be done with the library's folders. What was refused stays until the next attempt. */
export function useFolders(): FolderActions {
  const [error, setError] = useState<AppError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const attempt = async <T>(work: () => Promise<T>): Promise<T | null> => {
    setError(null);
    setBusy(true);
    try {
      return await work();
    } catch (failure) {
      setError(toAppError(failure));
      return null;
    } finally {
      setBusy(false);
      await queryClient.invalidateQueries({ queryKey: queryKeys.library });
    }
  };
  return {
    error,
    isBusy,
    add: async (directory) =>
      (await attempt(() => engine.addFolder({ directory })))?.found.length ?? null,
    remove: async (folderId) => {
      await attempt(() => engine.removeFolder({ folderId }));
    },
    makeDefault: async (folderId) => {
      await attempt(() => engine.setDefaultFolder({ folderId }));
    },
  };
}
