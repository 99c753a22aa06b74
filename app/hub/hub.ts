import { listFiles, listModels, modelInfo } from '@huggingface/hub';
import { z } from 'zod';
import { AppError } from '../contract/error.ts';
import type { ModelSummary } from '../contract/inspection.ts';
import type { RequestContext } from './hub-error.ts';
import { nonsenseError, RefusedError } from './hub-error.ts';
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
import { DEFAULT_RETRY, withRetries } from './retry.ts';

/** A page of a listing is about 300 kB; a page of search results with every field about 1 MB. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** The largest model repositories have a few thousand files; this stops a listing that never ends. */
const MAX_FILES = 20_000;

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

  /** @throws AppError `invalid-input` for an endpoint or a token that cannot be used */
  constructor(options: HubOptions = {}) {
    this.#connection = connectionOf(options);
    this.endpoint = this.#connection.endpoint;
    this.hasToken = this.#connection.token !== null;
    this.retry = options.retry ?? DEFAULT_RETRY;
  }

  /** Models whose name matches and that have safetensors weights, most downloaded first. */
  async search(
    query: string,
    { limit = 20, signal }: Cancellable & { readonly limit?: number } = {},
  ): Promise<ModelSummary[]> {
    const context = this.#context(null, 'the search');
    return this.#understand(context, async () => {
      const found: ModelSummary[] = [];
      const models = listModels({
        search: { query, tags: ['safetensors'] },
        sort: 'downloads',
        limit,
        hubUrl: this.endpoint,
        fetch: this.#jsonFetch(context, signal),
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
    return this.#understand(context, async () => {
      const info = modelInfoSchema.parse(
        await modelInfo({
          name: asked.name,
          revision: asked.revision,
          additionalFields: ['sha', 'cardData', 'tags'],
          hubUrl: this.endpoint,
          fetch: this.#jsonFetch(context, signal),
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
        files: await this.#files(current, info.sha, signal),
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
    const file =
      repository.files.find(({ path }) => path.endsWith('.safetensors')) ?? repository.files[0];
    if (file === undefined) return;
    const context = this.#context(repository.name, file.path);
    await this.#withRetries(signal, async () => {
      const answered = await sendRequest(this.#connection, {
        url: this.#fileUrl(repository.name, repository.commit, file.path),
        method: 'HEAD',
        context,
        signal,
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
    return this.#withRetries(signal, async () => {
      const opened = await this.openFile(repository, commit, path, { start, endExclusive, signal });
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
        // Somebody waits for this answer, and most likely the address is wrong. Downloads do wait for the server.
        if (error instanceof RefusedError && error.remedy !== null)
          throw new AppError(error.code, error.message, { remedy: error.remedy, cause: error });
        throw error;
      }
    };
    return withRetries(once, { policy: this.retry, signal });
  }

  /** A fetch for the hub's client library, with our rules: retries, bounded bodies, no token for strangers. */
  #jsonFetch(context: RequestContext, signal: AbortSignal | undefined): typeof fetch {
    return async (input) => {
      const url = input instanceof Request ? input.url : String(input);
      return this.#withRetries(signal, async () => {
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
        return new Response(body, { status, headers });
      });
    };
  }

  /** The library trusts the server's JSON; whatever it or a schema stumbles over is the server's doing. */
  async #understand<T>(context: RequestContext, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof AppError) throw error;
      const how =
        error instanceof z.ZodError
          ? `its answer breaks the schema at ${error.issues[0]?.path.join('.') ?? '?'}`
          : 'its answer makes no sense';
      throw nonsenseError(context, how, error);
    }
  }
}
