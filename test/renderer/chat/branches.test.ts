import { describe, expect, it } from 'vitest';
import type { ConversationMessage } from '../../../app/contract/conversation.ts';
import {
  leafUnder,
  rememberShown,
  siblingsOf,
  treeOf,
} from '../../../renderer/views/chat/messages/branches.ts';

function message(id: number, parentId: number | null): ConversationMessage {
  return {
    id,
    parentId,
    role: id % 2 === 1 ? 'user' : 'assistant',
    content: `message ${id}`,
    state: 'complete',
    artifactId: null,
    weightsSha256: null,
    weightsCheck: null,
    statistics: null,
    error: null,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

// 1 ─ 2 ─ 3 ─ 4
//   │      └ 6
//   └ 8 ─ 9 ─ 10
// 11
const tree = treeOf([
  message(1, null),
  message(2, 1),
  message(3, 2),
  message(6, 3),
  message(4, 3),
  message(8, 1),
  message(9, 8),
  message(10, 9),
  message(11, null),
]);

describe('siblings', () => {
  it('are all children of the same parent, oldest first', () => {
    expect(siblingsOf(tree, 6)).toEqual([4, 6]);
    expect(siblingsOf(tree, 2)).toEqual([2, 8]);
    expect(siblingsOf(tree, 1)).toEqual([1, 11]);
    expect(siblingsOf(tree, 3)).toEqual([3]);
    expect(siblingsOf(tree, 99)).toEqual([]);
  });
});

describe('the leaf under a message', () => {
  it('is the newest where nothing was shown', () => {
    expect(leafUnder(tree, 1, new Map())).toBe(10);
    expect(leafUnder(tree, 2, new Map())).toBe(6);
    expect(leafUnder(tree, 4, new Map())).toBe(4);
  });

  it('is where the person was last', () => {
    const shown = rememberShown(tree, 4, new Map());
    expect(leafUnder(tree, 2, shown)).toBe(4);
    expect(leafUnder(tree, 1, shown)).toBe(4);
    const later = rememberShown(tree, 10, shown);
    expect(leafUnder(tree, 1, later)).toBe(10);
    expect(leafUnder(tree, 2, later)).toBe(4);
  });

  it('forgets a child that is gone', () => {
    expect(leafUnder(tree, 2, new Map([[3, 77]]))).toBe(6);
  });

  it('ends in a tree that is damaged', () => {
    const circle = treeOf([message(1, 2), message(2, 1)]);
    expect([1, 2]).toContain(leafUnder(circle, 1, new Map()));
    expect(rememberShown(circle, 1, new Map()).size).toBe(2);
  });
});
