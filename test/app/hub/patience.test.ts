import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../app/contract/error.ts';
import { Hub } from '../../../app/hub/index.ts';
import { RateWatch } from '../../../app/hub/request.ts';
import type { Fault } from '../../fixtures/hub/fault.ts';
import { always, contentOf, status } from '../../fixtures/hub/hub-faults.ts';
import { LocalSession, NAME } from './local-session.ts';

const json = (body: string, headers: Record<string, string> = {}): Fault => ({
  kind: 'answer',
  status: 200,
  headers: { 'content-type': 'application/json', ...headers },
  body,
});

async function failure(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}

describe('a server that speaks no HTTP', () => {
  it.each([
    ['something else', 'hello there\r\n\r\n'],
    ['a length below zero', 'HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`],
  ])('is not asked again: %s', async (_, answer) => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      socket.end(answer);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const hub = new Hub({ endpoint: `http://127.0.0.1:${port}`, token: '' });
    try {
      const error = await failure(hub.repository(NAME, 'main'));
      expect(error.code).toBe('network');
      expect(error.message).toContain('does not answer like a model hub');
      expect(connections).toBe(1);
    } finally {
      server.close();
    }
  });
});

describe('a hub that never ends', () => {
  it.each(['a page for ever', 'a different page each time'])('is left: %s', async (kind) => {
    let page = 0;
    await using session = await LocalSession.start({
      intercept: ({ url, headers }) =>
        url.includes('/tree/')
          ? json('[]', {
              link: `<http://${String(headers['host'])}${url.split('?')[0] ?? ''}?cursor=${kind.startsWith('a page') ? 0 : page++}>; rel="next"`,
            })
          : undefined,
    });
    const error = await failure(session.hub.repository(NAME, 'main'));
    expect(error.code).toBe('network');
    expect(error.message).toContain('pages');
    expect(session.log.count(({ url }) => url.includes('/tree/'))).toBe(100);
  });

  it('is given up when an operation takes too long as a whole', async () => {
    // A second of the deadlines is one millisecond here, and the hub never answers.
    await using session = await LocalSession.start({
      intercept: always(() => true, { kind: 'silence' }),
      client: { secondMs: 1, stallMs: 600_000 },
    });
    for (const work of [
      session.hub.search('x'),
      session.hub.repository(NAME, 'main'),
      session.hub.readRange(NAME, '0'.repeat(40), 'config.json', 0, 10),
    ])
      expect(await failure(work)).toMatchObject({
        code: 'network',
        reason: 'hub-too-slow',
        facts: { host: new URL(session.server.endpoint).host },
      });
  });

  it('is noticed by its rate when it sends a byte a second', () => {
    const slow = new RateWatch(30_000);
    const steps = Array.from({ length: 30 }, () => slow.add(1, 1000));
    expect(steps.slice(0, 29).every(Boolean)).toBe(true);
    expect(steps[29]).toBe(false);
    // A slow line that gets somewhere is left alone, and so is a long pause of our own.
    const modem = new RateWatch(30_000);
    for (let i = 0; i < 100; i++) expect(modem.add(300, 1000)).toBe(true);
  });

  it('may not send JSON that keeps its reader busy', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const many = `[${'[],'.repeat(600_000)}0]`;
    for (const body of [deep, many]) {
      await using session = await LocalSession.start({
        intercept: always(({ url }) => url.includes('/tree/'), json(body)),
      });
      expect((await failure(session.hub.repository(NAME, 'main'))).code).toBe('network');
      expect(session.log.count(({ url }) => url.includes('/tree/'))).toBe(1);
    }
  });
});

describe('someone who waits', () => {
  it.each(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'ECONNREFUSED'])(
    'is told at the first attempt that there is no network: %s',
    async (code) => {
      let asked = 0;
      const hub = new Hub({
        endpoint: 'https://hub.example',
        token: '',
        fetch: () => {
          asked++;
          return Promise.reject(
            new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }),
          );
        },
      }).forPerson;
      for (const work of [hub.search('x'), hub.repository('a/b', 'main')]) {
        const error = await failure(work);
        expect(error).toMatchObject({
          code: 'network',
          reason: 'hub-unreachable',
          facts: { host: 'hub.example', cause: code },
        });
        expect(`${error.message} ${error.remedy ?? ''}`).not.toMatch(/command|HF_|--/);
      }
      expect(asked).toBe(2);
    },
  );

  it('is told of a computer that takes no connection', async () => {
    const hub = new Hub({ endpoint: 'http://127.0.0.1:2', token: '' }).forPerson;
    expect(await failure(hub.search('x'))).toMatchObject({ reason: 'hub-unreachable' });
  });

  it('waits for one more attempt where a server has trouble, and no longer', async () => {
    await using session = await LocalSession.start({
      intercept: always(({ url }) => url.startsWith('/api/'), status(503)),
    });
    expect((await failure(session.hub.forPerson.search('x'))).code).toBe('network');
    expect(session.log.requests).toHaveLength(2);
  });
});

describe('the owner of a token', () => {
  const client = { token: 'secret' };
  const answering = (fault: Fault): Promise<LocalSession> =>
    LocalSession.start({
      client,
      intercept: always(({ url }) => url === '/api/whoami-v2', fault),
    });

  it('is asked for, and a wrong token refused', async () => {
    await using right = await answering(json('{"type":"user","name":"someone"}'));
    expect(await right.hub.whoAmI()).toBe('someone');
    expect(right.log.requests[0]?.headers['authorization']).toBe('Bearer secret');
    await using wrong = await answering(
      status(401, { 'x-error-message': 'Invalid username or password.' }),
    );
    const error = await failure(wrong.hub.whoAmI());
    expect(error.code).toBe('unauthorized');
    // The hub's own sentence has a full stop, and so has ours.
    expect(error.message).toMatch(/[^.]\.$/);
  });

  it('is not known to a mirror without accounts', async () => {
    await using session = await answering(status(404));
    expect(await session.hub.whoAmI()).toBeNull();
  });
});

describe('a mirror that compresses what nobody asked it to', () => {
  it('is not taken for damage', async () => {
    await using session = await LocalSession.start();
    const folder = session.source.directory;
    const packed: string[] = [];
    await using mirror = await LocalSession.start({
      intercept: ({ file, method, headers }) => {
        if (file !== 'config.json' || method !== 'GET') return undefined;
        packed.push(String(headers['range']));
        return {
          kind: 'answer',
          // As a proxy does that packs whatever comes: the range is of the packed bytes.
          status: headers['range'] === undefined ? 200 : 206,
          headers: {
            'content-encoding': 'gzip',
            'content-type': 'text/plain',
            ...(headers['range'] === undefined ? {} : { 'content-range': 'bytes 5-20/40' }),
          },
          body: gzipSync(readFileSync(path.join(folder, 'config.json'))),
        };
      },
    });
    const { files } = await mirror.pull();
    expect(files.map((file) => file.path)).toContain('config.json');
    const { commit } = await mirror.hub.repository(NAME, 'main');
    const whole = readFileSync(path.join(folder, 'config.json'));
    const part = await mirror.hub.readRange(NAME, commit, 'config.json', 5, 20);
    expect(Buffer.from(part)).toEqual(whole.subarray(5, 20));
    expect(packed.at(-1)).toBe('undefined');
    expect(mirror.log.count(contentOf('config.json'))).toBeGreaterThan(1);
  });
});
