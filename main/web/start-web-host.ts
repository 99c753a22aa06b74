import fastifyRateLimit from '@fastify/rate-limit';
import fastifyStatic from '@fastify/static';
import fastifyWebsocket from '@fastify/websocket';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { WebSocket } from '@fastify/websocket';
import { engineApi } from '../../app/contract/engine-api.ts';
import { AppError, toAppError } from '../../app/contract/error.ts';
import { hostApi } from '../../app/contract/host-api.ts';
import { serve, type Api, type Handlers } from '../../app/contract/rpc.ts';
import { cacheControl, isPagePath } from '../page/renderer-files.ts';
import { securityHeaders } from '../page/security-headers.ts';
import { LogLines } from '../processes/log-lines.ts';
import { relay } from '../processes/relay.ts';
import type { SupervisedEngine } from '../processes/supervise-engine.ts';
import { newSecret, OneTimeCodes, secretsOf, SOCKET_PROTOCOL } from './access.ts';
import { guard, routes } from './guard.ts';
import { webHostCalls } from './host-calls.ts';
import { openAiRoutes } from './openai/routes.ts';
import { closeCodes, socketPort, type SocketPortOptions } from './socket-port.ts';

/** Other machines must not reach it, whatever the firewall says. */
const LOOPBACK = '127.0.0.1';

/** "NIBB" on a telephone's keys; only a habit, any other will do. */
export const USUAL_PORT = 6422;

/** The largest message that the API allows for: a text of two million characters to be evaluated. */
const MAX_MESSAGE_BYTES = 8 * 2 ** 20;

/** A request must be complete within this time, head and body; sockets and streamed answers are past it. */
const REQUEST_TIMEOUT_MS = 30_000;

/** How often requests are looked at for that: Node's own half minute doubles the time limit, and more. */
const TIMEOUT_CHECK_MS = 1_000;

/** A window that is to be told to go may take this long to say good-bye. */
const GOODBYE_MS = 1_000;

const socketOptions: SocketPortOptions = {
  heartbeatMs: 20_000,
  // Several times the largest answer (a comparison as a page), and hours of a chat's tokens.
  maxBufferedBytes: 32 * 2 ** 20,
};

export interface WebHostOptions {
  readonly engine: Pick<SupervisedEngine, 'client' | 'onRestart'>;
  /** The built renderer. */
  readonly rendererDirectory: string;
  readonly version: string;
  /** @default the usual port, or any free one where that is taken */
  readonly port?: number | undefined;
  /** What lets in. @default a new one */
  readonly token?: string | undefined;
  /** How long a request may take to arrive. @default 30 s */
  readonly requestTimeoutMs?: number | undefined;
}

export interface WebHost {
  readonly port: number;
  readonly token: string;
  /** With the token: whoever opens it is let in. */
  readonly url: string;
  /** An address that lets in once, within a minute: for places where others may see it. */
  readonly oneTimeUrl: () => string;
  /** Ends all connections and waits until the port is free; safe to call twice. The engine stays. */
  readonly close: () => Promise<void>;
}

/** Serves an API on a socket. What breaks the protocol ends the socket, and nothing else is answered. */
function serveSocket<A extends Api>(api: A, handlers: Handlers<A>, socket: WebSocket): void {
  serve(api, handlers, socketPort(socket, socketOptions), {
    onInvalid: () => socket.close(closeCodes.policyViolation, 'not a request of this protocol'),
  });
}

function sayGoodbye(app: FastifyInstance): void {
  const { clients } = app.websocketServer;
  for (const client of clients) client.close(closeCodes.goingAway, 'Nibble is being closed');
  setTimeout(() => {
    for (const client of clients) client.terminate();
  }, GOODBYE_MS).unref();
}

/** The path of an address in plain letters, however it was written; one that cannot be read is no page's. */
function decodedPath(url: string): string {
  try {
    return decodeURIComponent(url.split('?', 1)[0] ?? '');
  } catch {
    return '/.';
  }
}

