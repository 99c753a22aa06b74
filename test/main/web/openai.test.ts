import { rename } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sampleModel } from '../../../app/engine.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { startWebSession, type WebSession } from '../../fixtures/web-session.ts';

const usageSchema = z.object({
  prompt_tokens: z.int().positive(),
  completion_tokens: z.int().nonnegative(),
  total_tokens: z.int().positive(),
});
const completionSchema = z.object({
  id: z.string().startsWith('chatcmpl-'),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z.tuple([
    z.object({
      index: z.literal(0),
      message: z.object({ role: z.literal('assistant'), content: z.string() }),
      finish_reason: z.enum(['stop', 'length']),
    }),
  ]),
  usage: usageSchema,
});
const chunkSchema = z.object({
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      delta: z.object({ role: z.string().optional(), content: z.string().optional() }),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: usageSchema.optional(),
});
const errorSchema = z.object({
  error: z.object({
    message: z.string().min(1),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

let session: WebSession;
let model: string;
let checkpoint: string;
beforeAll(async () => {
  session = await startWebSession(await scratchFolder());
  const [made] = await session.engine.client.quantize({
    source: sampleModel.directory,
    schemes: ['nf4-dq'],
  });
  model = made?.id ?? '';
  checkpoint = made?.checkpointId ?? '';
});
afterAll(() => session.close());

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body);
}

function call(
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${session.origin}/v1${path}`, {
    headers: {
      authorization: `Bearer ${session.host.token}`,
      'content-type': 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { method: 'POST', body: bodyOf(body) }),
  });
}

const ask = (more: object = {}): object => ({
  model,
  messages: [{ role: 'user', content: 'Tell me a story.' }],
  temperature: 0,
  max_tokens: 24,
  ...more,
});

async function complete(more: object = {}): Promise<z.infer<typeof completionSchema>> {
  return completionSchema.parse(await (await call('/chat/completions', ask(more))).json());
}

async function streamed(more: object = {}): Promise<{
  text: string;
  finish: string | null;
  chunks: z.infer<typeof chunkSchema>[];
  done: boolean;
}> {
  const response = await call('/chat/completions', ask({ stream: true, ...more }));
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const lines = (await response.text()).split('\n\n').filter((line) => line !== '');
  const data = lines.map((line) => line.replace(/^data: /, ''));
  const done = data.at(-1) === '[DONE]';
  const chunks = data.slice(0, -1).map((text) => chunkSchema.parse(JSON.parse(text)));
  const choices = chunks.flatMap((chunk) => chunk.choices);
  return {
    text: choices.map(({ delta }) => delta.content ?? '').join(''),
    finish: choices.at(-1)?.finish_reason ?? null,
    chunks,
    done,
  };
}

describe('the API for programs', () => {
  it('lists the models', async () => {
    const list = z
      .object({ object: z.literal('list'), data: z.array(z.object({ id: z.string() })) })
      .parse(await (await call('/models')).json());
    expect(list.data.map(({ id }) => id)).toEqual([model]);
    expect(await (await call(`/models/${model}`)).json()).toMatchObject({
      id: model,
      object: 'model',
      owned_by: 'nibble',
    });
    const missing = await call('/models/none');
    expect(missing.status).toBe(404);
    expect(errorSchema.parse(await missing.json()).error.code).toBe('model_not_found');
  });

  it('answers at once and as a stream, the same', async () => {
    const whole = await complete();
    expect(whole.model).toBe(model);
    expect(whole.choices[0].message.content.trim()).not.toBe('');
    expect(whole.choices[0].finish_reason).toBe('length');
    expect(whole.usage.completion_tokens).toBe(24);
    expect(whole.usage.total_tokens).toBe(whole.usage.prompt_tokens + 24);
    const stream = await streamed({ stream_options: { include_usage: true } });
    expect(stream.text).toBe(whole.choices[0].message.content);
    expect([stream.finish, stream.done]).toEqual(['length', true]);
    expect(stream.chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(stream.chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    expect((await streamed()).chunks.every((chunk) => chunk.usage === undefined)).toBe(true);
  });

  it('ends where the model ends, and before a stop text', async () => {
    const whole = await complete({ max_tokens: 400 });
    expect(whole.choices[0].finish_reason).toBe('stop');
    const text = whole.choices[0].message.content;
    const middle = Math.floor(text.length / 2);
    const stop = text.slice(middle, middle + 3);
    const until = text.slice(0, text.indexOf(stop));
    const cut = await complete({ max_tokens: 400, stop });
    expect(cut.choices[0]).toMatchObject({ message: { content: until }, finish_reason: 'stop' });
    expect(cut.usage.completion_tokens).toBeLessThan(whole.usage.completion_tokens);
    const stream = await streamed({ max_tokens: 400, stop: ['never said', stop] });
    expect([stream.text, stream.finish]).toEqual([until, 'stop']);
  });

  it('is repeatable with a seed and takes messages in every shape', async () => {
    const drawn = { temperature: 1.5, seed: 7, max_tokens: 20 };
    const [first, second] = [await complete(drawn), await complete(drawn)];
    expect(second.choices[0].message.content).toBe(first.choices[0].message.content);
    const parts = await complete({
      messages: [
        { role: 'developer', content: 'Be kind.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Tell me ' },
            { type: 'text', text: 'a story.' },
          ],
        },
      ],
      temperature: 0,
    });
    const plain = await complete({
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'Tell me a story.' },
      ],
    });
    expect(parts.choices[0].message.content).toBe(plain.choices[0].message.content);
  });

  it('stops when its caller goes away', async () => {
    const controller = new AbortController();
    const response = await fetch(`${session.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${session.host.token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(ask({ stream: true, max_tokens: 100_000, seed: 1, temperature: 2 })),
      signal: controller.signal,
    });
    await response.body?.getReader().read();
    controller.abort();
    // The model answers one after another: the next answer comes only when the one before has ended.
    expect((await complete({ max_tokens: 2 })).usage.completion_tokens).toBe(2);
  });

  it('lists only what can answer, and says the truth about a checkpoint', async () => {
    const made = (await session.engine.client.list({})).artifacts[0];
    const directory = made?.directory ?? '';
    const ids = async (): Promise<string[]> => {
      const models = z.object({ data: z.array(z.object({ id: z.string() })) });
      return models.parse(await (await call('/models')).json()).data.map(({ id }) => id);
    };
    const template = path.join(directory, 'tokenizer.json');
    await rename(template, `${template}.away`);
    expect(await ids()).toEqual([]);
    expect((await call(`/models/${model}`)).status).toBe(404);
    await rename(`${template}.away`, template);
    expect(await ids()).toEqual([model]);

    const response = await call('/chat/completions', ask({ model: checkpoint }));
    expect(response.status).toBe(404);
    const { error } = errorSchema.parse(await response.json());
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(error.message).toContain(model);
    expect(error.message).not.toContain('nothing has been made');
  });

  it('says by its own code that the messages are too long, with both numbers', async () => {
    for (const stream of [false, true]) {
      const content = 'Tell me a story. '.repeat(4_000);
      const response = await call(
        '/chat/completions',
        ask({ stream, messages: [{ role: 'user', content }] }),
      );
      expect(response.status).toBe(400);
      const { error } = errorSchema.parse(await response.json());
      expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
      expect(error.type).toBe('invalid_request_error');
      expect(error.message).toMatch(/\d+ tokens.* holds \d+/);
    }
  });

  it('refuses with the words of that API', async () => {
    const refuse = async (response: Promise<Response>, status: number): Promise<string | null> => {
      const answer = await response;
      expect(answer.status).toBe(status);
      return errorSchema.parse(await answer.json()).error.param;
    };
    await refuse(call('/models', undefined, { authorization: '' }), 401);
    await refuse(call('/models', undefined, { authorization: 'Bearer wrong' }), 401);
    // The cookie is for pages: a page that tricks a browser into a request gets nothing.
    await refuse(call('/models', undefined, { authorization: '', cookie: session.cookie }), 401);
    await refuse(call('/models', undefined, { origin: 'http://evil.example' }), 403);
    await refuse(call('/nothing'), 404);
    await refuse(call(''), 404);
    await refuse(call('', undefined, { authorization: '' }), 401);
    await refuse(call('/chat/completions', '{"model":'), 400);
    await refuse(
      call(
        '/chat/completions',
        Buffer.from(bodyOf(ask()).toString().replace('story', 'st\u00f6ry'), 'latin1'),
      ),
      400,
    );
    await refuse(call('/chat/completions', 'text', { 'content-type': 'text/plain' }), 400);
    await refuse(call('/chat/completions', '<a/>', { 'content-type': 'application/xml' }), 415);
    expect(await refuse(call('/chat/completions', ask({ model: 'none' })), 404)).toBe('model');
    const streamedNone = call('/chat/completions', ask({ model: 'none', stream: true }));
    expect(await refuse(streamedNone, 404)).toBe('model');
    for (const [param, value] of Object.entries({
      messages: [],
      temperature: 3,
      max_tokens: 0,
      n: 2,
      stop: ['1', '2', '3', '4', '5'],
      frequency_penalty: 0.5,
      response_format: { type: 'json_object' },
      tools: [{ type: 'function' }],
      logprobs: true,
      logit_bias: { 1: 1 },
      temprature: 1,
    }))
      expect(await refuse(call('/chat/completions', ask({ [param]: value })), 400)).toContain(
        param,
      );
  });
});
