import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  branchOf,
  type Conversation,
  type ConversationMessage,
} from '../../../app/contract/conversation.ts';
import { openCatalog } from '../../../app/catalog/index.ts';
import { greedySampling } from '../../../app/contract/sampling.ts';
import {
  chatHome,
  LONG_ANSWER,
  openChatEngine,
  type ChatEngine,
} from '../../fixtures/chat-home.ts';
import { quiet } from '../../fixtures/test-engine.ts';
import { WAIT_MS } from '../../fixtures/wait.ts';

let home: string;
let engine: ChatEngine;

beforeAll(async () => {
  home = await chatHome(['nf4-dq', 'llm-int8']);
});
beforeEach(async () => {
  engine = await openChatEngine(home);
});

const sampling = { ...greedySampling, temperature: 0.9, seed: 7 };

/** Nearly any token is as likely as the one that ends: answers become as long as they may. */
const endless = { ...sampling, temperature: 5 };

async function begin(more: Partial<Conversation> = {}): Promise<number> {
  const { id } = await engine.client.createConversation({
    artifactId: 'sample-nf4-dq',
    sampling,
    maxTokens: 40,
    ...more,
  });
  return id;
}

async function say(
  id: number,
  parentId: number | null,
  content: string,
): Promise<ConversationMessage> {
  return engine.client.say({ conversationId: id, parentId, content });
}

/** Starts a long answer, and resolves once its first words are there. */
async function startLong(signal?: AbortSignal): Promise<{
  id: number;
  ended: Promise<ConversationMessage>;
  text: () => string;
}> {
  const id = await begin({ sampling: endless, maxTokens: LONG_ANSWER });
  let text = '';
  const ended = await new Promise<{ promise: Promise<ConversationMessage> }>((resolve, reject) => {
    const promise = engine.client.say(
      { conversationId: id, parentId: null, content: 'Tell me a story.' },
      {
        signal,
        onEvent: (event) => {
          if (event.kind !== 'tokens') return;
          text += event.tokens.map((token) => token.text).join('');
          if (text.length > 20) resolve({ promise });
        },
      },
    );
    promise.then((message) => {
      reject(new Error(`The answer ended too early: ${JSON.stringify(message)}`));
    }, reject);
  });
  return { id, ended: ended.promise, text: () => text };
}

async function shown(id: number): Promise<string[]> {
  const { messages, leafId } = await engine.client.conversation({ conversationId: id });
  return branchOf(messages, leafId).map(({ content }) => content);
}

