import type { Conversation, ConversationMessage } from '../../../../app/contract/conversation.ts';
import { engine } from '../../../bridge.ts';
import { queryClient, queryKeys } from '../../../state/queries.ts';
import { leafUnder, rememberShown, treeOf, type ShownChildren } from '../messages/branches.ts';
import { withMessage, withSettingsOf } from './conversation-changes.ts';

type Changes = Partial<
  Pick<Conversation, 'title' | 'artifactId' | 'system' | 'sampling' | 'maxTokens'>
>;

const shownChildren = new Map<number, ShownChildren>();

export function knownConversation(id: number): Conversation | undefined {
  return queryClient.getQueryData<Conversation>(queryKeys.conversation(id));
}

function change(id: number, next: (known: Conversation) => Conversation): void {
  queryClient.setQueryData<Conversation>(queryKeys.conversation(id), (known) =>
    known === undefined ? undefined : next(known),
  );
}

/** Tells every list of conversations that one changed. */
export function conversationsChanged(): void {
  void queryClient.invalidateQueries({ queryKey: queryKeys.conversations });
}

export function putMessage(id: number, message: ConversationMessage): void {
  change(id, (known) => withMessage(known, message));
}

/** Reads a conversation anew and waits for it. @throws AppError as the engine's `conversation` does */
export async function reloadConversation(id: number): Promise<Conversation> {
  const conversation = await engine.conversation({ conversationId: id });
  queryClient.setQueryData(queryKeys.conversation(id), conversation);
  return conversation;
}

/** Reads title and settings anew; the messages stay as they are known. What cannot be read stays too. */
export async function reloadSettings(id: number): Promise<void> {
  const told = await engine.conversation({ conversationId: id }).catch(() => null);
  if (told !== null) change(id, (known) => withSettingsOf(known, told));
}

/** The change of each conversation that the engine was told of last, until all before it are answered. */
const underWay = new Map<number, Promise<unknown>>();

/** Changes title or settings at once on the screen, then in the engine. @throws AppError; the engine's word then holds */
export async function changeConversation(id: number, changes: Changes): Promise<void> {
  change(id, (known) => ({ ...known, ...changes }));
  const call = engine.updateConversation({ conversationId: id, ...changes });
  const all = Promise.allSettled([underWay.get(id), call]);
  underWay.set(id, all);
  try {
    const told = await call;
    // A later change stands on the screen already; the answer to it will say both.
    if (underWay.get(id) === all) change(id, (known) => withSettingsOf(known, told));
    if (changes.title !== undefined || changes.artifactId !== undefined) conversationsChanged();
  } catch (error) {
    void queryClient.invalidateQueries({ queryKey: queryKeys.conversation(id) });
    throw error;
  } finally {
    if (underWay.get(id) === all) underWay.delete(id);
  }
}

/** Returns once the engine has answered every change of a conversation that was made before. */
export async function whenChangesAreKept(id: number): Promise<void> {
  await underWay.get(id);
}

/**
 * Shows the branch through a message: at once on the screen, then in the engine.
 *
 * @throws AppError as the engine's `updateConversation` does
 */
export async function showBranch(id: number, messageId: number): Promise<void> {
  const known = knownConversation(id);
  if (known === undefined) return;
  const tree = treeOf(known.messages);
  const shown = rememberShown(tree, known.leafId, shownChildren.get(id) ?? new Map());
  const leafId = leafUnder(tree, messageId, shown);
  shownChildren.set(id, rememberShown(tree, leafId, shown));
  change(id, (before) => ({ ...before, leafId }));
  await engine.updateConversation({ conversationId: id, leafId });
}
