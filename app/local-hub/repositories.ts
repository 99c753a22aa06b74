import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Snapshot } from './scan.ts';
import { FolderScanner } from './scan.ts';

/** A folder to serve, and how the hub should treat it. */
export interface LocalRepository {
  readonly directory: string;
  /** `auto`: files need the token. `manual`: nobody has been let in yet, whatever the token. @default no gate */
  readonly gated?: 'auto' | 'manual' | undefined;
  /** Without the token it does not seem to exist. */
  readonly private?: boolean | undefined;
  /** @default what the README's head says */
  readonly license?: string | undefined;
  /** @default text-generation */
  readonly task?: string | undefined;
  /** Names under which the repository used to be known; requests for them are redirected. */
  readonly formerNames?: readonly string[] | undefined;
}

export interface ServedRepository extends LocalRepository {
  readonly name: string;
  scan(): Promise<Snapshot>;
}

export type Caller = 'anonymous' | 'known' | 'wrong-token';

/** `/owner/name/resolve/revision/path…`, as asked for. */
export interface ResolvePath {
  readonly name: string;
  readonly revision: string;
  readonly file: string;
}

/** Answers with the Hub's headers for errors, which its clients read. */
export function sendError(
  reply: FastifyReply,
  status: number,
  code: string | null,
  message: string,
): FastifyReply {
  if (code !== null) void reply.header('x-error-code', code);
  return reply.code(status).header('x-error-message', message).send({ error: message });
}

function equalTexts(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

/** The repositories, and who may see what of them. */
export class Repositories {
  readonly #byName = new Map<string, ServedRepository>();
  readonly #token: string | null;

  constructor(repositories: Readonly<Record<string, LocalRepository>>, token: string | null) {
    this.#token = token;
    for (const [name, repository] of Object.entries(repositories)) {
      const scanner = new FolderScanner(repository.directory);
      const served = { ...repository, name, scan: () => scanner.scan() };
      this.#byName.set(name, served);
      for (const former of repository.formerNames ?? []) this.#byName.set(former, served);
    }
  }

  all(): ServedRepository[] {
    return [...new Set(this.#byName.values())];
  }

  callerOf(request: FastifyRequest): Caller {
    const header = request.headers.authorization;
    if (header === undefined) return 'anonymous';
    if (this.#token !== null && equalTexts(header, `Bearer ${this.#token}`)) return 'known';
    return 'wrong-token';
  }

  /** The repository of that (present or former) name. */
  find(name: string): ServedRepository | null {
    return this.#byName.get(name) ?? null;
  }

  /** Reads a path of the form that files have. @returns null for every other path */
  parseResolve(pathname: string): ResolvePath | null {
    const [, owner, name, word, revision, ...rest] = decodePath(pathname) ?? [];
    if (owner === undefined || name === undefined || word !== 'resolve') return null;
    if (revision === undefined || rest.length === 0) return null;
    return { name: `${owner}/${name}`, revision, file: rest.join('/') };
  }
}

/** The parts of a path; the first is empty. @returns null when its escapes make no sense */
export function decodePath(pathname: string): string[] | null {
  try {
    return pathname.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

/** Whether `revision` names the folder's present state. */
export function isPresent(revision: string, snapshot: Snapshot): boolean {
  return revision === 'main' || revision === 'HEAD' || revision === snapshot.commit;
}

/** Turns away who may not know of the repository. @returns whether the answer has been given */
export function refuseStranger(
  reply: FastifyReply,
  caller: Caller,
  repository: ServedRepository | null,
): boolean {
  if (caller === 'wrong-token') {
    void sendError(reply, 401, null, 'Invalid credentials in Authorization header');
    return true;
  }
  if (repository !== null && (repository.private !== true || caller === 'known')) return false;
  // The Hub does not tell anonymous callers whether a repository exists.
  if (caller === 'anonymous') void sendError(reply, 401, null, 'Invalid username or password.');
  else void sendError(reply, 404, 'RepoNotFound', 'Repository not found');
  return true;
}