describe('answering', () => {
  it('tells the question, the empty answer and the tokens, and keeps all of it', async () => {
    const id = await begin({ system: 'Be kind.' });
    const events: string[] = [];
    let streamed = '';
    const answer = await engine.client.say(
      { conversationId: id, parentId: null, content: 'Tell me a story.\nA long one.' },
      {
        onEvent: (event) => {
          if (event.kind === 'tokens') streamed += event.tokens.map(({ text }) => text).join('');
          else events.push(`${event.message.role} ${event.message.state}`);
        },
      },
    );
    expect(events).toEqual(['user complete', 'assistant streaming']);
    expect(answer).toMatchObject({ state: 'complete', error: null, artifactId: 'sample-nf4-dq' });
    expect(answer.content).toBe(streamed);
    expect(answer.content.length).toBeGreaterThan(10);
    expect(answer.statistics?.generatedTokens).toBeGreaterThan(1);
    const artifact = await engine.handlers.locate({ id: 'sample-nf4-dq' }, quiet);
    expect(answer.weightsSha256).toBe(artifact.weightsSha256);
    const conversation = await engine.client.conversation({ conversationId: id });
    expect(conversation).toMatchObject({ title: 'Tell me a story.', leafId: answer.id });
    expect(conversation.messages.at(-1)).toEqual(answer);
  });

  it('gives the same text to the same conversation, also after a restart, and names a renamed one as it was', async () => {
    const play = async (): Promise<string[]> => {
      const id = await begin();
      await engine.client.updateConversation({ conversationId: id, title: 'Mine' });
      const first = await say(id, null, 'Tell me a story.');
      await say(id, first.id, 'Tell me more.');
      expect(await engine.client.conversation({ conversationId: id })).toMatchObject({
        title: 'Mine',
      });
      return shown(id);
    };
    const once = await play();
    expect(once).toHaveLength(4);
    await engine.close();
    engine = await openChatEngine(home);
    expect(await play()).toEqual(once);
  });

  it('branches: another answer with another seed, another question, and back', async () => {
    const id = await begin();
    const first = await say(id, null, 'Tell me a story.');
    const questionId = first.parentId ?? 0;
    const again = await engine.client.answerAgain({ conversationId: id, parentId: questionId });
    expect(again.content).not.toBe(first.content);
    expect(again.parentId).toBe(questionId);
    const other = await say(id, null, 'What is two plus three?');
    expect(await shown(id)).toEqual(['What is two plus three?', other.content]);
    await engine.client.updateConversation({ conversationId: id, leafId: first.id });
    expect(await shown(id)).toEqual(['Tell me a story.', first.content]);
    const below = await say(id, again.id, 'And then?');
    expect(await shown(id)).toEqual([
      'Tell me a story.',
      again.content,
      'And then?',
      below.content,
    ]);
    // Replayed: the seed of an answer follows from its place.
    const replay = await begin();
    const same = await say(replay, null, 'Tell me a story.');
    const sameAgain = await engine.client.answerAgain({
      conversationId: replay,
      parentId: same.parentId ?? 0,
    });
    expect([same.content, sameAgain.content]).toEqual([first.content, again.content]);
  });

  it('goes on with another model in the same conversation', async () => {
    const id = await begin();
    const first = await say(id, null, 'Hello!');
    await engine.client.updateConversation({ conversationId: id, artifactId: 'sample-llm-int8' });
    const second = await say(id, first.id, 'Tell me a story.');
    expect(second).toMatchObject({ state: 'complete', artifactId: 'sample-llm-int8' });
    expect(second.weightsSha256).not.toBe(first.weightsSha256);
  });

  it('refuses what cannot be asked, and changes nothing', async () => {
    const id = await begin();
    const first = await say(id, null, 'Hello!');
    const other = await begin();
    const foreign = await say(other, null, 'Hello!');
    const before = await engine.client.conversation({ conversationId: id });
    await expect(say(id, foreign.id, 'x')).rejects.toMatchObject({ code: 'not-found' });
    await expect(say(id, first.parentId, 'x')).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(say(99_999, null, 'x')).rejects.toMatchObject({ code: 'not-found' });
    await expect(
      engine.client.answerAgain({ conversationId: id, parentId: first.id }),
    ).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(
      engine.client.updateConversation({ conversationId: id, artifactId: 'nothing', title: 'x' }),
    ).rejects.toMatchObject({ code: 'not-found' });
    await expect(begin({ artifactId: 'nothing' })).rejects.toMatchObject({ code: 'not-found' });
    expect(await engine.client.conversation({ conversationId: id })).toEqual(before);
  });

  it('says how much does not fit, keeps the question, and loads anew when the limit was raised', async () => {
    await engine.client.updateSettings({ contextLength: 128 });
    try {
      const id = await begin();
      const answer = await say(id, null, 'word '.repeat(400));
      expect(answer).toMatchObject({ state: 'failed', content: '' });
      expect(answer.error?.code).toBe('invalid-input');
      expect(answer.error?.message).toMatch(/takes \d{3,} tokens.*holds 128/);
      expect(answer.error?.remedy).toMatch(/new chat.*shorten.*Settings/);
      expect(
        (await engine.client.contextUse({ conversationId: id, draft: 'x' }))?.contextLength,
      ).toBe(128);
      await engine.client.updateSettings({ contextLength: 600 });
      const again = await engine.client.answerAgain({
        conversationId: id,
        parentId: answer.parentId ?? 0,
      });
      expect(again.state).toBe('complete');
    } finally {
      await engine.client.updateSettings({ contextLength: null });
    }
  });
});

