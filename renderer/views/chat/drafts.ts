import { createStore, type Store } from '../../state/store.ts';

/** A conversation's id, or a chat that has not begun. */
export type DraftOf = number | 'new';

const stores = new Map<DraftOf, Store<string>>();

/** What was typed and not sent; it outlives other chats, other views and reloads. */
export function draftOf(of: DraftOf): Store<string> {
  const known = stores.get(of);
  if (known !== undefined) return known;
  const key = `nibble.chat.draft.${of}`;
  const store = createStore(localStorage.getItem(key) ?? '');
  store.subscribe(() => {
    const text = store.read();
    try {
      if (text === '') localStorage.removeItem(key);
      else localStorage.setItem(key, text);
    } catch {
      // Too long for the browser's store: it is kept until the page is closed.
    }
  });
  stores.set(of, store);
  return store;
}
