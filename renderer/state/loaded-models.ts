import type { HeldModel } from '../../app/contract/runner-api.ts';
import { engine, keepWatching } from '../bridge.ts';
import { queryClient, queryKeys } from './queries.ts';
import { createStore, useStore } from './store.ts';

const held = createStore<readonly HeldModel[]>([]);

function hear(models: readonly HeldModel[]): void {
  const before = held.read();
  held.write(models);
  const fails = models.some(
    ({ artifactId, error }) =>
      error !== null &&
      before.every((known) => known.artifactId !== artifactId || known.error === null),
  );
  // The library knows whether that was damage.
  if (fails) void queryClient.invalidateQueries({ queryKey: queryKeys.library });
}

/** Follows which models are loaded until the returned function is called. */
export function followHeldModels(): () => void {
  return keepWatching((signal) => engine.watchModels({}, { signal, onEvent: hear }));
}

export function useHeldModels(): readonly HeldModel[] {
  return useStore(held);
}
