import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

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

/** Browsers share cookies among all ports of a host: the port keeps two running Nibbles apart. */
export function cookieName(port: number): string {
  return `nibble-${port}`;
}

/** The value of one cookie in a `Cookie` header, or null. */
export function readCookie(header: string | undefined, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return null;
}

/** A session cookie that no script can read and no other site's request carries. */
export function sessionCookie(port: number, session: string): string {
  return `${cookieName(port)}=${session}; Path=/; HttpOnly; SameSite=Strict`;
}

/** The token of an `Authorization: Bearer …` header, or null. */
export function readBearer(header: string | undefined): string | null {
  return /^Bearer ([\w-]+)$/i.exec(header ?? '')?.[1] ?? null;
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
 * Where a request with a token in its address is sent on to: the same place without the token. Leading slashes are made
 * one, or the address would name another host.
 */
export function withoutToken(url: string): string {
  const parsed = new URL(url.replace(/^[/\\]+/, '/'), 'http://localhost');
  parsed.searchParams.delete('token');
  return `${parsed.pathname.replace(/^\/+/, '/')}${parsed.search}`;
}
