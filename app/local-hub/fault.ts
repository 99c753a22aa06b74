/**
 * What a test can make the local hub do wrong. Each is something that real servers, caches and networks do.
 */
export type Fault =
  /** Answers with this status (and headers and body) instead of the truth. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  /** Announces the whole body, sends this much of it and cuts the connection. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Sends this much of the body and then nothing more, with the connection open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** Sends this much of the body, waits until the promise is settled, and sends the rest. */
  | { readonly kind: 'hold'; readonly afterBytes: number; readonly until: Promise<unknown> }
  /** Never answers. */
  | { readonly kind: 'silence' }
  /** Sends the body in small pieces with a pause after each. */
  | { readonly kind: 'slow'; readonly pieceBytes: number; readonly pauseMs: number }
  /** Sends the whole file with status 200 when a range was asked for. */
  | { readonly kind: 'ignore-range' }
  /** Changes one byte of the body, at this offset of the file. */
  | { readonly kind: 'corrupt'; readonly offset: number }
  /** Claims another identity of the content. */
  | { readonly kind: 'etag'; readonly etag: string }
  /** Closes the connection without an answer. */
  | { readonly kind: 'hang-up' };

/** A request as the hook sees it. */
export interface LocalRequest {
  /** `hub` is the endpoint; `content` the second host, to which requests for large files are redirected. */
  readonly host: 'hub' | 'content';
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The file that is asked for; null for everything else. */
  readonly file: string | null;
}

/** Sees every request before it is answered and may spoil the answer. */
export type Intercept = (request: LocalRequest) => Fault | undefined;
