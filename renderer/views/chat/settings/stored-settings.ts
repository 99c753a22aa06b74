/**
 * Changes of a conversation's settings on their way to the engine. They belong to no component: whoever asks the model
 * something waits until what the person changed before is in force.
 */
import type { ConversationSettings } from '../../../../app/contract/conversation.ts';
import { createStore, type Store } from '../../../state/store.ts';
import { changeConversation, whenChangesAreKept } from '../conversations/conversation-cache.ts';

export type SettingsChange = Partial<Omit<ConversationSettings, 'artifactId'>>;

export const NO_CHANGE: SettingsChange = {};

const waiting = new Map<number, Store<SettingsChange>>();

/** What was changed and has not been sent yet. */
export function waitingChange(conversationId: number): Store<SettingsChange> {
  let store = waiting.get(conversationId);
  if (store === undefined) {
    store = createStore(NO_CHANGE);
    waiting.set(conversationId, store);
  }
  return store;
}

/**
 * Sends what waits and returns once the engine has everything that was changed.
 *
 * @throws AppError as the engine's `updateConversation` does; the engine's settings then hold
 */
export async function keepSettings(conversationId: number): Promise<void> {
  const store = waitingChange(conversationId);
  const change = store.read();
  if (change !== NO_CHANGE) {
    const kept = changeConversation(conversationId, change);
    // The conversation on the screen has them from here on.
    store.write(NO_CHANGE);
    await kept;
  }
  await whenChangesAreKept(conversationId);
}
