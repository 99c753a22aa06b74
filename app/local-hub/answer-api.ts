import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Repositories, ServedRepository } from './repositories.ts';
import { decodePath, isPresent, refuseStranger, sendError } from './repositories.ts';
import type { ServedFile, Snapshot } from './scan.ts';
import { lfsPointer } from './scan.ts';

interface ApiContext {
  readonly url: URL;
  readonly repositories: Repositories;
  readonly pageSize: number;
}

/** The fields that the Hub's clients ask for, with numbers that a folder cannot know set to zero. */
function describe(repository: ServedRepository, snapshot: Snapshot): Record<string, unknown> {
  const license = repository.license ?? snapshot.license;
  const hasSafetensors = [...snapshot.files.keys()].some((name) => name.endsWith('.safetensors'));
  return {
    _id: createHash('sha256').update(repository.name).digest('hex').slice(0, 24),
    id: repository.name,
    modelId: repository.name,
    sha: snapshot.commit,
    private: repository.private ?? false,
    gated: repository.gated ?? false,
    disabled: false,
    downloads: 0,
    likes: 0,
    pipeline_tag: repository.task ?? 'text-generation',
    lastModified: snapshot.modifiedAt.toISOString(),
    tags: [
      ...(hasSafetensors ? ['safetensors'] : []),
      ...(license === null ? [] : [`license:${license}`]),
    ],
    cardData: license === null ? {} : { license },
    siblings: [...snapshot.files.keys()].map((rfilename) => ({ rfilename })),
  };
}

/** `GET /api/models?search=&filter=&limit=` */
async function search(
  request: FastifyRequest,
  reply: FastifyReply,
  { url, repositories }: ApiContext,
): Promise<FastifyReply> {
  const caller = repositories.callerOf(request);
  if (caller === 'wrong-token')
    return sendError(reply, 401, null, 'Invalid credentials in Authorization header');
  const query = (url.searchParams.get('search') ?? '').toLowerCase();
  const tags = url.searchParams.getAll('filter');
  const limit = Number(url.searchParams.get('limit') ?? 1000);
  const found: Record<string, unknown>[] = [];
  for (const repository of repositories.all()) {
    if (repository.private === true && caller !== 'known') continue;
    if (!repository.name.toLowerCase().includes(query)) continue;
    const description = describe(repository, await repository.scan());
    if (tags.every((tag) => (description['tags'] as string[]).includes(tag)))
      found.push(description);
  }
  return reply.send(found.slice(0, limit));
}

function treeEntry(file: ServedFile): Record<string, unknown> {
  const entry = { type: 'file', oid: file.oid, size: file.sizeBytes, path: file.path };
  if (!file.isLarge) return entry;
  const pointerSize = Buffer.byteLength(lfsPointer(file.sha256, file.sizeBytes));
  return { ...entry, lfs: { oid: file.sha256, size: file.sizeBytes, pointerSize } };
}

function folderEntries(files: readonly ServedFile[]): Record<string, unknown>[] {
  const folders = new Set<string>();
  for (const { path } of files)
    for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1))
      folders.add(path.slice(0, end));
  return [...folders].map((path) => ({
    type: 'directory',
    oid: createHash('sha1').update(path).digest('hex'),
    size: 0,
    path,
  }));
}

/** `GET /api/models/{repo}/tree/{revision}?recursive=`, a page at a time. */
function sendTree(
  reply: FastifyReply,
  { url, pageSize }: ApiContext,
  request: FastifyRequest,
  snapshot: Snapshot,
): FastifyReply {
  const files = [...snapshot.files.values()];
  const all = [...folderEntries(files), ...files.map(treeEntry)];
  const entries =
    url.searchParams.get('recursive') === 'true'
      ? all
      : all.filter((entry) => !String(entry['path']).includes('/'));
  const start = Number(url.searchParams.get('cursor') ?? 0) || 0;
  if (start + pageSize < entries.length) {
    const next = new URL(url);
    next.host = request.headers.host ?? next.host;
    next.searchParams.set('cursor', String(start + pageSize));
    void reply.header('link', `<${next.href}>; rel="next"`);
  }
  return reply.send(entries.slice(start, start + pageSize));
}

/** Answers everything below `/api/models`. */
export async function answerApi(
  request: FastifyRequest,
  reply: FastifyReply,
  context: ApiContext,
): Promise<FastifyReply> {
  const { url, repositories } = context;
  const [, , , owner, name, word, revision] = decodePath(url.pathname) ?? [];
  if (owner === undefined) return search(request, reply, context);
  const asked = `${owner}/${name ?? ''}`;
  const repository = repositories.find(asked);
  if (refuseStranger(reply, repositories.callerOf(request), repository) || repository === null)
    return reply;
  if (repository.name !== asked)
    return reply.redirect(url.pathname.replace(asked, repository.name) + url.search, 307);
  const snapshot = await repository.scan();
  if (revision !== undefined && !isPresent(revision, snapshot))
    return sendError(reply, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
  if (word === undefined || word === 'revision') return reply.send(describe(repository, snapshot));
  if (word === 'tree' && revision !== undefined) return sendTree(reply, context, request, snapshot);
  return sendError(reply, 404, null, 'Not found');
}
