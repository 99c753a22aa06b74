import { describe, expect, it } from 'vitest';
import {
  hasPageKey,
  isForeignFetch,
  isOwnHost,
  isOwnOrigin,
  isSecret,
  newSecret,
  OneTimeCodes,
  readBearer,
  readCookies,
  secretsOf,
  sessionCookie,
  withoutToken,
} from '../../../main/web/access.ts';

describe('the secret', () => {
  it('has 32 bytes and is never the same', () => {
    const secrets = new Set(Array.from({ length: 50 }, newSecret));
    expect(secrets.size).toBe(50);
    for (const secret of secrets) expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  });

  it('equals itself alone, whatever the length of the other', () => {
    const secret = newSecret();
    expect(isSecret(secret, secret)).toBe(true);
    for (const other of ['', secret.slice(1), `${secret}A`, newSecret(), null, undefined])
      expect(isSecret(other, secret)).toBe(false);
  });
});

describe('what requests carry', () => {
  it('finds one cookie among others', () => {
    expect(readCookies('a=1; nibble-80=x=y ;b=2', 'nibble-80')).toEqual(['x=y']);
    expect(readCookies('nibble-80=1; nibble-80=2', 'nibble-80')).toEqual(['1', '2']);
    expect(readCookies('nibble-800=1; =nibble-80; nibble-80', 'nibble-80')).toEqual([]);
    expect(readCookies(undefined, 'nibble-80')).toEqual([]);
    expect(sessionCookie(80, 's')).toBe('nibble-80=s; Path=/; HttpOnly; SameSite=Strict');
  });

  it('takes a bearer token and nothing else', () => {
    expect(readBearer('Bearer ab-_9')).toBe('ab-_9');
    for (const header of [undefined, 'ab', 'Basic ab', 'Bearer a b', 'Bearer ', 'xBearer a'])
      expect(readBearer(header)).toBeNull();
  });

  it('knows its own host and origin', () => {
    expect(isOwnHost('127.0.0.1:80', 80)).toBe(true);
    expect(isOwnHost('localhost:80', 80)).toBe(true);
    for (const host of [
      undefined,
      '127.0.0.1',
      'localhost:81',
      'evil.example:80',
      '127.0.0.1:80.evil.example',
    ])
      expect(isOwnHost(host, 80)).toBe(false);
    expect(isOwnOrigin('http://localhost:80', 'localhost:80')).toBe(true);
    for (const origin of [undefined, 'null', 'https://localhost:80', 'http://127.0.0.1:80'])
      expect(isOwnOrigin(origin, 'localhost:80')).toBe(false);
    expect(isOwnOrigin('http://undefined', undefined)).toBe(false);
  });

  it('has the same secrets for the same token, and none is another', () => {
    const token = newSecret();
    const { session, pageKey } = secretsOf(token);
    expect(secretsOf(token)).toEqual({ token, session, pageKey });
    expect(new Set([token, session, pageKey]).size).toBe(3);
    expect(secretsOf(newSecret()).pageKey).not.toBe(pageKey);
  });

  it('finds the key of a page in a header or among the names of subprotocols', () => {
    const key = newSecret();
    expect(hasPageKey({ 'x-nibble-key': key }, key)).toBe(true);
    expect(hasPageKey({ 'sec-websocket-protocol': `nibble, ${key}` }, key)).toBe(true);
    for (const headers of [
      {},
      { 'x-nibble-key': `${key}x` },
      { 'sec-websocket-protocol': 'nibble' },
      { cookie: `nibble-80=${key}` },
    ])
      expect(hasPageKey(headers, key)).toBe(false);
  });

  it('lets a code in once, and only for a minute', () => {
    let now = 0;
    const codes = new OneTimeCodes(() => now);
    const [first, second] = [codes.issue(), codes.issue()];
    expect(codes.redeem('')).toBe(false);
    expect(codes.redeem(first)).toBe(true);
    expect(codes.redeem(first)).toBe(false);
    now = 60_001;
    expect(codes.redeem(second)).toBe(false);
  });

  it('knows a page of another origin by what the browser says', () => {
    const fetched = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
    const followed = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect(isForeignFetch({})).toBe(false);
    expect(isForeignFetch({ 'sec-fetch-site': 'same-origin', ...fetched })).toBe(false);
    // Another port of this computer is the same site.
    for (const site of ['same-site', 'cross-site']) {
      expect(isForeignFetch({ 'sec-fetch-site': site, ...fetched })).toBe(true);
      expect(isForeignFetch({ 'sec-fetch-site': site, ...followed })).toBe(false);
      expect(isForeignFetch({ 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate' })).toBe(true);
    }
  });

  it('sends on without the token and never to another host', () => {
    expect(withoutToken('/?token=abc')).toBe('/');
    expect(withoutToken('/chat/3?token=abc&x=1')).toBe('/chat/3?x=1');
    expect(withoutToken('//evil.example/?token=abc')).toBe('/evil.example/');
    expect(withoutToken('/\\evil.example/?token=abc')).toBe('/evil.example/');
    expect(withoutToken('/.//evil.example/?token=abc')).toBe('/evil.example/');
  });
});
