import { describe, expect, it } from 'vitest';
import type {
  Conversation,
  ConversationMessage,
  ConversationSummary,
} from '../../../app/contract/conversation.ts';
import { greedySampling } from '../../../app/contract/sampling.ts';
import {
  contextLevel,
  estimatedHeight,
  isLeafWhole,
  withMessage,
  withSettingsOf,
} from '../../../renderer/views/chat/conversations/conversation-changes.ts';
import { groupByDay } from '../../../renderer/views/chat/conversations/conversation-groups.ts';
import { excerptParts } from '../../../renderer/views/chat/conversations/excerpt.ts';

function summary(id: number, updatedAt: Date): ConversationSummary {
  return {
    id,
    title: `chat ${id}`,
    artifactId: 'a',
    messages: 2,
    excerpt: null,
    updatedAt: updatedAt.toISOString(),
  };
}

function message(id: number, content: string): ConversationMessage {
  return {
    id,
    parentId: id === 1 ? null : id - 1,
    role: 'user',
    content,
    state: 'complete',
    artifactId: null,
    weightsSha256: null,
    weightsCheck: null,
    statistics: null,
    error: null,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

const conversation: Conversation = {
  id: 7,
  title: 'Old title',
  artifactId: 'a',
  system: '',
  sampling: greedySampling,
  maxTokens: 100,
  messages: [message(1, 'one'), message(2, 'two')],
  leafId: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
};

describe('groupByDay', () => {
  it('goes by calendar days of this time zone', () => {
    const now = new Date(2026, 2, 10, 0, 30);
    const groups = groupByDay(
      [
        summary(4, new Date(2026, 2, 10, 0, 10)),
        summary(3, new Date(2026, 2, 9, 23, 59)),
        summary(2, new Date(2026, 2, 9, 0, 0)),
        summary(1, new Date(2026, 2, 8, 23, 59)),
      ],
      now,
    );
    expect(
      groups.map(({ name, conversations }) => [name, conversations.map(({ id }) => id)]),
    ).toEqual([
      ['today', [4]],
      ['yesterday', [3, 2]],
      ['earlier', [1]],
    ]);
  });

  it('leaves empty groups out', () => {
    const now = new Date(2026, 0, 1, 12);
    expect(groupByDay([summary(1, new Date(2024, 0, 1))], now).map(({ name }) => name)).toEqual([
      'earlier',
    ]);
    expect(groupByDay([], now)).toEqual([]);
  });
});

describe('excerptParts', () => {
  it('marks what lies between the signs', () => {
    expect(excerptParts('…a \u2068hit\u2069 and \u2068two\u2069')).toEqual([
      { text: '…a ', isHit: false },
      { text: 'hit', isHit: true },
      { text: ' and ', isHit: false },
      { text: 'two', isHit: true },
    ]);
  });

  it('shows no sign that has no partner', () => {
    expect(excerptParts('a\u2068b')).toEqual([{ text: 'ab', isHit: false }]);
  });
});

describe('changes of a conversation', () => {
  it('add a message and show it', () => {
    const next = withMessage(conversation, message(3, 'three'));
    expect(next.messages.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(next.leafId).toBe(3);
    expect(conversation.messages).toHaveLength(2);
  });

  it('replace a message and leave the shown branch alone', () => {
    const next = withMessage(conversation, message(2, 'other'));
    expect(next.messages.map(({ content }) => content)).toEqual(['one', 'other']);
    expect(next.leafId).toBe(1);
  });

  it('take settings from the engine and keep the messages that are known', () => {
    const told = { ...conversation, title: 'New', messages: [], leafId: null };
    const next = withSettingsOf(conversation, told);
    expect(next.title).toBe('New');
    expect(next.messages).toBe(conversation.messages);
    expect(next.leafId).toBe(1);
  });
});

describe('contextLevel', () => {
  it('speaks from 80 % on', () => {
    expect(contextLevel(799, 1000)).toBe('fine');
    expect(contextLevel(800, 1000)).toBe('near');
    expect(contextLevel(999, 1000)).toBe('near');
    expect(contextLevel(1000, 1000)).toBe('full');
  });
});

describe('estimatedHeight', () => {
  it('grows with lines and with long lines', () => {
    expect(estimatedHeight('a\nb')).toBeGreaterThan(estimatedHeight('a'));
    expect(estimatedHeight('x'.repeat(1000))).toBeGreaterThan(estimatedHeight('x'.repeat(90)));
  });
});

describe('the end of the branch that is shown', () => {
  it('is whole once its answer is no longer being written, so that what it takes is counted then', () => {
    const answer = {
      ...message(4, 'It is'),
      role: 'assistant' as const,
      state: 'streaming' as const,
    };
    const writing = withMessage(withMessage(conversation, message(3, 'What?')), answer);
    expect(isLeafWhole(writing)).toBe(false);
    expect(isLeafWhole(withMessage(writing, { ...answer, state: 'complete' }))).toBe(true);
    expect(isLeafWhole(withMessage(writing, { ...answer, state: 'stopped' }))).toBe(true);
    expect(isLeafWhole(conversation)).toBe(true);
  });
});
