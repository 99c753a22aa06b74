import { AppError } from '../contract/error.ts';
import type { RequestContext } from './hub-error.ts';
import { connectionError, nonsenseError, responseError } from './hub-error.ts';
import { TransientError } from './retry.ts';

/** The Hub needs two hops (renamed repository, then the content host); five leave room for mirrors. */
const MAX_REDIRECTS = 5;

/** A server that says nothing for this long will not say anything. */
export const DEFAULT_STALL_MS = 30_000;

/** Less than this is no connection that anybody has: a modem of 1990 brought ten times as much. */
const MIN_BYTES_PER_SECOND = 128;

/** Notices a sender that is never silent for long and never gets anywhere: one byte a second. */
export class RateWatch {
  readonly #windowMs: number;
  #bytes = 0;
  #ms = 0;

  /** @param windowMs How long a sender may be slow. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /**
   * @param ms The time that was waited for these bytes.
   * @returns false when too little came in the whole of a window
   */
  add(bytes: number, ms: number): boolean {
    this.#bytes += bytes;
    this.#ms += ms;
    if (this.#ms < this.#windowMs) return true;
    const isFast = this.#bytes >= (MIN_BYTES_PER_SECOND * this.#ms) / 1000;
    this.#bytes = 0;
    this.#ms = 0;
    return isFast;
  }
}

/** How to talk to a hub. */
export interface Connection {
  /** Without a trailing slash. */
  readonly endpoint: string;
  readonly token: string | null;
  readonly fetch: typeof fetch;
  /** Longest silence that is tolerated, before the headers and between two pieces of a body. */
  readonly stallMs: number;
}

export interface HubRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly context: RequestContext;
  readonly signal?: AbortSignal | undefined;
  /**
   * Sees every redirect before it is followed; may change the headers of the next hop. `null` ends the chase: the
   * redirect itself is the answer.
   */
  readonly onRedirect?: (response: Response, headers: Headers) => Headers | null;
}

/** An answer with status 2xx (or a redirect that was asked for), and its body under the stall timer. */
export interface HubResponse {
  readonly response: Response;
  /** Whether the hub itself answered, not a host that it redirected to. */
  readonly fromHub: boolean;
  /** The pieces of the body. Throws TransientError when it breaks or stalls. Must be read or closed. */
  body(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Ends the request without reading the rest. */
  close(): void;
}

/** Ends a request that has been silent for too long. */
class StallTimer {
  readonly #controller = new AbortController();
  readonly #stallMs: number;
  readonly signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;
  stalled = false;

  constructor(stallMs: number, signal: AbortSignal | undefined) {
    this.#stallMs = stallMs;
    this.signal =
      signal === undefined
        ? this.#controller.signal
        : AbortSignal.any([signal, this.#controller.signal]);
  }

  start(): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.stalled = true;
      this.#controller.abort();
    }, this.#stallMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  close(): void {
    this.stop();
    this.#controller.abort();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function translate(error: unknown, url: string, request: HubRequest, timer: StallTimer): AppError {
  if (error instanceof AppError) return error;
  if (isAborted(request.signal)) return new AppError('aborted', 'Cancelled.', { cause: error });
  const { host } = new URL(url);
  if (timer.stalled)
    return new TransientError(
      'network',
      `${host} stopped answering for ${request.context.repository ?? request.context.what}.`,
      { remedy: 'Check the network. What was downloaded is kept.', cause: error },
    );
  return connectionError(error, host, request.context);
}

function nextUrl(location: string | null, from: string, context: RequestContext): string {
  if (location === null || !URL.canParse(location, from))
    throw nonsenseError(context, 'it redirects to nowhere');
  const url = new URL(location, from);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw nonsenseError(context, `it redirects to a ${url.protocol} address`);
  if (url.protocol === 'http:' && from.startsWith('https:'))
    throw nonsenseError(context, 'it redirects from https to http');
  return url.href;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * Sends one request, once. Follows redirects itself, because the token may go to the endpoint only: hosts that the hub
 * redirects to get none, whatever fetch's own rules say.
 *
 * @throws TransientError where another attempt may help, AppError otherwise.
 */
export async function sendRequest(
  connection: Connection,
  request: HubRequest,
): Promise<HubResponse> {
  const timer = new StallTimer(connection.stallMs, request.signal);
  const endpointOrigin = new URL(connection.endpoint).origin;
  // Compressed answers would make sizes and ranges mean something else.
  let headers = new Headers({
    'accept-encoding': 'identity',
    'user-agent': 'nibble',
    ...request.headers,
  });
  let url = request.url;
  try {
    if (isAborted(request.signal)) throw new AppError('aborted', 'Cancelled.');
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const fromHub = new URL(url).origin === endpointOrigin;
      const sent = new Headers(headers);
      sent.delete('authorization');
      if (fromHub && connection.token !== null)
        sent.set('authorization', `Bearer ${connection.token}`);
      timer.start();
      const response = await connection.fetch(url, {
        method: request.method ?? 'GET',
        headers: sent,
        redirect: 'manual',
        signal: timer.signal,
      });
      timer.stop();
      if (isRedirect(response.status)) {
        const next =
          request.onRedirect === undefined ? headers : request.onRedirect(response, headers);
        if (next === null)
          return answer(response, fromHub, url, request, timer, connection.stallMs);
        await response.body?.cancel();
        headers = next;
        url = nextUrl(response.headers.get('location'), url, request.context);
        continue;
      }
      // 416 is for the one who asked for a range to understand.
      if (response.ok || response.status === 416)
        return answer(response, fromHub, url, request, timer, connection.stallMs);
      await response.body?.cancel();
      throw responseError(response, request.context, fromHub);
    }
    throw nonsenseError(request.context, 'it redirects in circles');
  } catch (error) {
    const translated = translate(error, url, request, timer);
    timer.close();
    throw translated;
  }
}

function answer(
  response: Response,
  fromHub: boolean,
  url: string,
  request: HubRequest,
  timer: StallTimer,
  stallMs: number,
): HubResponse {
  return {
    response,
    fromHub,
    close: () => {
      timer.close();
    },
    async *body() {
      try {
        if (response.body === null) return;
        const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
        const rate = new RateWatch(stallMs);
        for (;;) {
          // The time that the reader of this generator takes (a full disk, say) is not the server's silence.
          timer.start();
          const askedMs = performance.now();
          const next = await reader.read();
          timer.stop();
          if (next.done) return;
          if (!rate.add(next.value.byteLength, performance.now() - askedMs))
            throw new TransientError('network', `${new URL(url).host} sends next to nothing.`, {
              remedy: 'Check the network. What was downloaded is kept.',
            });
          yield next.value;
        }
      } catch (error) {
        throw translate(error, url, request, timer);
      } finally {
        timer.close();
      }
    },
  };
}

/**
 * Reads a body of at most `maxBytes`.
 *
 * @throws AppError `network` when there is more: nobody sends that much for this.
 */
export async function readBody(
  answered: HubResponse,
  maxBytes: number,
  context: RequestContext,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answered.body()) {
    size += piece.byteLength;
    if (size > maxBytes) throw nonsenseError(context, `it sends more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}
