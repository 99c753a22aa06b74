import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError, type AppError } from '../../../app/contract/error.ts';
import { formatBytes } from '../../texts/format.ts';
import { engine } from '../../bridge.ts';
import { toast } from '../../design/toasts.tsx';
import { queryClient, queryKeys } from '../../state/queries.ts';
import { errorText } from '../../errors/error-words.ts';

/** Something that is about to be deleted. */
export interface Doomed {
  readonly id: string;
  readonly name: string;
  /** What deleting it gives back, about. */
  readonly frees: number;
  readonly isCheckpoint: boolean;
  readonly owned: boolean;
  readonly available: boolean;
  readonly directory: string;
  /** Artifacts that stay when a checkpoint goes. */
  readonly artifacts: number;
}

/** A deletion that the trash refused: it can be done for good instead. */
export interface Refused {
  readonly doomed: readonly Doomed[];
  readonly error: AppError;
}

/** Errors after which deleting for good could work; a model that is in use stays in use. */
const couldWorkForGood = (error: AppError): boolean =>
  !['busy', 'not-found', 'aborted', 'engine-restarted', 'network'].includes(error.code);

/** Deletes models: to the trash first; what the trash refuses is left for a second question. */
export function useRemoval(onGone: () => void): {
  readonly refused: Refused | null;
  readonly forget: () => void;
  readonly remove: (doomed: readonly Doomed[], forever: boolean) => Promise<void>;
} {
  const { t } = useTranslation('library');
  const [refused, setRefused] = useState<Refused | null>(null);
  const remove = async (doomed: readonly Doomed[], forever: boolean): Promise<void> => {
    const left: Doomed[] = [];
    let why: AppError | null = null;
    for (const one of doomed) {
      const { id, name, available } = one;
      try {
        // Without its disk only the line can go, which the engine calls deleting for good.
        const { freedBytes, deletedFiles, directory, keptFiles } = await engine.remove({
          id,
          forever: forever || !available,
        });
        const size = formatBytes(freedBytes);
        toast({
          look: 'good',
          text: !deletedFiles
            ? t('tookOff', { name })
            : forever
              ? t('deletedForever', { name, size })
              : t('deleted', { name, size }),
        });
        if (deletedFiles && keptFiles.length > 0)
          toast({ text: t('keptFiles', { count: keptFiles.length, directory }) });
      } catch (thrown) {
        const error = toAppError(thrown);
        if (!forever && couldWorkForGood(error)) {
          left.push(one);
          why = error;
        } else
          toast({ look: 'danger', text: t('deleteFailed', { name, reason: errorText(error) }) });
      }
    }
    setRefused(why === null ? null : { doomed: left, error: why });
    await queryClient.invalidateQueries({ queryKey: queryKeys.library });
    for (const { id } of doomed) queryClient.removeQueries({ queryKey: queryKeys.show(id) });
    onGone();
  };
  return {
    refused,
    forget: () => {
      setRefused(null);
    },
    remove,
  };
}
