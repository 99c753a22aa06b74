import { randomInt, randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { EngineApi } from '../../../app/contract/engine-api.ts';
import { toAppError } from '../../../app/contract/error.ts';
import type { Client } from '../../../app/contract/rpc.ts';
import {
  chunk,
  completion,
  finishOf,
  usageChunk,
  weightsOf,
  type CompletionHead,
  type Ended,
} from './completion.ts';
import { engineError, requestError, type ApiError } from './errors.ts';
import { EventStream } from './event-stream.ts';
import {
  maxTokensOf,
  messagesOf,
  readChatRequest,
  samplingOf,
  type ChatRequest,
} from './request.ts';
import { StopText } from './stop-text.ts';

/** Any number does; it is only to be another one every time. */
const SEEDS = 2 ** 47;

type Engine = Pick<Client<EngineApi>, 'chat' | 'chatModels'>;

async function sendError(reply: FastifyReply, { status, body }: ApiError): Promise<void> {
  await reply.code(status).send(body);
}

/**
 * Has a request answered, piece by piece.
 *
 * @param onText called with what may be shown, never with a part of a stop text
 */
async function answer(
  engine: Engine,
  request: ChatRequest,
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<Ended> {
  const stop = new StopText(request.stop);
  const enough = new AbortController();
  let text = '';
  let seen = 0;
  const show = (piece: string): void => {
    text += piece;
    if (piece !== '') onText(piece);
  };
  const result = await engine.chat(
    {
      artifactId: request.model,
      messages: messagesOf(request),
      sampling: samplingOf(request, randomInt(SEEDS)),
      maxTokens: maxTokensOf(request),
    },
    {
      signal: AbortSignal.any([signal, enough.signal]),
      onEvent: (tokens) => {
        for (const token of tokens) {
          if (stop.stopped) return;
          seen++;
          show(stop.push(token.text));
        }
        if (stop.stopped) enough.abort();
      },
    },
  );
  if (!stop.stopped) show(stop.end());
  const { statistics, weightsSha256, weightsCheck } = result;
  return {
    text,
    finish: finishOf(statistics.stop, stop.stopped),
    promptTokens: statistics.promptTokens,
    // What was made after the stop text, before the model heard of it, is not the caller's to pay.
    completionTokens: stop.stopped ? seen : statistics.generatedTokens,
    weightsSha256,
    weightsCheck,
  };
}

async function stream(
  engine: Engine,
  request: ChatRequest,
  head: CompletionHead,
  reply: FastifyReply,
  log: (message: string) => void,
): Promise<void> {
  const gone = new AbortController();
  const events = new EventStream(() => {
    gone.abort();
  });
  const state = { begun: false };
  // Only with the first text: until then an error can still be told as one, with its status.
  const begin = (): void => {
    if (state.begun) return;
    state.begun = true;
    reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store');
    void reply.send(events.readable);
    events.send(chunk(head, { role: 'assistant', content: '' }));
  };
  reply.raw.once('close', () => {
    gone.abort();
  });
  try {
    const ended = await answer(engine, request, gone.signal, (content) => {
      begin();
      events.send(chunk(head, { content }));
    });
    begin();
    events.send({ ...chunk(head, {}, ended.finish), ...weightsOf(ended) });
    if (request.stream_options?.include_usage === true) events.send(usageChunk(head, ended));
    events.end();
  } catch (error) {
    log(`API: ${toAppError(error).message}`);
    if (!state.begun) {
      await sendError(reply, engineError(error));
      return;
    }
    events.send(engineError(error).body);
    events.end();
  }
}

/**
 * Serves `/models` and `/chat/completions`, below the prefix it is registered with.
 *
 * @param log Gets the words of errors that callers are only told the code of.
 */
export function openAiRoutes(
  app: FastifyInstance,
  engine: Engine,
  log: (message: string) => void,
): void {
  app.setErrorHandler(async (error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode;
    const known = status !== undefined && status >= 400 && status < 500;
    const { message } = toAppError(error);
    if (!known) log(`API: ${message}`);
    await sendError(reply, known ? requestError(status, message) : engineError(error));
  });
  // JSON is UTF-8. Decoding it leniently would answer other words than were sent, without saying so.
  const parse = app.getDefaultJsonParser('error', 'error');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request, body: Buffer, done) => {
      let text: string;
      try {
        text = decoder.decode(body);
      } catch {
        const error = new Error('The body is not UTF-8, which JSON has to be.');
        done(Object.assign(error, { statusCode: 400 }));
        return;
      }
      void parse(request, text, done);
    },
  );
  // Routes and not a handler for what is not found: the page's files would be looked at first.
  for (const anything of ['/', '/*'])
    app.all(anything, (request, reply) =>
      sendError(reply, requestError(404, `There is no ${request.method} ${request.url} here.`)),
    );

  const modelsOf = async (): Promise<object[]> => {
    const models = await engine.chatModels({});
    return models.map(({ id, createdAt }) => ({
      id,
      object: 'model',
      created: Math.floor(Date.parse(createdAt) / 1000),
      owned_by: 'nibble',
    }));
  };
  app.get('/models', async () => ({ object: 'list', data: await modelsOf() }));
  app.get<{ Params: { id: string } }>('/models/:id', async ({ params: { id } }, reply) => {
    const model = (await modelsOf()).find((known) => 'id' in known && known.id === id);
    if (model !== undefined) return model;
    const message = `There is no model ${id}. GET /v1/models lists them.`;
    return sendError(reply, requestError(404, message, 'model', 'model_not_found'));
  });

  app.post('/chat/completions', async (request, reply) => {
    const read = readChatRequest(request.body);
    if ('fault' in read)
      return sendError(reply, requestError(400, read.fault.message, read.fault.param));
    const asked = read.request;
    const head: CompletionHead = {
      id: `chatcmpl-${randomUUID()}`,
      model: asked.model,
      created: Math.floor(Date.now() / 1000),
    };
    if (asked.stream === true) {
      await stream(engine, asked, head, reply, log);
      return reply;
    }
    const gone = new AbortController();
    reply.raw.once('close', () => {
      gone.abort();
    });
    try {
      const ended = await answer(engine, asked, gone.signal, () => undefined);
      return completion(head, ended);
    } catch (error) {
      log(`API: ${toAppError(error).message}`);
      return sendError(reply, engineError(error));
    }
  });
}
