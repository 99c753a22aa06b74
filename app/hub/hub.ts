import type * as HubClient from '@huggingface/hub';
import { z } from 'zod';
import { containers, isWeightsFile } from '../checkpoint/index.ts';
import { AppError } from '../contract/error.ts';
import type { ModelSummary } from '../contract/inspection.ts';
import { parseJson } from '../json/index.ts';
import { connectError } from './connect-error.ts';
import type { RequestContext } from './hub-error.ts';
import { connectionError, nonsenseError, tooSlowError, UnreachableError } from './hub-error.ts';
import type { HubOptions } from './hub-options.ts';
import { connectionOf } from './hub-options.ts';
import type { OpenedFile } from './open-file.ts';
import { openFile } from './open-file.ts';
import type { Repository, RepositoryFile } from './repository.ts';
import {
  isGated,
  modelEntrySchema,
  modelInfoSchema,
  repositoryFile,
  treeEntrySchema,
} from './repository.ts';
import { parseRepositoryName } from './repository-name.ts';
import type { Connection } from './request.ts';
import { readBody, sendRequest } from './request.ts';
import type { RetryPolicy } from './retry.ts';
import { DEFAULT_RETRY, PERSON_RETRY, TransientError, withRetries } from './retry.ts';

/** A page of a listing is about 300 kB; a page of search results with every field about 1 MB. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;

/** A page of 1000 files has some ten thousand. */
const MAX_JSON_VALUES = 500_000;

/** A listing of the most files that are taken has 20 pages. */
const MAX_PAGES = 100;

/** What an operation may take as a whole, s, however it is stretched: a slow link needs a tenth of it. */
export const DEADLINES = { search: 20, repository: 60, small: 60 } as const;

/** Bytes a second that a read of parts of a file may count on beside its deadline. */
const SLOW_LINK = 32 * 1024;

/** A host that does not take a connection within this time is as good as not there, for someone who waits. */
const CONNECT_MS = 2_500;

/** The largest model repositories have a few thousand files; this stops a listing that never ends. */
const MAX_FILES = 20_000;

/** Thirty modules, two of them WebAssembly, that nothing needs which stays on this computer: loaded by the first question. */
const client = (): Promise<typeof HubClient> => import('@huggingface/hub');

interface Cancellable {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A model hub: the Hugging Face Hub or anything that speaks its protocol.
 *
 * Every failure is an AppError; failures that pass by themselves are tried again first.
 */
export class Hub {
  readonly endpoint: string;
  readonly hasToken: boolean;
  readonly retry: RetryPolicy;
  readonly #connection: Connection;
  readonly #options: HubOptions;
  readonly #waits: boolean;

  /** @throws AppError `invalid-input` for an endpoint or a token that cannot be used */
  constructor(options: HubOptions = {}) {
    this.#options = options;
    this.#waits = options.forPerson === true;
    this.#connection = connectionOf(options);
    this.endpoint = this.#connection.endpoint;
    this.hasToken = this.#connection.token !== null;
    this.retry = options.retry ?? DEFAULT_RETRY;
  }

  /** The same hub for someone who waits for the answer: says within seconds that there is no network. */
  get forPerson(): Hub {
    const { endpoint, token } = this.#connection;
    return new Hub({
      ...this.#options,
      endpoint,
      token: token ?? '',
      retry: PERSON_RETRY,
      forPerson: true,
    });
  }

  /**
   * Asks the hub whose token this is.
   *
   * @returns the account's name; null where the hub cannot say (a mirror without accounts)
   * @throws AppError `unauthorized` when the hub does not know the token, `network`
   */
  async whoAmI({ signal }: Cancellable = {}): Promise<string | null> {
    const context = this.#context(null, 'the owner of the token');
    try {
      const asked = this.#jsonFetch(context, signal)(`${this.endpoint}/api/whoami-v2`);
      const parsed = z.object({ name: z.string().max(200) }).safeParse(await (await asked).json());
      return parsed.success ? parsed.data.name : null;
    } catch (error) {
      if (error instanceof AppError && error.code === 'not-found') return null;
      throw error;
    }
  }

