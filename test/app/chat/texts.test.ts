import { describe, expect, it } from 'vitest';
import { exportConversation } from '../../../app/chat/index.ts';
import { residentMemory } from '../../../app/chat/resident-memory.ts';
import { seedOfAnswer } from '../../../app/chat/sampling.ts';
import { titleFrom } from '../../../app/chat/title.ts';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import {
  conversationSchema,
  type Conversation,
  type ConversationMessage,
} from '../../../app/contract/conversation.ts';
import { greedySampling } from '../../../app/contract/sampling.ts';

describe('a title', () => {
  it('is the first line, cut between words', () => {
    expect(titleFrom('Hello')).toBe('Hello');
    expect(titleFrom('\n \n  Why is\tthe sky blue?\nAnd more')).toBe('Why is the sky blue?');
    expect(titleFrom('word '.repeat(20))).toBe('word '.repeat(12).trim());
    const sixty = 'abcde '.repeat(10).trim() + 'f';
    expect(titleFrom(`${sixty} next`)).toBe(sixty);
    expect(titleFrom('x'.repeat(100))).toBe('x'.repeat(60));
    expect(titleFrom('👩‍👩‍👧'.repeat(61))).toBe('👩‍👩‍👧'.repeat(60));
    expect(titleFrom(' \n ')).toBe('');
  });
});

describe('the seed of an answer', () => {
  it('counts up and stays a seed', () => {
    expect([0, 1, 2].map((n) => seedOfAnswer(7, n))).toEqual([7, 8, 9]);
    const last = Number.MAX_SAFE_INTEGER;
    expect([0, 1, 2].map((n) => seedOfAnswer(last, n))).toEqual([last, 0, 1]);
    expect(seedOfAnswer(last - 1, 1)).toBe(last);
  });
});

describe('memory of a process', () => {
  it.runIf(process.platform === 'linux')('is what the system says', async () => {
    const memory = await residentMemory(process.pid);
    expect(memory?.residentBytes).toBeGreaterThan(10_000_000);
    expect(memory?.privateBytes).toBeLessThan(memory?.residentBytes ?? 0);
  });

  it('is unknown for a process that is not there', async () => {
    expect(await residentMemory(2 ** 30)).toBeNull();
  });
});

describe('an exported conversation', () => {
  const message = (id: number, more: Partial<ConversationMessage>): ConversationMessage => ({
    id,
    parentId: id === 1 ? null : id - 1,
    role: id % 2 === 1 ? 'user' : 'assistant',
    content: `message ${id}`,
    state: 'complete',
    artifactId: id % 2 === 1 ? null : 'a-nf4',
    weightsSha256: id % 2 === 1 ? null : 'ab'.repeat(32),
    weightsCheck: id % 2 === 1 ? null : 'verified',
    statistics: null,
    error: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    ...more,
  });
  const artifact: Artifact = {
    id: 'a-nf4',
    checkpointId: 'a',
    name: 'A_model',
    scheme: 'nf4',
    blockSize: 64,
    directory: '/secret/place',
    architecture: 'LlamaForCausalLM',
    sizeBytes: 1,
    weightsBytes: 1,
    outputLayerCopy: null,
    sourceBytes: 1,
    weightsSha256: 'ab'.repeat(32),
    totals: {
      parameters: 1,
      quantizedParameters: 1,
      quantizedBitsPerWeight: 4.5,
      bitsPerWeight: 4.5,
      sqnrDb: null,
      relativeError: 0,
    },
    quantizeMs: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  const code = 'Like this:\n\n```js\nconst a = `# no heading`;\n```\n\nDone.';
  const conversation: Conversation = {
    id: 1,
    title: 'Code: *how* to <write>/it',
    artifactId: 'a-nf4',
    system: 'Be brief.\n\nBe kind.',
    sampling: { ...greedySampling, temperature: 0.7, seed: 42 },
    maxTokens: 100,
    messages: [
      message(1, {}),
      message(2, { content: code }),
      message(3, { content: 'more' }),
      message(4, { content: '~~~~\n```\nhalf', state: 'stopped' }),
      message(5, { parentId: 2, role: 'user', content: 'another branch', artifactId: null }),
    ],
    leafId: 4,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
  };
  const find = (id: string): Artifact | null => (id === artifact.id ? artifact : null);

  it('is Markdown of the shown branch, code as it was', () => {
    const { fileName, text } = exportConversation(conversation, 'markdown', find);
    expect(fileName).toBe('Code how to write it.md');
    expect(text).toContain('# Code: \\*how\\* to \\<write\\>/it\n');
    expect(text).toContain(`- Model: A\\_model, scheme nf4, weights \`${'ab'.repeat(32)}\``);
    expect(text).toContain('temperature 0.7');
    expect(text).toContain('seed 42');
    expect(text).toContain('> Be brief.\n>\n> Be kind.');
    expect(text).toContain(`## A\\_model (nf4), weights \`abababababab\` (verified)\n\n${code}\n`);
    expect(text).not.toContain('another branch');
    // What a stopped answer left open must not swallow what follows.
    expect(text).toContain('~~~~\n```\nhalf\n~~~~\n\n*(stopped)*');
    expect(text).not.toContain('secret');
  });

  it('is JSON of the whole tree', () => {
    const { fileName, text } = exportConversation(conversation, 'json', find);
    expect(fileName).toBe('Code how to write it.json');
    const parsed = JSON.parse(text) as Record<string, unknown>;
    expect(conversationSchema.parse(parsed['conversation'])).toEqual(conversation);
    expect(parsed).toMatchObject({
      format: 'nibble-conversation',
      version: 1,
      models: [{ id: 'a-nf4', scheme: 'nf4' }],
    });
    expect(text).not.toContain('secret');
  });

  it('has a name that every system takes, and needs no model', () => {
    const nameOf = (title: string): string =>
      exportConversation({ ...conversation, title }, 'json', () => null).fileName;
    expect(nameOf('')).toBe('conversation.json');
    expect(nameOf('../../etc/passwd')).toBe('etc passwd.json');
    expect(nameOf('con')).toBe('conconversation.json');
    expect(nameOf('a\0b\u202ec\n')).toBe('a b c.json');
    expect(Buffer.byteLength(nameOf('漢'.repeat(300)))).toBeLessThan(255);
    expect(exportConversation(conversation, 'markdown', () => null).text).toContain(
      '- Model: a-nf4\n',
    );
  });
});
