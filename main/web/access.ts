import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** As many bits as the strongest key in use anywhere: it cannot be guessed, so failed attempts need not lock anyone out. */
const SECRET_BYTES = 32;

/** A secret fit for a URL. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Compares in a time that tells nothing of where, or of how long, `given` differs. */
export function isSecret(given: string | null | undefined, expected: string): boolean {
  if (given === null || given === undefined) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

export interface Secrets {
  /** In the address that is printed, and the bearer token of the API. */
  readonly token: string;
  /** In the cookie: never the token itself, which a person may paste somewhere. */
  readonly session: string;
  /**
   * What a page of ours sends with every call beside the cookie. Browsers send cookies to every port of a host, so
   * whatever listens at another port of this computer may know the cookie; it never learns this.
   */
  readonly pageKey: string;
}

/** The secrets that belong to one token: the same for the same token, and none tells another. */
export function secretsOf(token: string): Secrets {
  const derived = (purpose: string): string =>
    createHmac('sha256', token).update(purpose).digest('base64url');
  return { token, session: derived('session cookie'), pageKey: derived('page key') };
}

/** Long enough for a browser to start on a slow machine. */
const ONE_TIME_MS = 60_000;

/** Codes that let in once, within a minute: for addresses that others may see, on a command line for example. */
export class OneTimeCodes {
  readonly #expiry = new Map<string, number>();
  readonly #now: () => number;

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  issue(): string {
    const code = newSecret();
    this.#expiry.set(code, this.#now() + ONE_TIME_MS);
    return code;
  }

  /** Whether the code lets in; it never does again. */
  redeem(given: string): boolean {
    for (const [code, expiry] of this.#expiry) {
      if (!isSecret(given, code)) continue;
      this.#expiry.delete(code);
      return this.#now() <= expiry;
    }
    return false;
  }
}

/** Browsers share cookies among all ports of a host: the port keeps two running Nibbles apart. */
export function cookieName(port: number): string {
  return `nibble-${port}`;
}

/**
 * The values that cookies of one name have in a `Cookie` header. There may be several: whatever listens at another port of
 * this computer can set one of the same name for a longer path, which browsers send first.
 */
export function readCookies(header: string | undefined, name: string): string[] {
  return (header ?? '').split(';').flatMap((part) => {
    const equals = part.indexOf('=');
    return equals > 0 && part.slice(0, equals).trim() === name
      ? [part.slice(equals + 1).trim()]
      : [];
  });
}

/** A session cookie that no script can read and no other site's request carries. */
export function sessionCookie(port: number, session: string): string {
  return `${cookieName(port)}=${session}; Path=/; HttpOnly; SameSite=Strict`;
}

/** The token of an `Authorization: Bearer …` header, or null. */
export function readBearer(header: string | undefined): string | null {
  return /^Bearer ([\w-]+)$/i.exec(header ?? '')?.[1] ?? null;
}

/** The subprotocol that a socket of ours speaks; the page's key is offered beside it, and never chosen. */
export const SOCKET_PROTOCOL = 'nibble';

/** Carries the page's key in requests that are no sockets. */
export const PAGE_KEY_HEADER = 'x-nibble-key';

/** Whether a request carries the page's key: a browser's socket can send no headers, only names of subprotocols. */
export function hasPageKey(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  pageKey: string,
): boolean {
  const given = headers[PAGE_KEY_HEADER];
  if (typeof given === 'string' && isSecret(given, pageKey)) return true;
  const offered = headers['sec-websocket-protocol'];
  return (
    typeof offered === 'string' &&
    offered.split(',').some((protocol) => isSecret(protocol.trim(), pageKey))
  );
}

/** The names under which this computer reaches its own loopback; any other in `Host` is a foreign name bound to it. */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return host === `127.0.0.1:${port}` || host === `localhost:${port}`;
}

/** True for the origin of a page that this very server sent, under the name that the request used. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  return host !== undefined && origin === `http://${host}`;
}

/**
 * Whether a browser says that a page of another origin asks. Other ports of this computer are the same site, and not the
 * same origin. A link that is followed is no such request: it shows a page of ours, and whoever led there sees nothing.
 */
export function isForeignFetch(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): boolean {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document';
}

/**
 * Where a request with a token in its address is sent on to: the same place, with the page's key in place of the token.
 * Leading slashes are made one, or the address would name another host.
 */
export function withoutToken(url: string, pageKey: string | null = null): string {
  const parsed = new URL(url.replace(/^[/\\]+/, '/'), 'http://localhost');
  parsed.searchParams.delete('token');
  if (pageKey !== null) parsed.searchParams.set('key', pageKey);
  return `${parsed.pathname.replace(/^\/+/, '/')}${parsed.search}`;
}
