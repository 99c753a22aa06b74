import type { RequestContext } from './hub-error.ts';
import { responseError } from './hub-error.ts';
import type { Connection } from './request.ts';
import { sendRequest } from './request.ts';
import { TransientError } from './retry.ts';

export interface OpenFileRequest {
  readonly url: string;
  readonly context: RequestContext;
  /** First byte wanted. */
  readonly start: number;
  /** End of the range; the end of the file when absent. */
  readonly endExclusive?: number | undefined;
  /** What identified the content when its first bytes were read; see OpenedFile. */
  readonly validator?: string | null | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Asks for the whole file whatever `start` says. */
  readonly whole?: boolean | undefined;
}

export type OpenedFile =
  | {
      readonly kind: 'bytes';
      /** Where the body starts: what was asked for, or 0 when the server ignores ranges or the file has changed. */
      readonly start: number;
      /** Size of the whole file where the server says. */
      readonly sizeBytes: number | null;
      /** The hub's identity of this content (its ETag); null when it has none that can be relied on. */
      readonly validator: string | null;
      body(): AsyncGenerator<Uint8Array, void, undefined>;
      close(): void;
    }
  | { readonly kind: 'past-end' };

function strongEtag(header: string | null): string | null {
  // A weak tag promises the same meaning, not the same bytes.
  return header === null || header.startsWith('W/') || header.length > 256 ? null : header;
}

function parseContentRange(
  header: string | null,
): { start: number; sizeBytes: number | null } | null {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(header ?? '');
  if (match?.[1] === undefined) return null;
  return { start: Number(match[1]), sizeBytes: match[2] === '*' ? null : Number(match[2]) };
}

/**
 * Opens a file of a repository from byte `start`, once.
 *
 * When the content's identity is no longer `validator`, the file comes from its beginning: old and new bytes must never
 * meet in one file. Who tells depends on who answers. A small file comes from the hub, which gets the validator as
 * If-Range. A large one lies with another host, whose ETag means something else and may differ from machine to machine;
 * there the redirect's X-Linked-Etag is compared, before the other host is asked at all.
 */
export async function openFile(
  connection: Connection,
  request: OpenFileRequest,
): Promise<OpenedFile> {
  const { start, endExclusive, context } = request;
  const known = request.validator ?? null;
  const headers: Record<string, string> = {};
  if (request.whole !== true && (start > 0 || endExclusive !== undefined)) {
    headers['range'] = `bytes=${start}-${endExclusive === undefined ? '' : endExclusive - 1}`;
    if (known !== null) headers['if-range'] = known;
  }
  const linked: string[] = [];
  const answered = await sendRequest(connection, {
    url: request.url,
    headers,
    context,
    signal: request.signal,
    onRedirect: (response, sent) => {
      const tag = strongEtag(response.headers.get('x-linked-etag'));
      if (tag === null) return sent;
      linked.push(tag);
      const next = new Headers(sent);
      next.delete('if-range');
      if (known !== null && known !== tag && endExclusive === undefined) next.delete('range');
      return next;
    },
  });
  const { response } = answered;
  // We ask for bytes as they are; a mirror may compress all the same. What fetch unpacks is the file again, but sizes and
  // ranges are then those of something else: the file is read from its beginning, and its size is not known.
  const isPacked = !/^(?:|identity)$/i.test(response.headers.get('content-encoding') ?? '');
  if (isPacked && (response.status === 206 || response.status === 416)) {
    answered.close();
    return openFile(connection, { ...request, whole: true });
  }
  const validator =
    linked.at(-1) ?? (answered.fromHub ? strongEtag(response.headers.get('etag')) : null);
  if (response.status === 416) {
    answered.close();
    if (start === 0 && endExclusive === undefined) throw responseError(response, context, true);
    return { kind: 'past-end' };
  }
  if (response.headers.get('content-type')?.startsWith('text/html') === true) {
    answered.close();
    throw new TransientError(
      'network',
      `${new URL(connection.endpoint).host} sends a web page instead of ${context.repository ?? ''} (${context.what}).`,
      { remedy: 'Sign in to the network (hotel, company), or check HF_ENDPOINT.' },
    );
  }
  const opened = {
    kind: 'bytes' as const,
    validator,
    body: () => answered.body(),
    close: () => {
      answered.close();
    },
  };
  if (response.status !== 206) {
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    return {
      ...opened,
      start: 0,
      sizeBytes: isPacked || !Number.isSafeInteger(length) ? null : length,
    };
  }
  const range = parseContentRange(response.headers.get('content-range'));
  if (range === null || range.start !== start) {
    answered.close();
    throw new TransientError(
      'network',
      `The server sends another part of ${context.what} than asked for.`,
      {
        remedy: 'Try again later.',
      },
    );
  }
  return { ...opened, start, sizeBytes: range.sizeBytes };
}
