import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ContentHost } from './content-host.ts';
import type { Caller, Repositories, ServedRepository } from './repositories.ts';
import { isPresent, refuseStranger, sendError } from './repositories.ts';
import { sendFile } from './send-file.ts';

interface ResolveContext {
  readonly url: URL;
  readonly repositories: Repositories;
  readonly content: ContentHost;
  readonly contentEndpoint: string;
}

function refuseGated(
  reply: FastifyReply,
  caller: Caller,
  { name, gated }: ServedRepository,
): boolean {
  if (gated === undefined || (gated === 'auto' && caller === 'known')) return false;
  const why =
    caller === 'known'
      ? `Access to model ${name} is restricted and you are not in the authorized list.`
      : `Access to model ${name} is restricted. You must be authenticated to access it.`;
  void sendError(reply, caller === 'known' ? 403 : 401, 'GatedRepo', why);
  return true;
}

/** `/{repo}/resolve/{revision}/{path}`: small files at once, large ones by a signed address on the second host. */
export async function resolveFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { url, repositories, content, contentEndpoint }: ResolveContext,
): Promise<FastifyReply> {
  const asked = repositories.parseResolve(url.pathname);
  if (asked === null) return sendError(reply, 404, null, 'Not found');
  const caller = repositories.callerOf(request);
  const repository = repositories.find(asked.name);
  if (refuseStranger(reply, caller, repository) || repository === null) return reply;
  if (repository.name !== asked.name)
    return reply.redirect(url.pathname.replace(asked.name, repository.name), 307);
  const snapshot = await repository.scan();
  if (!isPresent(asked.revision, snapshot))
    return sendError(reply, 404, 'RevisionNotFound', `Invalid rev id: ${asked.revision}`);
  if (refuseGated(reply, caller, repository)) return reply;
  const file = snapshot.files.get(asked.file);
  if (file === undefined) return sendError(reply, 404, 'EntryNotFound', 'Entry not found');
  void reply.header('x-repo-commit', snapshot.commit);
  if (!file.isLarge) return sendFile(request, reply, file, `"${file.oid}"`);
  return reply
    .header('x-linked-etag', `"${file.sha256}"`)
    .header('x-linked-size', file.sizeBytes)
    .redirect(contentEndpoint + content.sign(file), 302);
}
