import type { HeldModel } from '../../app/contract/runner-api.ts';
import { engine, keepWatching } from '../bridge.ts';
import { createStore, useStore } from './store.ts';

const held = createStore<readonly HeldModel[]>([]);

/** Follows which models are loaded until the returned function is called. */
export function followHeldModels(): () => void {
  return keepWatching((signal) =>
    engine.watchModels({}, { signal, onEvent: (models) => held.write(models) }),
  );
}

export function useHeldModels(): readonly HeldModel[] {
  return useStore(held);
}
