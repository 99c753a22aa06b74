// Whose weights spoke, from the runner to the kept answer.
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationMessage } from '../../../app/contract/conversation.ts';
import { greedySampling } from '../../../app/contract/sampling.ts';
import { chatHome, openChatEngine, type ChatEngine } from '../../fixtures/chat-home.ts';
import { quiet } from '../../fixtures/test-engine.ts';

const nf4 = 'sample-nf4-dq';
let home: string;
let engine: ChatEngine;

beforeAll(async () => {
  home = await chatHome(['nf4-dq']);
}, 120_000);
beforeEach(async () => {
  engine = await openChatEngine(home);
});

async function ask(): Promise<{ id: number; answer: ConversationMessage }> {
  const { id } = await engine.client.createConversation({
    artifactId: nf4,
    sampling: greedySampling,
    maxTokens: 8,
  });
  const answer = await engine.client.say({
    conversationId: id,
    parentId: null,
    content: 'Hello',
  });
  return { id, answer };
}

describe('an answer', () => {
  it('is kept with its fingerprint, and with how the check of it ended', async () => {
    const { weightsSha256 } = await engine.handlers.locate({ id: nf4 }, quiet);
    const { id, answer } = await ask();
    expect(answer).toMatchObject({ state: 'complete', weightsSha256 });
    expect(answer.weightsCheck).toMatch(/^(checking|verified)$/);
    // Each look is a call of its own: the check ends meanwhile.
    let kept: ConversationMessage | undefined;
    for (let i = 0; kept?.weightsCheck !== 'verified' && i < 10_000; i++)
      kept = (await engine.client.conversation({ conversationId: id })).messages.at(-1);
    expect(kept).toMatchObject({ weightsSha256, weightsCheck: 'verified' });
    const said = await engine.client.chat({
      artifactId: nf4,
      messages: [{ role: 'user', content: 'Hello' }],
      sampling: {},
      maxTokens: 4,
    });
    expect(said).toMatchObject({ weightsSha256, weightsCheck: 'verified' });
    expect(engine.told.at(-1)?.[0]?.loaded?.weightsCheck).toBe('verified');
  });

  it('fails where the weights are no longer what they were, and the model ends with the reason', async () => {
    await ask();
    const { directory } = await engine.handlers.locate({ id: nf4 }, quiet);
    const place = openSync(path.join(directory, 'model.safetensors'), 'r+');
    writeSync(place, Buffer.from([255]), 0, 1, fstatSync(place).size - 1);
    closeSync(place);
    const { answer } = await ask();
    expect(answer).toMatchObject({
      state: 'failed',
      weightsCheck: 'unverified',
      error: { code: 'checksum-mismatch', reason: 'weights-changed' },
    });
    expect(engine.told.at(-1)?.[0]).toMatchObject({
      state: 'crashed',
      error: { reason: 'weights-changed', facts: { file: 'model.safetensors' } },
    });
    // Wherever it is listed, it is marked.
    const { artifacts } = await engine.client.library({});
    expect(artifacts.find(({ artifact }) => artifact.id === nf4)?.damagedFiles).toMatchObject([
      { name: 'model.safetensors', state: 'changed', foundBy: 'use' },
    ]);
    // Loading it once more says the same.
    await expect(engine.client.loadModel({ artifactId: nf4 })).rejects.toMatchObject({
      code: 'checksum-mismatch',
    });
  });
});