  /** Models whose name matches and that have safetensors weights, most downloaded first. */
  async search(
    query: string,
    { limit = 20, signal }: Cancellable & { readonly limit?: number } = {},
  ): Promise<ModelSummary[]> {
    const context = this.#context(null, 'the search');
    return this.#understand(context, DEADLINES.search, signal, async (inTime) => {
      const found: ModelSummary[] = [];
      const { listModels } = await client();
      const models = listModels({
        search: { query, tags: [containers[0].hubTag] },
        sort: 'downloads',
        limit,
        hubUrl: this.endpoint,
        fetch: this.#jsonFetch(context, inTime),
      });
      for await (const model of models) {
        const entry = modelEntrySchema.parse(model);
        const time = entry.updatedAt?.getTime();
        found.push({
          repository: entry.name,
          downloads: Math.round(entry.downloads),
          likes: Math.round(entry.likes),
          gated: isGated(entry.gated),
          task: entry.task ?? null,
          updatedAt: time === undefined || Number.isNaN(time) ? null : new Date(time).toISOString(),
        });
      }
      return found;
    });
  }

  /**
   * Reads what a repository holds, with the revision pinned to its commit.
   *
   * Works for gated repositories too; whether their files may be read, `checkAccess` tells.
   */
  async repository(
    name: string,
    revision: string,
    { signal }: Cancellable = {},
  ): Promise<Repository> {
    const asked = parseRepositoryName(`${name}@${revision}`);
    const context = this.#context(asked.name, `revision ${asked.revision}`);
    return this.#understand(context, DEADLINES.repository, signal, async (inTime) => {
      const { modelInfo } = await client();
      const info = modelInfoSchema.parse(
        await modelInfo({
          name: asked.name,
          revision: asked.revision,
          additionalFields: ['sha', 'cardData', 'tags'],
          hubUrl: this.endpoint,
          fetch: this.#jsonFetch(context, inTime),
        }),
      );
      // A renamed repository answers with its new name, under which its files are.
      const current = parseRepositoryName(info.name).name;
      const tag = info.tags.find((text) => text.startsWith('license:'));
      return {
        name: current,
        revision: asked.revision,
        commit: info.sha,
        gated: isGated(info.gated),
        private: info.private,
        license: info.cardData?.license ?? tag?.slice('license:'.length) ?? null,
        files: await this.#files(current, info.sha, inTime),
      };
    });
  }

  async #files(
    name: string,
    commit: string,
    signal: AbortSignal | undefined,
  ): Promise<RepositoryFile[]> {
    const context = this.#context(name, 'the list of files');
    const files = new Map<string, RepositoryFile>();
    const { listFiles } = await client();
    const entries = listFiles({
      repo: { type: 'model', name },
      revision: commit,
      recursive: true,
      hubUrl: this.endpoint,
      fetch: this.#jsonFetch(context, signal),
    });
    let count = 0;
    for await (const entry of entries) {
      if (++count > MAX_FILES)
        throw nonsenseError(context, `it lists more than ${MAX_FILES} files`);
      const file = repositoryFile(treeEntrySchema.parse(entry));
      if (file !== null) files.set(file.path, file);
    }
    return [...files.values()];
  }

  /**
   * Asks whether this client may read the repository's files: listing a gated repository succeeds for everyone.
   *
   * @throws AppError `gated` or `unauthorized`, with what to do
   */
  async checkAccess(repository: Repository, { signal }: Cancellable = {}): Promise<void> {
    // READMEs are open on some gated repositories; weights never are.
    const file = repository.files.find(({ path }) => isWeightsFile(path)) ?? repository.files[0];
    if (file === undefined) return;
    const context = this.#context(repository.name, file.path);
    await this.#inTime(context, DEADLINES.small, signal, async (inTime) => {
      const answered = await sendRequest(this.#connection, {
        url: this.#fileUrl(repository.name, repository.commit, file.path),
        method: 'HEAD',
        context,
        signal: inTime,
        onRedirect: (response, headers) => {
          // A renamed repository redirects within the hub; a redirect with the file's size is the way to its content.
          return response.headers.has('x-linked-size') ? null : headers;
        },
      });
      answered.close();
    });
  }

  /**
   * Reads bytes `start` (inclusive) to `endExclusive` of a file; fewer where the file ends before.
   */
  async readRange(
    repository: string,
    commit: string,
    path: string,
    start: number,
    endExclusive: number,
    { signal }: Cancellable = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = endExclusive - start;
    if (wanted <= 0) return new Uint8Array(0);
    const context = this.#context(repository, path);
    const seconds = DEADLINES.small + Math.ceil(wanted / SLOW_LINK);
    return this.#inTime(context, seconds, signal, async (inTime) => {
      const opened = await this.openFile(repository, commit, path, {
        start,
        endExclusive,
        signal: inTime,
      });
      if (opened.kind === 'past-end') return new Uint8Array(0);
      const bytes = new Uint8Array(wanted);
      // A server that ignores ranges sends the file from its beginning.
      let position = opened.start;
      let filled = 0;
      for await (const piece of opened.body()) {
        const from = Math.max(0, start - position);
        const useful = piece.subarray(from, from + wanted - filled);
        bytes.set(useful, filled);
        filled += useful.byteLength;
        position += piece.byteLength;
        if (filled === wanted) break;
      }
      return bytes.subarray(0, filled);
    });
  }

  /**
   * Reads a whole file that should be small.
   *
   * @throws AppError `malformed-file` when it has more than `maxBytes`
   */
  async readSmallFile(
    repository: string,
    commit: string,
    path: string,
    maxBytes: number,
    options: Cancellable = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.readRange(repository, commit, path, 0, maxBytes + 1, options);
    if (bytes.byteLength <= maxBytes) return bytes;
    throw new AppError(
      'malformed-file',
      `${repository} has a ${path} of more than ${maxBytes} bytes.`,
      { remedy: 'That is no sane size for this file; choose another repository.' },
    );
  }

  /** Opens a file for reading from `start`, once; see `openFile` for what the validator does. */
  openFile(
    repository: string,
    commit: string,
    path: string,
    options: Cancellable & {
      readonly start: number;
      readonly endExclusive?: number | undefined;
      readonly validator?: string | null | undefined;
    },
  ): Promise<OpenedFile> {
    return openFile(this.#connection, {
      url: this.#fileUrl(repository, commit, path),
      context: this.#context(repository, path),
      ...options,
    });
  }

  #context(repository: string | null, what: string): RequestContext {
    return { endpoint: this.endpoint, repository, what, hasToken: this.hasToken };
  }

  #fileUrl(repository: string, commit: string, path: string): string {
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    return `${this.endpoint}/${repository}/resolve/${commit}/${encoded}`;
  }

  #withRetries<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const once = async (): Promise<T> => {
      try {
        return await attempt();
      } catch (error) {
        // Somebody waits for this answer, and nothing changes within seconds. Downloads do wait for the server.
        if (error instanceof UnreachableError) throw asFinal(error);
        throw error;
      }
    };
    return withRetries(once, { policy: this.retry, signal });
  }

  /** Does something, with retries, that must end within some seconds, however the server stretches it. */
  async #inTime<T>(
    context: RequestContext,
    seconds: number,
    signal: AbortSignal | undefined,
    attempt: (inTime: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(
      () => {
        late.abort();
      },
      seconds * (this.#options.secondMs ?? 1000),
    );
    const inTime = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
    try {
      return await this.#withRetries(inTime, () => attempt(inTime));
    } catch (error) {
      if (late.signal.aborted && signal?.aborted !== true) throw tooSlowError(context, seconds);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A fetch for the hub's client library, with our rules: retries, bounded bodies and pages, no token for strangers. */
  #jsonFetch(context: RequestContext, signal: AbortSignal | undefined): typeof fetch {
    let pages = 0;
    return async (input) => {
      if (++pages > MAX_PAGES)
        throw nonsenseError(context, `it sends more than ${MAX_PAGES} pages`);
      const url = input instanceof Request ? input.url : String(input);
      return this.#withRetries(signal, async () => {
        if (this.#waits && pages === 1) await this.#requireConnection(context, signal);
        const answered = await sendRequest(this.#connection, {
          url,
          headers: { accept: 'application/json' },
          context,
          signal,
        });
        const { headers, status } = answered.response;
        if (headers.get('content-type')?.startsWith('text/html') === true) {
          answered.close();
          throw nonsenseError(context, 'it sends a web page');
        }
        const body = await readBody(answered, MAX_JSON_BYTES, context);
        await this.#requireJson(body, context, signal);
        return new Response(body, { status, headers });
      });
    };
  }

  /** Refuses what would keep the library busy: it parses whatever comes. */
  async #requireJson(
    body: Uint8Array,
    context: RequestContext,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await parseJson(body, {
        name: context.what,
        maxBytes: MAX_JSON_BYTES,
        maxValues: MAX_JSON_VALUES,
        signal,
      });
    } catch (error) {
      if (error instanceof AppError && error.code === 'aborted') throw error;
      throw nonsenseError(context, 'it sends no JSON of any sane size', error);
    }
  }

  /** Looks whether anybody takes a connection: a request of its own would wait four times as long for that. */
  async #requireConnection(
    context: RequestContext,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Behind a proxy only the proxy can be reached, and a fetch of the caller's own goes wherever it likes.
    if (this.#options.fetch !== undefined || process.env['NODE_USE_ENV_PROXY'] === '1') return;
    const { hostname, port, protocol, host } = new URL(this.endpoint);
    const error = await connectError(
      hostname.replace(/^\[|\]$/g, ''),
      port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      CONNECT_MS,
      signal,
    );
    if (error !== null) throw connectionError(error, host, context);
  }

  /** The library trusts the server's JSON; whatever it or a schema stumbles over is the server's doing. */
  async #understand<T>(
    context: RequestContext,
    seconds: number,
    signal: AbortSignal | undefined,
    read: (inTime: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#inTime(context, seconds, signal, async (inTime) => {
      try {
        return await read(inTime);
      } catch (error) {
        // What was retried has been retried: not once more for the operation as a whole.
        if (error instanceof TransientError) throw asFinal(error);
        if (error instanceof AppError) throw error;
        const how =
          error instanceof z.ZodError
            ? `its answer breaks the schema at ${error.issues[0]?.path.join('.') ?? '?'}`
            : 'its answer makes no sense';
        throw nonsenseError(context, how, error);
      }
    });
  }
}

/** The same error, not to be tried again. */
function asFinal(error: AppError): AppError {
  const { code, message, remedy, reason, facts } = error;
  return new AppError(code, message, {
    reason,
    facts,
    cause: error,
    ...(remedy === null ? {} : { remedy }),
  });
}
