import { createStore, type Store } from '../state/store.ts';

/** Which overlay of the frame is open. */
export const overlay: Store<'palette' | 'shortcuts' | null> = createStore<
  'palette' | 'shortcuts' | null
>(null);
