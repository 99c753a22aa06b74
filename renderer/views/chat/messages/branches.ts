import type { ConversationMessage } from '../../../../app/contract/conversation.ts';

/** The tree that the messages of a conversation form. */
export interface MessageTree {
  readonly byId: ReadonlyMap<number, ConversationMessage>;
  /** Ids of the messages under a message, oldest first; under null the beginnings. */
  readonly children: ReadonlyMap<number | null, readonly number[]>;
}

/** Which child was shown last under a message: switching back returns to where the person was. */
export type ShownChildren = ReadonlyMap<number | null, number>;

export function treeOf(messages: readonly ConversationMessage[]): MessageTree {
  const byId = new Map<number, ConversationMessage>();
  const children = new Map<number | null, number[]>();
  for (const message of messages) {
    byId.set(message.id, message);
    const siblings = children.get(message.parentId);
    if (siblings === undefined) children.set(message.parentId, [message.id]);
    else siblings.push(message.id);
  }
  for (const siblings of children.values()) siblings.sort((a, b) => a - b);
  return { byId, children };
}

/** The message and its siblings, oldest first; empty when the tree does not have it. */
export function siblingsOf(tree: MessageTree, id: number): readonly number[] {
  const message = tree.byId.get(id);
  return message === undefined ? [] : (tree.children.get(message.parentId) ?? []);
}

/**
 * Where a branch through `id` ends: below it the child that was shown last is followed, or the newest where none was.
 */
export function leafUnder(tree: MessageTree, id: number, shown: ShownChildren): number {
  let leaf = id;
  const visited = new Set<number>();
  while (!visited.has(leaf)) {
    visited.add(leaf);
    const below = tree.children.get(leaf);
    if (below === undefined) break;
    const last = shown.get(leaf);
    const next = last !== undefined && below.includes(last) ? last : below.at(-1);
    if (next === undefined) break;
    leaf = next;
  }
  return leaf;
}

/** Notes every step from the root to `leafId` as shown last. */
export function rememberShown(
  tree: MessageTree,
  leafId: number | null,
  shown: ShownChildren,
): Map<number | null, number> {
  const next = new Map(shown);
  const visited = new Set<number>();
  let current = leafId === null ? undefined : tree.byId.get(leafId);
  while (current !== undefined && !visited.has(current.id)) {
    visited.add(current.id);
    next.set(current.parentId, current.id);
    current = current.parentId === null ? undefined : tree.byId.get(current.parentId);
  }
  return next;
}
