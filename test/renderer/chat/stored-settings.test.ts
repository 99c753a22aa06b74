import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Conversation } from '../../../app/contract/conversation.ts';
import { AppError } from '../../../app/contract/error.ts';
import { greedySampling } from '../../../app/contract/sampling.ts';
import { queryClient, queryKeys } from '../../../renderer/state/queries.ts';
import { draftOf } from '../../../renderer/views/chat/drafts.ts';
import {
  keepSettings,
  waitingChange,
} from '../../../renderer/views/chat/settings/stored-settings.ts';
import { liveChat, say } from '../../../renderer/views/chat/messages/live-answers.ts';

/** What the engine was asked, in order; it answers a change of settings when the test says so. */
const calls: string[] = [];
let answerChange: {
  readonly resolve: (told: unknown) => void;
  readonly reject: (why: Error) => void;
};

vi.mock('../../../renderer/bridge.ts', () => ({
  engine: {
    updateConversation: (params: Record<string, unknown>) => {
      calls.push(`change ${JSON.stringify(params)}`);
      return new Promise((resolve, reject) => {
        answerChange = { resolve, reject };
      });
    },
    say: ({ content }: { content: string }) => {
      calls.push(`say ${content}`);
      return Promise.resolve({ id: 2, role: 'assistant' });
    },
    conversation: () => Promise.resolve(conversation),
  },
  host: {},
  keepWatching: () => () => undefined,
}));

const conversation: Conversation = {
  id: 7,
  title: 'x',
  artifactId: 'a',
  system: '',
  sampling: greedySampling,
  maxTokens: 1500,
  leafId: null,
  messages: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
};

/** Lets everything run that waits for nothing. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  vi.stubGlobal('requestAnimationFrame', () => 0);
  vi.stubGlobal('cancelAnimationFrame', () => undefined);
  calls.length = 0;
  queryClient.setQueryData(queryKeys.conversation(7), conversation);
});

describe('settings that were changed a moment before a question', () => {
  it('are in force before the question is asked', async () => {
    waitingChange(7).write({ maxTokens: 400 });
    const asked = say(7, null, 'Why?');
    await settle();
    expect(calls).toEqual(['change {"conversationId":7,"maxTokens":400}']);
    answerChange.resolve({ ...conversation, maxTokens: 400 });
    await asked;
    expect(calls[1]).toBe('say Why?');
    // Nothing is sent twice.
    await keepSettings(7);
    expect(calls).toHaveLength(2);
  });

  it('hold the question back where the engine refuses them, and the words come back', async () => {
    waitingChange(7).write({ maxTokens: 400 });
    const asked = say(7, null, 'Why?');
    await settle();
    answerChange.reject(new AppError('invalid-input', 'Too long.'));
    await asked;
    expect(calls).toHaveLength(1);
    expect(liveChat(7).failure.read()?.message).toBe('Too long.');
    expect(draftOf(7).read()).toBe('Why?');
  });
});
