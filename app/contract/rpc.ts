import { z } from 'zod';
import { AppError, fromWire, toWire, wireErrorSchema } from './error.ts';

/**
 * Typed calls over anything like a MessagePort (an Electron port, a WebSocket, a forked child), generic over an API
 * declared as schemas. Every message is checked against its schema on arrival, on both sides.
 */

/** One method of an API: parameters, result, and the events it may emit before the result. */
export interface Method {
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  readonly event: z.ZodType;
}
export type Api = Readonly<Record<string, Method>>;

/** Declares a method; `event` defaults to none. */
export function method<
  P extends z.ZodType,
  R extends z.ZodType,
  E extends z.ZodType = z.ZodNever,
>(declaration: {
  params: P;
  result: R;
  event?: E;
}): { readonly params: P; readonly result: R; readonly event: E } {
  return { event: z.never() as z.ZodType as E, ...declaration };
}

/** What a handler gets beside its parameters. */
export interface CallContext<Event> {
  readonly signal: AbortSignal;
  readonly emit: (event: Event) => void;
}

/** The implementation of an API. */
export type Handlers<A extends Api> = {
  readonly [K in keyof A]: (
    params: z.output<A[K]['params']>,
    context: CallContext<z.input<A[K]['event']>>,
  ) => Promise<z.input<A[K]['result']>>;
};

export interface CallOptions<Event> {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: Event) => void) | undefined;
}

/** An API as its caller sees it. */
export type Client<A extends Api> = {
  readonly [K in keyof A]: (
    params: z.input<A[K]['params']>,
    options?: CallOptions<z.output<A[K]['event']>>,
  ) => Promise<z.output<A[K]['result']>>;
};

/** The least a transport must offer. `onClose` fires once, when no further message can arrive. */
export interface Port {
  postMessage(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: (reason: AppError | null) => void): void;
}

const callSchema = z.object({
  kind: z.literal('call'),
  id: z.int(),
  method: z.string(),
  params: z.unknown(),
});
const requestSchema = z.discriminatedUnion('kind', [
  callSchema,
  z.object({ kind: z.literal('abort'), id: z.int() }),
]);
const responseSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('event'), id: z.int(), event: z.unknown() }),
  z.object({ kind: z.literal('result'), id: z.int(), result: z.unknown() }),
  z.object({ kind: z.literal('error'), id: z.int(), error: wireErrorSchema }),
]);

function isMethodOf<A extends Api>(api: A, name: string): name is keyof A & string {
  return Object.hasOwn(api, name);
}

export interface ServeOptions {
  /**
   * Told, in place of an answer, that a message is no request of this protocol, or reuses the id of a call in flight.
   *
   * @default such messages are ignored
   */
  readonly onInvalid?: ((message: unknown) => void) | undefined;
  /**
   * Sends stack traces with errors: between processes of ours, never to a page, which has no use for the paths in them.
   *
   * @default false
   */
  readonly withStacks?: boolean | undefined;
}

/** Answers the calls that arrive on `port`. When the port closes, every call in flight is aborted. */
export function serve<A extends Api>(
  api: A,
  handlers: Handlers<A>,
  port: Port,
  options: ServeOptions = {},
): void {
  const running = new Map<number, AbortController>();

  const answer = async (call: z.infer<typeof callSchema>): Promise<void> => {
    const controller = new AbortController();
    running.set(call.id, controller);
    try {
      if (!isMethodOf(api, call.method))
        throw new AppError('invalid-input', `There is no method ${String(call.method)}.`);
      const declaration = api[call.method] as Method;
      const params = declaration.params.safeParse(call.params);
      if (!params.success)
        throw new AppError(
          'invalid-input',
          `${call.method}: ${z.prettifyError(params.error).replaceAll('\n', ' ')}`,
        );
      const handler = handlers[call.method] as (
        params: unknown,
        context: CallContext<unknown>,
      ) => Promise<unknown>;
      const result = await handler(params.data, {
        signal: controller.signal,
        emit: (event) => {
          port.postMessage({ kind: 'event', id: call.id, event });
        },
      });
      port.postMessage({ kind: 'result', id: call.id, result });
    } catch (error) {
      port.postMessage({
        kind: 'error',
        id: call.id,
        error: options.withStacks === true ? toWire(error) : { ...toWire(error), stack: null },
      });
    } finally {
      running.delete(call.id);
    }
  };

  port.onMessage((message) => {
    const request = requestSchema.safeParse(message);
    if (!request.success) options.onInvalid?.(message);
    else if (request.data.kind === 'abort') running.get(request.data.id)?.abort();
    else if (running.has(request.data.id)) options.onInvalid?.(message);
    else void answer(request.data);
  });
  port.onClose(() => {
    for (const controller of running.values()) controller.abort();
  });
}

interface PendingCall {
  readonly declaration: Method;
  readonly onEvent: ((event: unknown) => void) | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AppError) => void;
}

/** Makes a client for the API served at the other end of `port`. */
export function connect<A extends Api>(api: A, port: Port): Client<A> {
  const pending = new Map<number, PendingCall>();
  let nextId = 1;
  let closed: AppError | null = null;

  port.onMessage((message) => {
    const response = responseSchema.safeParse(message);
    if (!response.success) return;
    const call = pending.get(response.data.id);
    if (call === undefined) return;
    if (response.data.kind === 'event') {
      const event = call.declaration.event.safeParse(response.data.event);
      if (event.success) call.onEvent?.(event.data);
      return;
    }
    pending.delete(response.data.id);
    if (response.data.kind === 'error') {
      call.reject(fromWire(response.data.error));
      return;
    }
    const result = call.declaration.result.safeParse(response.data.result);
    if (result.success) call.resolve(result.data);
    else
      call.reject(
        new AppError('internal', `An answer broke its schema: ${z.prettifyError(result.error)}`),
      );
  });
  port.onClose((reason) => {
    closed = reason ?? new AppError('internal', 'The connection was closed.');
    for (const call of pending.values()) call.reject(closed);
    pending.clear();
  });

  const call = (
    name: string,
    declaration: Method,
    params: unknown,
    options: CallOptions<unknown> = {},
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed !== null) {
        reject(closed);
        return;
      }
      const { signal } = options;
      if (signal?.aborted === true) {
        reject(new AppError('aborted', 'Cancelled.'));
        return;
      }
      const id = nextId++;
      const abort = (): void => {
        port.postMessage({ kind: 'abort', id });
      };
      signal?.addEventListener('abort', abort, { once: true });
      const settle =
        <T>(action: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', abort);
          action(value);
        };
      pending.set(id, {
        declaration,
        onEvent: options.onEvent,
        resolve: settle(resolve),
        reject: settle(reject),
      });
      port.postMessage({ kind: 'call', id, method: name, params });
    });

  return Object.fromEntries(
    Object.entries(api).map(([name, declaration]) => [
      name,
      (params: unknown, options?: CallOptions<unknown>) => call(name, declaration, params, options),
    ]),
  ) as unknown as Client<A>;
}