describe('an answer that ends early', () => {
  it('is stopped by the person and keeps its text; meanwhile nobody else is answered there', async () => {
    const stop = new AbortController();
    const { id, ended, text } = await startLong(stop.signal);
    await expect(say(id, null, 'x')).rejects.toMatchObject({ code: 'busy' });
    stop.abort();
    const answer = await ended;
    expect(answer).toMatchObject({ state: 'stopped', error: null });
    expect(answer.content.startsWith(text().slice(0, 20))).toBe(true);
    expect(answer.statistics?.stop).toBe('cancelled');
    await engine.client.updateConversation({ conversationId: id, maxTokens: 20 });
    const next = await say(id, answer.id, 'Hello!');
    expect(next.state).toBe('complete');
  });

  it('keeps its text when its runner is killed, says so, and the next question loads it anew', async () => {
    const { id, ended, text } = await startLong();
    process.kill(engine.pids.at(-1) ?? 0, 'SIGKILL');
    const answer = await ended;
    expect(answer).toMatchObject({ state: 'failed', error: { code: 'runner-crashed' } });
    expect(answer.error?.message).toContain('SIGKILL');
    expect(answer.content).toBe(text());
    const crashed = engine.told.at(-1)?.[0];
    expect(crashed).toMatchObject({ state: 'crashed', error: { code: 'runner-crashed' } });
    await engine.client.updateConversation({ conversationId: id, maxTokens: 20 });
    const again = await engine.client.answerAgain({
      conversationId: id,
      parentId: answer.parentId ?? 0,
    });
    expect(again.content.length).toBeGreaterThan(0);
    expect(engine.pids).toHaveLength(2);
  });

  it('is stopped when its window goes away, when its model is unloaded and when Nibble is closed', async () => {
    const reopened = async (id: number): Promise<ConversationMessage | undefined> => {
      await engine.close();
      engine = await openChatEngine(home);
      return (await engine.client.conversation({ conversationId: id })).messages.at(-1);
    };
    const unloaded = await startLong();
    await engine.client.unloadModel({ artifactId: 'sample-nf4-dq' });
    expect(await unloaded.ended).toMatchObject({ state: 'stopped' });

    const closed = await startLong();
    const atClose = await reopened(closed.id);
    expect(atClose?.state).toBe('stopped');
    expect(atClose?.content.length).toBeGreaterThan(20);

    const reloaded = await startLong();
    engine.hangUp();
    expect((await reopened(reloaded.id))?.state).toBe('stopped');
  });

  it('has failed when the engine died with it, as far as it was kept', async () => {
    const id = await begin();
    const first = await say(id, null, 'Hello!');
    await engine.close();
    const catalog = openCatalog(`${home}/catalog.sqlite`);
    catalog.conversations.writeAnswer(first.id, { content: 'Half an', state: 'streaming' });
    catalog.close();
    engine = await openChatEngine(home);
    const { messages } = await engine.client.conversation({ conversationId: id });
    expect(messages.at(-1)).toMatchObject({
      state: 'failed',
      content: 'Half an',
      error: { code: 'engine-restarted', remedy: 'Ask for the answer again.' },
    });
  });

  it('goes on when a second Nibble opens the same home, which hides nothing of the first either', async () => {
    const hidden = await begin();
    await engine.client.removeConversation({ conversationId: hidden });
    const { id, ended } = await startLong();
    const second = await openChatEngine(home);
    const seen = await second.client.conversation({ conversationId: id });
    expect(seen.messages.at(-1)?.state).toBe('streaming');
    await second.close();
    await engine.client.restoreConversation({ conversationId: hidden });
    await engine.client.unloadModel({ artifactId: 'sample-nf4-dq' });
    expect(await ended).toMatchObject({ state: 'stopped' });
  });

  it('is in the catalog while it comes', async () => {
    const stop = new AbortController();
    const { id, ended } = await startLong(stop.signal);
    const other = openCatalog(`${home}/catalog.sqlite`);
    let kept: ConversationMessage | undefined;
    await vi.waitUntil(
      () => {
        kept = other.conversations.conversation(id).messages.at(-1);
        return (kept?.content ?? '') !== '';
      },
      { timeout: WAIT_MS },
    );
    other.close();
    expect(kept?.content.length).toBeGreaterThan(0);
    stop.abort();
    await ended;
  });
});

describe('keeping conversations', () => {
  it('finds, hides, brings back and at last deletes them', async () => {
    const id = await begin();
    await say(id, null, 'Where do zebras sleep?');
    expect(await engine.client.conversations({ query: 'zeb' })).toMatchObject([
      { id, messages: 2, excerpt: expect.stringMatching(/\u2068zebras\u2069/i) as string },
    ]);
    await engine.client.removeConversation({ conversationId: id });
    expect(await engine.client.conversations({ query: 'zeb' })).toEqual([]);
    await expect(engine.client.conversation({ conversationId: id })).rejects.toMatchObject({
      code: 'not-found',
    });
    await engine.client.restoreConversation({ conversationId: id });
    expect(await engine.client.conversations({ query: 'zeb' })).toHaveLength(1);
    await engine.client.removeConversation({ conversationId: id });
    await engine.close();
    engine = await openChatEngine(home);
    await expect(engine.client.restoreConversation({ conversationId: id })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('stops the answer of a conversation that is removed', async () => {
    const { id, ended } = await startLong();
    await engine.client.removeConversation({ conversationId: id });
    expect((await ended).state).toBe('stopped');
    await engine.client.restoreConversation({ conversationId: id });
    expect(await shown(id)).toHaveLength(2);
  });

  it('counts the context only while the model is loaded', async () => {
    const id = await begin();
    expect(await engine.client.contextUse({ conversationId: id })).toBeNull();
    expect(engine.pids).toEqual([]);
    await engine.client.loadModel({ artifactId: 'sample-nf4-dq' });
    const empty = await engine.client.contextUse({ conversationId: id });
    const draft = await engine.client.contextUse({ conversationId: id, draft: 'a b c d e f' });
    expect(draft?.tokens).toBeGreaterThan(empty?.tokens ?? Infinity);
    const answer = await say(id, null, 'a b c d e f');
    expect(answer.statistics?.promptTokens).toBe(draft?.tokens);
    expect((await engine.client.contextUse({ conversationId: id }))?.tokens).toBeGreaterThan(
      draft?.tokens ?? Infinity,
    );
  });

  it('takes its sampling from what the model recommends, each with a seed of its own', async () => {
    const one = await engine.client.createConversation({ artifactId: 'sample-nf4-dq' });
    const two = await engine.client.createConversation({ artifactId: 'sample-nf4-dq' });
    const { loaded } = await engine.client.loadModel({ artifactId: 'sample-nf4-dq' });
    expect(one.sampling).toMatchObject({ ...loaded?.recommendedSampling });
    expect(one.sampling.seed).not.toBe(two.sampling.seed);
    expect(one).toMatchObject({ title: '', system: '', maxTokens: 1024, messages: [] });
  });
});
