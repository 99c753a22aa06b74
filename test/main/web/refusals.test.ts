import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineApi } from '../../../app/contract/engine-api.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { askExactly, expectRefusal, type Answer } from '../../fixtures/web-request.ts';
import { clientOf, endOf, startWebSession, type WebSession } from '../../fixtures/web-session.ts';

let session: WebSession;
beforeAll(async () => {
  session = await startWebSession(await scratchFolder());
});
afterAll(() => session.close());

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  askExactly(session.host.port, path, headers, method);

const paths = [
  '/',
  '/assets/index-Ab3_x9Zk.js',
  '/chat/3',
  '/nothing.js',
  '/rpc/engine',
  '/rpc/host',
];

describe('without access', () => {
  it('refuses every path, there or not, in the same words', async () => {
    const bodies = new Set<string>();
    for (const path of paths) {
      const answer = await ask(path);
      expectRefusal(answer, 401);
      bodies.add(answer.body);
    }
    expect(bodies.size).toBe(1);
  });

  it('refuses a wrong token and a wrong cookie', async () => {
    const { token, port } = session.host;
    const wrong = `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`;
    expectRefusal(await ask(`/?token=${wrong}`), 401);
    expectRefusal(await ask(`/?token=${token}x`), 401);
    expectRefusal(await ask(`/?token=a&token=b`), 401);
    expectRefusal(await ask('/', { cookie: `nibble-${port}=${wrong}` }), 401);
    // The token is for the address alone: whoever sees the cookie has not seen it.
    expectRefusal(await ask('/', { cookie: `nibble-${port}=${token}` }), 401);
  });

  it('refuses a foreign host even with the cookie: a name that was bound to this address', async () => {
    const { cookie, host } = session;
    for (const name of [`evil.example:${host.port}`, '127.0.0.1', `localhost:${host.port + 1}`])
      expectRefusal(await ask('/', { host: name, cookie }), 403);
    expectRefusal(await ask(`/?token=${host.token}`, { host: `evil.example:${host.port}` }), 403);
  });

  it('refuses what another origin asks, even with the cookie', async () => {
    const { cookie, origin } = session;
    expectRefusal(await ask('/', { cookie, origin: 'http://evil.example' }), 403);
    expectRefusal(await ask('/', { cookie, origin: 'null' }, 'POST'), 403);
    // A request that could change something must name its origin.
    expectRefusal(await ask('/', { cookie }, 'POST'), 403);
    expectRefusal(await ask('/rpc/engine', { cookie }, 'DELETE'), 403);
    expect((await ask('/', { cookie, origin }, 'POST')).status).toBe(404);
  });

  it('refuses sockets without the cookie, of another origin or host, and to nowhere', async () => {
    const call = JSON.stringify({ kind: 'call', id: 1, method: 'list', params: {} });
    const refused = async (headers: Record<string, string>, status: number): Promise<void> => {
      for (const endpoint of ['engine', 'host'] as const)
        expect(await endOf(session.open(endpoint, headers), [call])).toEqual({
          status,
          code: null,
          answers: [],
        });
    };
    await refused({ cookie: '' }, 401);
    await refused({ cookie: `nibble-${session.host.port}=x` }, 401);
    await refused({ origin: 'http://evil.example' }, 403);
    await refused({ origin: `http://localhost:${session.host.port}` }, 403);
    await refused({ host: `evil.example:${session.host.port}` }, 403);
    const nowhere = session.open('elsewhere' as 'engine');
    expect((await endOf(nowhere, [call])).answers).toEqual([]);
  });
});

describe('with access', () => {
  it('ends a socket that breaks the protocol, and answers nothing', async () => {
    const call = { kind: 'call', id: 1, method: 'list', params: {} };
    const broken: (string | Buffer)[] = [
      'no json',
      'null',
      '{}',
      JSON.stringify({ ...call, kind: 'shout' }),
      JSON.stringify({ ...call, id: 'one' }),
      JSON.stringify({ ...call, method: 7 }),
      JSON.stringify([call]),
      Buffer.from(JSON.stringify(call)),
    ];
    for (const message of broken)
      // What was sent behind it is not looked at either.
      expect(await endOf(session.open('engine'), [message, JSON.stringify(call)])).toEqual({
        status: null,
        code: 1008,
        answers: [],
      });
  });

  it('ends a socket that sends too much', async () => {
    const end = await endOf(session.open('engine'), [' '.repeat(9 * 2 ** 20)]);
    expect(end).toEqual({ status: null, code: 1009, answers: [] });
  });

  it('refuses methods that are not there and parameters that break their schema', async () => {
    const socket = session.open('engine');
    const client = await clientOf({ ...engineApi, absent: engineApi.list }, socket);
    await expect(client.absent({})).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(client.show({ id: '' })).rejects.toMatchObject({ code: 'invalid-input' });
    expect((await client.list({})).artifacts).toEqual([]);
    socket.close();
  });

  it('lets the person in during a flood of failed attempts, and the flood not even ask', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => (await ask(`/?token=${i}`)).status),
    );
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(20);
    expect(statuses.every((status) => status === 401 || status === 429)).toBe(true);
    const refused = await ask('/');
    expectRefusal(refused, 429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask('/', { cookie: session.cookie })).status).toBe(200);
    expect((await ask(`/?token=${session.host.token}`)).status).toBe(303);
    expect((await endOf(session.open('engine', { cookie: '' }), [])).status).toBe(429);
  });

  it('holds a bounded number of sockets', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const socket = session.open('host');
        const opened = await new Promise<boolean>((resolve) => {
          socket.once('open', () => resolve(true));
          socket.once('error', () => resolve(false));
        });
        return { socket, opened };
      }),
    );
    expect(sockets.filter(({ opened }) => opened).length).toBeLessThanOrEqual(32);
    for (const { socket } of sockets) socket.terminate();
  });
});
