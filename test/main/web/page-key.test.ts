import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { askExactly, expectRefusal, type Answer } from '../../fixtures/web-request.ts';
import { endOf, startWebSession, type WebSession } from '../../fixtures/web-session.ts';

let session: WebSession;
beforeAll(async () => {
  session = await startWebSession(await scratchFolder());
});
afterAll(() => session.close());

const ask = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  askExactly(session.host.port, path, headers);

describe('with the cookie alone', () => {
  it('refuses whoever has the cookie alone: browsers show it to every port of this computer', async () => {
    const { cookie, origin, pageKey, host } = session;
    const call = JSON.stringify({ kind: 'call', id: 1, method: 'list', params: {} });
    for (const protocols of [[], ['nibble'], ['nibble', pageKey.slice(1)], ['nibble', host.token]])
      for (const endpoint of ['engine', 'host'] as const)
        expect(await endOf(session.open(endpoint, {}, protocols), [call])).toEqual({
          status: 401,
          code: null,
          answers: [],
        });
    expectRefusal(await ask('/rpc/session', { cookie }), 401);
    expectRefusal(await ask('/rpc/session', { cookie, origin, 'x-nibble-key': 'x' }), 401);
    expect((await ask('/rpc/session', { cookie, 'x-nibble-key': pageKey })).status).toBe(204);
    // Nor does the key let in without the cookie.
    expectRefusal(await ask('/rpc/session', { 'x-nibble-key': pageKey }), 401);
    // The key is never repeated in an answer.
    const socket = session.open('host');
    await once(socket, 'open');
    expect(socket.protocol).toBe('nibble');
    socket.close();
  });

  it('lets in a page before whose cookie another port of this computer put one of the same name', async () => {
    const { cookie, pageKey, host } = session;
    const key = { 'x-nibble-key': pageKey };
    const foreign = `nibble-${host.port}=planted`;
    for (const both of [`${foreign}; ${cookie}`, `${cookie}; ${foreign}`])
      expect((await ask('/rpc/session', { cookie: both, ...key })).status).toBe(204);
    expectRefusal(await ask('/rpc/session', { cookie: foreign, ...key }), 401);
  });

  it('refuses what a browser says another origin fetches', async () => {
    const { cookie, host } = session;
    const fetched = { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' };
    for (const site of ['same-site', 'cross-site'])
      expectRefusal(
        await ask('/assets/index-Ab3_x9Zk.js', { cookie, 'sec-fetch-site': site, ...fetched }),
        403,
      );
    const authorization = `Bearer ${host.token}`;
    const api = await ask('/v1/models', { authorization, 'sec-fetch-site': 'same-site' });
    expect(api.status).toBe(403);
  });

  it('goes by the route that will answer, however the address is written', async () => {
    const { cookie, host, pageKey } = session;
    const authorization = `Bearer ${host.token}`;
    const api = ['/v1/models', '/%76%31/models', '/v%31/models', '/v1/%6dodels', '/v1/'];
    for (const path of api) {
      const byCookie = await ask(path, { cookie, 'x-nibble-key': pageKey });
      expect([path, byCookie.status]).toEqual([path, 401]);
      expect(byCookie.body).toContain('"error"');
    }
    for (const path of ['/v1/models', '/%76%31/models'])
      expect((await ask(path, { authorization })).status).toBe(200);
    // What is no address of the API takes no bearer token, and shows nothing of what is inside.
    for (const path of [
      '//v1/models',
      '/v1//../rpc/engine',
      '/V1/models',
      '/./v1/models',
      '/v1./models',
      '/rpc/../v1/models',
      '/%2fv1/models',
      '/index.html.',
      '/%5cv1/models',
    ]) {
      const answer = await ask(path, { authorization });
      expect([path, [400, 401, 404, 429].includes(answer.status)]).toEqual([path, true]);
      expect(answer.body).not.toContain('"data"');
      expect(answer.body).not.toContain('<title>Nibble</title></');
    }
    const unreadable = await ask('/%zz');
    expect(unreadable.status).toBe(400);
    expect(unreadable.headers['x-content-type-options']).toBe('nosniff');
  });

  it('upgrades to its two sockets alone', async () => {
    const { origin, cookie, pageKey, host } = session;
    for (const path of ['/v1/models', '/%76%31/models', '/', '/rpc/session', '/rpc/%65ngine/x']) {
      const socket = new WebSocket(`ws://127.0.0.1:${host.port}${path}`, ['nibble', pageKey], {
        headers: { origin, cookie, authorization: `Bearer ${host.token}` },
      });
      expect([path, (await endOf(socket, [])).status]).toEqual([path, 403]);
    }
  });

  it('lets in once by an address for others to see', async () => {
    const { host } = session;
    const { pathname } = new URL(host.oneTimeUrl());
    expect(pathname).not.toContain(host.token);
    const first = await ask(pathname);
    expect(first.status).toBe(303);
    expect(first.headers['location']).toBe(`/?key=${session.pageKey}`);
    expect(String(first.headers['set-cookie'])).toContain('HttpOnly');
    expectRefusal(await ask(pathname), 401);
    expectRefusal(await ask('/enter/x'), 401);
  });

  it('refuses with a page that its own policy lets be styled', async () => {
    const { body, headers } = await ask('/');
    const style = /<style>([^]*)<\/style>/.exec(body)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(style).not.toBe('');
    expect(headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
  });
});
