import { AppError } from '../contract/error.ts';
import type { Connection } from './request.ts';
import { DEFAULT_STALL_MS } from './request.ts';
import type { RetryPolicy } from './retry.ts';

export const DEFAULT_ENDPOINT = 'https://huggingface.co';

export interface HubOptions {
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, else https://huggingface.co */
  readonly endpoint?: string | undefined;
  /** Access token; an empty one is none. @default HF_TOKEN */
  readonly token?: string | undefined;
  /** @default Node's fetch. A replacement must show redirects with `redirect: 'manual'`, as Node's does. */
  readonly fetch?: typeof fetch | undefined;
  readonly retry?: RetryPolicy | undefined;
  /** Longest silence of a server that is tolerated, in milliseconds. @default 30000 */
  readonly stallMs?: number | undefined;
  /** Somebody waits: whether anybody is there at all is found out first. @default false */
  readonly forPerson?: boolean | undefined;
  /** What counts as a second of the deadlines, in milliseconds. @default 1000 */
  readonly secondMs?: number | undefined;
}

function parseEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  )
    throw new AppError('invalid-input', 'The address of the hub is not an http(s) address.', {
      remedy: 'Set HF_ENDPOINT to an address like https://huggingface.co.',
    });
  return url.href.replace(/\/+$/, '');
}

function parseToken(text: string): string | null {
  const token = text.trim();
  if (token === '') return null;
  // Anything else cannot be sent in a header, and a line break could add headers of its own.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new AppError('invalid-input', 'The access token has characters that no token has.', {
    remedy: 'Copy the token again into HF_TOKEN, without quotes or line breaks.',
  });
}

/**
 * How to talk to the hub that the options and the environment name.
 *
 * @throws AppError `invalid-input` for an endpoint or a token that cannot be used
 */
export function connectionOf(options: HubOptions): Connection {
  const environment = process.env;
  return {
    endpoint: parseEndpoint(options.endpoint ?? (environment['HF_ENDPOINT'] || DEFAULT_ENDPOINT)),
    token: parseToken(options.token ?? environment['HF_TOKEN'] ?? ''),
    fetch: options.fetch ?? fetch,
    stallMs: options.stallMs ?? DEFAULT_STALL_MS,
  };
}
