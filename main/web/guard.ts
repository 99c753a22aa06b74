import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { securityHeaders } from '../page/security-headers.ts';
import {
  cookieName,
  hasPageKey,
  isForeignFetch,
  isOwnHost,
  isOwnOrigin,
  isSecret,
  readBearer,
  readCookies,
  sessionCookie,
  withoutToken,
  type OneTimeCodes,
  type Secrets,
} from './access.ts';
import { refusalBody, refusalPolicy } from './refusal.ts';

/**
 * Requests without access that are told how to get in, per minute; the rest are only told to wait. This holds down a
 * program that tries, not the person: the right secret is let in at any time, or any page on the web could lock them out.
 */
const FAILURES_PER_MINUTE = 30;

/** A window holds two sockets; even one that reconnects every second stays below. */
const UPGRADES_PER_MINUTE = 240;

/** Sixteen windows. */
const MAX_SOCKETS = 32;

/** Addresses of this host that are no files. */
export const routes = {
  engine: '/rpc/engine',
  host: '/rpc/host',
  /** Whether cookie and key of a page are (still) right. */
  session: '/rpc/session',
  /** Lets in once; see OneTimeCodes. */
  entry: '/enter/:code',
  api: '/v1',
} as const;

const sockets: ReadonlySet<string> = new Set([routes.engine, routes.host]);

type Area = 'api' | 'rpc' | 'entry' | 'page';

/**
 * What is asked for, by the route that will answer: the address as it was written may say the same in many ways
 * (percent signs, dots, slashes), and only the router knows which of them are the same to it.
 */
function areaOf(request: FastifyRequest): Area {
  const route = request.routeOptions.url ?? '';
  if (route === routes.api || route.startsWith(`${routes.api}/`)) return 'api';
  if (route.startsWith('/rpc/')) return 'rpc';
  return route === routes.entry ? 'entry' : 'page';
}

function isUpgrade(request: FastifyRequest): boolean {
  return request.headers.upgrade !== undefined;
}

async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  retryAfterSeconds?: number,
): Promise<void> {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  const { type, body } = refusalBody(status, areaOf(request) === 'api');
  // A body that was announced is not read: the connection ends with the refusal.
  await reply
    .code(status)
    .headers({ connection: 'close', 'content-security-policy': refusalPolicy })
    .type(type)
    .send(body);
}

/** True when the request comes from a page of this server, or from a program that no page speaks through. */
function hasOwnOrigin(request: FastifyRequest, area: Area): boolean {
  const { origin, host } = request.headers;
  if (isForeignFetch(request.headers)) return false;
  if (origin !== undefined) return isOwnOrigin(origin, host);
  // Browsers name the origin wherever something could be changed; without one there must be a bearer token instead.
  const changesNothing = request.method === 'GET' || request.method === 'HEAD';
  return (changesNothing && !isUpgrade(request)) || area === 'api';
}

/**
 * Lets no request through, not even for a file, that does not come to this very host by its own name, from its own
 * pages, with the cookie and, for all but files, the page's key; or, for the API, with the bearer token.
 */
export function guard(app: FastifyInstance, secrets: Secrets, codes: OneTimeCodes): void {
  const { token, session, pageKey } = secrets;
  const failures = app.createRateLimit({ max: FAILURES_PER_MINUTE, timeWindow: 60_000 });
  const upgrades = app.createRateLimit({ max: UPGRADES_PER_MINUTE, timeWindow: 60_000 });

  const refuseAccess = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const limit = await failures(request);
    if (!limit.isAllowed && limit.isExceeded) await refuse(request, reply, 429, limit.ttlInSeconds);
    else await refuse(request, reply, 401);
  };

  /** Gives the browser its cookie, and its page the key, which the page takes out of the address. */
  const letIn = (reply: FastifyReply, port: number, location: string): FastifyReply =>
    reply
      .headers({ 'set-cookie': sessionCookie(port, session), 'cache-control': 'no-store' })
      .redirect(location, 303);

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    const area = areaOf(request);
    const port = request.socket.localPort ?? 0;
    const { headers } = request;
    if (!isOwnHost(headers.host, port) || !hasOwnOrigin(request, area))
      return refuse(request, reply, 403);
    if (isUpgrade(request) && !sockets.has(request.routeOptions.url ?? ''))
      return refuse(request, reply, 403);
    if (area === 'api') {
      if (!isSecret(readBearer(headers.authorization), token)) return refuseAccess(request, reply);
      return undefined;
    }
    if (area === 'entry') {
      const { code } = request.params as { code?: unknown };
      if (request.method !== 'GET' || typeof code !== 'string' || !codes.redeem(code))
        return refuseAccess(request, reply);
      return letIn(reply, port, withoutToken('/', pageKey));
    }
    const { token: given } = request.query as { token?: unknown };
    const isNavigation = area === 'page' && request.method === 'GET';
    if (isNavigation && typeof given === 'string' && isSecret(given, token))
      return letIn(reply, port, withoutToken(request.url, pageKey));
    const cookies = readCookies(headers.cookie, cookieName(port));
    if (!cookies.some((cookie) => isSecret(cookie, session))) return refuseAccess(request, reply);
    if (area === 'rpc') {
      if (!hasPageKey(headers, pageKey)) return refuseAccess(request, reply);
      if (!isUpgrade(request)) return undefined;
      const limit = await upgrades(request);
      if (!limit.isAllowed && limit.isExceeded)
        return refuse(request, reply, 429, limit.ttlInSeconds);
      if (app.websocketServer.clients.size >= MAX_SOCKETS) return refuse(request, reply, 503);
    } else if (given !== undefined) {
      // A token of an earlier key: the cookie is there, so it has no business in the address bar.
      return reply.redirect(withoutToken(request.url), 303);
    }
    return undefined;
  });
}
