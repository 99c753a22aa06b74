import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify } from 'fastify';
import type { AddressInfo } from 'node:net';
import { answerApi } from './answer-api.ts';
import { ContentHost } from './content-host.ts';
import type { Fault, Intercept } from './fault.ts';
import type { LocalRepository } from './repositories.ts';
import { Repositories } from './repositories.ts';
import { resolveFile } from './resolve-file.ts';

export interface LocalHubOptions {
  /** `owner/name` to the folder that holds the files. */
  readonly repositories: Readonly<Record<string, LocalRepository>>;
  /** The one token that is accepted; without it every token is wrong. */
  readonly token?: string | undefined;
  /** Entries per page of a listing. @default 1000, as the Hub's */
  readonly pageSize?: number | undefined;
  /** Spoils answers, for tests. */
  readonly intercept?: Intercept | undefined;
}

export interface LocalHub {
  /** Address to use as HF_ENDPOINT. */
  readonly endpoint: string;
  /** The second host, which serves large files. */
  readonly contentEndpoint: string;
  close(): Promise<void>;
}

/** Only this computer may ask: what is served may be private. */
const LOOPBACK = '127.0.0.1';

function addressOf(server: FastifyInstance): string {
  const { port } = server.server.address() as AddressInfo;
  return `http://${LOOPBACK}:${port}`;
}

/** Does the faults that need no file. @returns whether it has taken the answer over */
function takeOver(reply: FastifyReply, fault: Fault | undefined): boolean {
  if (fault?.kind === 'answer') {
    void reply
      .code(fault.status)
      .headers({ ...fault.headers })
      .send(fault.body ?? '');
    return true;
  }
  if (fault?.kind !== 'silence' && fault?.kind !== 'hang-up') return false;
  reply.hijack();
  if (fault.kind === 'hang-up') reply.raw.destroy();
  return true;
}

type Answer = (
  request: FastifyRequest,
  reply: FastifyReply,
  fault: Fault | undefined,
) => Promise<unknown>;

async function listen(
  host: 'hub' | 'content',
  options: LocalHubOptions,
  fileOf: (path: string) => string | null,
  answer: Answer,
): Promise<FastifyInstance> {
  // forceCloseConnections: a stalled download must not keep the process alive.
  const server = fastify({ logger: false, forceCloseConnections: true, exposeHeadRoutes: false });
  server.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    handler: async (request, reply) => {
      // A web page could otherwise reach this server through a name of its own that points to loopback.
      if (`http://${request.headers.host ?? ''}` !== addressOf(server))
        return reply.code(403).send({ error: 'Wrong host.' });
      const { pathname } = new URL(request.url, addressOf(server));
      const fault = options.intercept?.({
        host,
        method: request.method,
        url: request.url,
        headers: request.headers,
        file: fileOf(pathname),
      });
      if (takeOver(reply, fault)) return reply;
      return answer(request, reply, fault);
    },
  });
  await server.listen({ host: LOOPBACK, port: 0 });
  return server;
}

/**
 * Serves folders as repositories of a hub, on this computer only and on ports that the system chooses.
 *
 * It can never serve a file outside its folders: requests are looked up among the files that a scan of the folders
 * found, and no path is ever made of a request's text.
 */
export async function startLocalHub(options: LocalHubOptions): Promise<LocalHub> {
  const repositories = new Repositories(options.repositories, options.token ?? null);
  const content = new ContentHost();
  const contentServer = await listen(
    'content',
    options,
    (path) => content.fileOf(path),
    (request, reply, fault) => content.answer(request, reply, fault),
  );
  const contentEndpoint = addressOf(contentServer);
  const hubServer = await listen(
    'hub',
    options,
    (path) => repositories.parseResolve(path)?.file ?? null,
    async (request, reply, fault) => {
      const url = new URL(request.url, addressOf(hubServer));
      if (url.pathname.startsWith('/api/models'))
        return answerApi(request, reply, {
          url,
          repositories,
          pageSize: options.pageSize ?? 1000,
        });
      return resolveFile(request, reply, { url, repositories, content, contentEndpoint, fault });
    },
  );
  return {
    endpoint: addressOf(hubServer),
    contentEndpoint,
    close: async () => {
      await Promise.all([hubServer.close(), contentServer.close()]);
    },
  };
}
