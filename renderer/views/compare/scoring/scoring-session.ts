import type { ScoredText } from '../../../../app/contract/comparison.ts';
import { toAppError, type AppError } from '../../../../app/contract/error.ts';
import type { Progress } from '../../../../app/contract/progress.ts';
import { engine } from '../../../bridge.ts';
import { queryClient, queryKeys } from '../../../state/queries.ts';
import { createStore, useStore } from '../../../state/store.ts';

export type Reading =
  | { readonly state: 'idle' }
  | { readonly state: 'reading'; readonly progress: Progress | null }
  | { readonly state: 'done'; readonly scored: ScoredText }
  | { readonly state: 'stopped' }
  | { readonly state: 'failed'; readonly failure: AppError };

/** The text that is being read, or was the last. Outside the view, so that it goes on while the person looks elsewhere. */
const reading = createStore<Reading>({ state: 'idle' });
let working: AbortController | null = null;

export function useReading(): Reading {
  return useStore(reading);
}

/** Has a reference and others read a text; one reading at a time. */
export async function startReading(ids: readonly string[], text: string): Promise<void> {
  const [referenceId, ...others] = ids;
  if (working !== null || referenceId === undefined) return;
  const controller = new AbortController();
  working = controller;
  reading.write({ state: 'reading', progress: null });
  try {
    const scored = await engine.scoreText(
      { referenceId, ids: others, text },
      {
        signal: controller.signal,
        onEvent: (progress) => {
          reading.write({ state: 'reading', progress });
        },
      },
    );
    reading.write({ state: 'done', scored });
  } catch (error) {
    const failure = toAppError(error);
    reading.write(failure.code === 'aborted' ? { state: 'stopped' } : { state: 'failed', failure });
    // It may have been damage, which the library knows.
    void queryClient.invalidateQueries({ queryKey: queryKeys.library });
  } finally {
    working = null;
  }
}

export function stopReading(): void {
  working?.abort();
}
