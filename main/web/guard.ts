import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { securityHeaders } from '../page/security-headers.ts';
import {
  cookieName,
  isOwnHost,
  isOwnOrigin,
  isSecret,
  readBearer,
  readCookie,
  sessionCookie,
  withoutToken,
} from './access.ts';
import { refusalBody } from './refusal.ts';

export interface Secrets {
  /** In the address that is printed, and the bearer token of the API. */
  readonly token: string;
  /** In the cookie: never the token itself, which a person may paste somewhere. */
  readonly session: string;
}

/**
 * Requests without access that are told how to get in, per minute; the rest are only told to wait. This holds down a
 * program that tries, not the person: the right secret is let in at any time, or any page on the web could lock them out.
 */
const FAILURES_PER_MINUTE = 30;

/** A window holds two sockets; even one that reconnects every second stays below. */
const UPGRADES_PER_MINUTE = 240;

/** Sixteen windows. */
const MAX_SOCKETS = 32;

function isUpgrade(request: FastifyRequest): boolean {
  return request.headers.upgrade !== undefined;
}

function isApi(request: FastifyRequest): boolean {
  return /^\/v1(?:[/?]|$)/.test(request.url);
}

async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  retryAfterSeconds?: number,
): Promise<void> {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  const { type, body } = refusalBody(status, isApi(request));
  // A body that was announced is not read: the connection ends with the refusal.
  await reply.code(status).header('connection', 'close').type(type).send(body);
}

/** True when the request comes from a page of this server, or from a program that no page speaks through. */
function hasOwnOrigin(request: FastifyRequest): boolean {
  const { origin, host } = request.headers;
  if (origin !== undefined) return isOwnOrigin(origin, host);
  // Browsers name the origin wherever something could be changed; without one there must be a bearer token instead.
  const changesNothing = request.method === 'GET' || request.method === 'HEAD';
  return (changesNothing && !isUpgrade(request)) || isApi(request);
}

/**
 * Lets no request through, not even for a file, that does not come to this very host by its own name, from its own
 * pages, with the cookie or (for the API) the bearer token.
 */
export function guard(app: FastifyInstance, { token, session }: Secrets): void {
  const failures = app.createRateLimit({ max: FAILURES_PER_MINUTE, timeWindow: 60_000 });
  const upgrades = app.createRateLimit({ max: UPGRADES_PER_MINUTE, timeWindow: 60_000 });

  const refuseAccess = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const limit = await failures(request);
    if (!limit.isAllowed && limit.isExceeded) await refuse(request, reply, 429, limit.ttlInSeconds);
    else await refuse(request, reply, 401);
  };

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    const port = request.socket.localPort ?? 0;
    const { headers } = request;
    if (!isOwnHost(headers.host, port) || !hasOwnOrigin(request))
      return refuse(request, reply, 403);
    if (isApi(request)) {
      if (!isSecret(readBearer(headers.authorization), token)) return refuseAccess(request, reply);
      return undefined;
    }
    if (!isSecret(readCookie(headers.cookie, cookieName(port)), session)) {
      const { token: given } = request.query as { token?: unknown };
      const isNavigation = request.method === 'GET' && !isUpgrade(request);
      if (!isNavigation || typeof given !== 'string' || !isSecret(given, token))
        return refuseAccess(request, reply);
      reply.header('set-cookie', sessionCookie(port, session)).header('cache-control', 'no-store');
      return reply.redirect(withoutToken(request.url), 303);
    }
    if (isUpgrade(request)) {
      const limit = await upgrades(request);
      if (!limit.isAllowed && limit.isExceeded)
        return refuse(request, reply, 429, limit.ttlInSeconds);
      if (app.websocketServer.clients.size >= MAX_SOCKETS) return refuse(request, reply, 503);
    } else if ((request.query as { token?: unknown }).token !== undefined) {
      // The address was opened again: the cookie is there, so the token has no business in the address bar.
      return reply.redirect(withoutToken(request.url), 303);
    }
    return undefined;
  });
}