async function listen(app: FastifyInstance, wanted: number | undefined): Promise<number> {
  const attempt = async (port: number): Promise<number> => {
    await app.listen({ host: LOOPBACK, port });
    const address = app.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  };
  try {
    return await attempt(wanted ?? USUAL_PORT);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const port = wanted ?? USUAL_PORT;
    if (code === 'EADDRINUSE' && wanted === undefined) return attempt(0);
    if (code === 'EADDRINUSE')
      throw new AppError('invalid-input', `Port ${port} is in use.`, {
        remedy: 'Choose another one with --port, or leave it out to have a free one chosen.',
        cause: error,
      });
    if (code === 'EACCES')
      throw new AppError('permission-denied', `Port ${port} needs administrator rights.`, {
        remedy: 'Choose one above 1023 with --port.',
        cause: error,
      });
    throw toAppError(error);
  }
}

/**
 * Serves the renderer and both of its endpoints to browsers on this computer.
 *
 * @throws AppError 'invalid-input' when the port is taken, 'permission-denied' when it may not be had
 */
export async function startWebHost(options: WebHostOptions): Promise<WebHost> {
  const { engine, version, rendererDirectory } = options;
  const requestTimeout = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const secrets = secretsOf(options.token ?? newSecret());
  const codes = new OneTimeCodes();
  const log = new LogLines();
  log.add('web host started');
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_MESSAGE_BYTES,
    requestTimeout,
    http: { connectionsCheckingInterval: TIMEOUT_CHECK_MS, headersTimeout: requestTimeout },
    forceCloseConnections: true,
    // What the router cannot read at all comes past every hook.
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      void reply
        .code(400)
        .headers(securityHeaders)
        .type('text/plain; charset=utf-8')
        .send('This address cannot be read.\n');
    },
  });
  app.setErrorHandler(async (error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status >= 500) log.add(`request failed: ${toAppError(error).message}`);
    await reply.code(status).type('text/plain; charset=utf-8').send('This request failed.\n');
  });
  await app.register(fastifyRateLimit, { global: false });
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      // Never the page's key, which stands beside it: an answer would repeat it.
      handleProtocols: (offered: Set<string>) =>
        offered.has(SOCKET_PROTOCOL) ? SOCKET_PROTOCOL : false,
    },
    preClose: (done: () => void) => {
      sayGoodbye(app);
      done();
    },
  });
  guard(app, secrets, codes);
  await app.register(fastifyStatic, {
    root: rendererDirectory,
    dotfiles: 'ignore',
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply, file) => {
      reply.header('cache-control', cacheControl(file));
    },
  });
  app.setNotFoundHandler(async (request, reply) => {
    if (request.method === 'GET' && isPagePath(decodedPath(request.url)))
      return reply.sendFile('index.html');
    return reply.code(404).type('text/plain; charset=utf-8').send('There is nothing here.\n');
  });

  const stopLogging = engine.onRestart((reason) => {
    log.add(`engine restarted: ${reason}`);
  });
  const engineHandlers = relay(engineApi, engine.client);
  const hostHandlers = webHostCalls({
    version,
    engine: engine.client,
    onRestart: engine.onRestart,
    logLines: () => log.lines,
  });
  app.get(routes.session, async (_request, reply) => reply.code(204).send());
  app.get(routes.entry, async (_request, reply) => reply.callNotFound());
  app.get(routes.engine, { websocket: true }, (socket) => {
    serveSocket(engineApi, engineHandlers, socket);
  });
  app.get(routes.host, { websocket: true }, (socket) => {
    serveSocket(hostApi, hostHandlers, socket);
  });

  await app.register(
    (api, _options, done) => {
      openAiRoutes(api, engine.client, (message) => {
        log.add(message);
      });
      done();
    },
    { prefix: routes.api },
  );

  const port = await listen(app, options.port);
  return {
    port,
    token: secrets.token,
    url: `http://${LOOPBACK}:${port}/?token=${secrets.token}`,
    oneTimeUrl: () => `http://${LOOPBACK}:${port}${routes.entry.replace(':code', codes.issue())}`,
    close: async () => {
      stopLogging();
      await app.close();
    },
  };
}
