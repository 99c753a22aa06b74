import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify } from 'fastify';
import type { AddressInfo } from 'node:net';
import { answerApi } from './answer-api.ts';
import { ContentHost } from './content-host.ts';
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
  /** Called with each server before it listens: adds hooks of fastify's that watch requests or change answers. */
  readonly configure?: ((server: FastifyInstance, host: ServedHost) => void) | undefined;
}

/** One of the two servers. */
export interface ServedHost {
  /** `hub` is the endpoint; `content` the second host, to which requests for large files are redirected. */
  readonly name: 'hub' | 'content';
  /** The file of a repository that a path asks for; null for everything else. */
  fileOf(pathname: string): string | null;
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

type Answer = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

async function listen(
  host: ServedHost,
  options: LocalHubOptions,
  answer: Answer,
): Promise<FastifyInstance> {
  // forceCloseConnections: a stalled download must not keep the process alive.
  const server = fastify({ logger: false, forceCloseConnections: true, exposeHeadRoutes: false });
  server.addHook('onRequest', async (request, reply) => {
    // A web page could otherwise reach this server through a name of its own that points to loopback.
    if (`http://${request.headers.host ?? ''}` !== addressOf(server))
      return reply.code(403).send({ error: 'Wrong host.' });
    return undefined;
  });
  options.configure?.(server, host);
  server.route({ method: ['GET', 'HEAD'], url: '/*', handler: answer });
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
    { name: 'content', fileOf: (pathname) => content.fileOf(pathname) },
    options,
    (request, reply) => content.answer(request, reply),
  );
  const contentEndpoint = addressOf(contentServer);
  const hubServer = await listen(
    {
      name: 'hub',
      fileOf: (pathname) => repositories.parseResolve(pathname)?.file ?? null,
    },
    options,
    async (request, reply) => {
      const url = new URL(request.url, addressOf(hubServer));
      if (url.pathname.startsWith('/api/models'))
        return answerApi(request, reply, {
          url,
          repositories,
          pageSize: options.pageSize ?? 1000,
        });
      return resolveFile(request, reply, { url, repositories, content, contentEndpoint });
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
