import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Hub } from '../../../app/hub/index.ts';
import { startFaultyHub } from '../../fixtures/hub/faulty-hub.ts';
import { always, contentOf, inTurn, SIGN_IN_PAGE, status } from '../../fixtures/hub/hub-faults.ts';
import { SHARDS } from '../../fixtures/hub-model.ts';
import { LocalSession, NAME, QUICK } from './local-session.ts';

const TOKEN = 'hf_secretsecretsecret';

function answering(body: unknown, headers: Record<string, string> = {}): ReturnType<typeof always> {
  return always(({ url }) => url.startsWith('/api'), {
    kind: 'answer',
    status: 200,
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('a search', () => {
  it('finds models by name and says what is known of them', async () => {
    await using session = await LocalSession.start({ repository: { gated: 'auto' } });
    expect(await session.hub.search('SMALL')).toEqual([
      {
        repository: NAME,
        downloads: 0,
        likes: 0,
        gated: true,
        task: 'text-generation',
        updatedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      },
    ]);
    expect(await session.hub.search('large')).toEqual([]);
  });

  it('ends at its limit', async () => {
    await using session = await LocalSession.start();
    const server = await startFaultyHub({
      repositories: Object.fromEntries(
        ['a', 'b', 'c'].map((name) => [`maker/${name}`, { directory: session.source.directory }]),
      ),
    });
    const hub = new Hub({ endpoint: server.endpoint, token: '' });
    expect(await hub.search('', { limit: 2 })).toHaveLength(2);
    await server.close();
  });
});

describe('a repository', () => {
  it('is pinned to its commit, with size and hash of every file', async () => {
    await using session = await LocalSession.start({ pageSize: 3 });
    const repository = await session.hub.repository(NAME, 'main');
    expect(repository).toMatchObject({
      name: NAME,
      revision: 'main',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
      gated: false,
      private: false,
      license: 'apache-2.0',
    });
    expect(repository.files).toHaveLength(12);
    const shard = repository.files.find(({ path }) => path === SHARDS[0]);
    expect(shard).toMatchObject({ sha256: expect.any(String) as string, gitBlobSha1: null });
    const config = repository.files.find(({ path }) => path === 'config.json');
    expect(config).toMatchObject({ sha256: null, gitBlobSha1: expect.any(String) as string });
    expect(await session.hub.repository(NAME, repository.commit)).toMatchObject({
      commit: repository.commit,
    });
  });

  it('is found under a former name, and then has its present one', async () => {
    await using session = await LocalSession.start({ repository: { formerNames: ['old/name'] } });
    const repository = await session.hub.repository('old/name', 'main');
    expect(repository.name).toBe(NAME);
    await session.pull({ repository: { ...repository, name: 'old/name' } });
  });

  it('that does not exist is not found, with and without a token', async () => {
    await using session = await LocalSession.start({ token: TOKEN });
    await expect(session.hub.repository('no/body', 'main')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('no/body') as string,
    });
    const known = new Hub({ endpoint: session.server.endpoint, token: TOKEN, retry: QUICK });
    await expect(known.repository('no/body', 'main')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('without that revision is an error that says so', async () => {
    await using session = await LocalSession.start();
    await expect(session.hub.repository(NAME, 'v9')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('no such revision') as string,
    });
  });
});

describe('access', () => {
  it('to a gated repository is refused before anything is written', async () => {
    await using session = await LocalSession.start({
      repository: { gated: 'auto' },
      token: TOKEN,
    });
    const repository = await session.hub.repository(NAME, 'main');
    expect(repository.gated).toBe(true);
    await expect(session.pull()).rejects.toMatchObject({
      code: 'gated',
      remedy: expect.stringContaining(`${session.server.endpoint}/${NAME}`) as string,
    });
    expect(readdirSync(session.target.directory)).toEqual([]);
    expect(session.log.count(({ file }) => file !== null)).toBe(1);
  });

  it('to a gated repository is granted with the token', async () => {
    await using session = await LocalSession.start({
      repository: { gated: 'auto', private: true },
      token: TOKEN,
      client: { token: TOKEN },
    });
    expect((await session.pull()).files).toHaveLength(9);
  });

  it('that the owner has not granted yet is gated, whatever the token', async () => {
    await using session = await LocalSession.start({
      repository: { gated: 'manual' },
      token: TOKEN,
      client: { token: TOKEN },
    });
    await expect(session.pull()).rejects.toMatchObject({ code: 'gated' });
  });

  it('with a wrong token is unauthorized', async () => {
    await using session = await LocalSession.start({
      token: TOKEN,
      client: { token: 'hf_wrong' },
    });
    await expect(session.hub.search('x')).rejects.toMatchObject({
      code: 'unauthorized',
      remedy: expect.stringContaining('HF_TOKEN') as string,
    });
    await expect(session.pull()).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('to a private repository without a token looks like absence', async () => {
    await using session = await LocalSession.start({ repository: { private: true }, token: TOKEN });
    await expect(session.pull()).rejects.toMatchObject({
      code: 'not-found',
      remedy: expect.stringContaining('private') as string,
    });
  });

  it('never shows the token to the second host', async () => {
    await using session = await LocalSession.start({
      token: TOKEN,
      repository: { gated: 'auto' },
      client: { token: TOKEN },
    });
    await session.pull();
    const { requests } = session.log;
    const onContentHost = requests.filter(({ host }) => host === 'content');
    expect(onContentHost.length).toBeGreaterThan(0);
    for (const { headers } of onContentHost) expect(headers['authorization']).toBeUndefined();
    for (const { headers, host } of requests)
      if (host === 'hub') expect(headers['authorization']).toBe(`Bearer ${TOKEN}`);
  });

  it('never shows the token to the host of a next page', async () => {
    const seen: (string | undefined)[] = [];
    const stranger = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader('content-type', 'application/json').end('[]');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as AddressInfo;
    await using session = await LocalSession.start({
      token: TOKEN,
      client: { token: TOKEN },
      intercept: always(({ url }) => url.includes('/tree/'), {
        kind: 'answer',
        status: 200,
        headers: {
          'content-type': 'application/json',
          link: `<http://127.0.0.1:${port}/next>; rel="next"`,
        },
        body: '[]',
      }),
    });
    await session.hub.repository(NAME, 'main');
    expect(seen).toEqual([undefined]);
    stranger.close();
  });
});

describe('an endpoint', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('that is not there is named in the error', async () => {
    const hub = new Hub({ endpoint: 'http://127.0.0.1:9', token: '', retry: QUICK });
    await expect(hub.search('x')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('127.0.0.1:9') as string,
    });
  });

  it('where nothing listens is an error at once, with what to do', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    let requests = 0;
    const hub = new Hub({
      endpoint: `http://127.0.0.1:${port}`,
      token: '',
      retry: QUICK,
      fetch: (...args) => {
        requests++;
        return fetch(...args);
      },
    });
    await expect(hub.search('x')).rejects.toMatchObject({
      code: 'network',
      message: `Cannot reach 127.0.0.1:${port} for the search: nothing listens there.`,
      remedy: expect.stringContaining('address of the hub') as string,
    });
    await expect(hub.repository(NAME, 'main')).rejects.toMatchObject({ code: 'network' });
    expect(requests).toBe(2);
  });

  it('whose name cannot be resolved is named in the error', async () => {
    const hub = new Hub({ endpoint: 'http://nowhere.invalid', token: '', retry: QUICK });
    await expect(hub.repository(NAME, 'main')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('nowhere.invalid') as string,
    });
  });

  it('comes from HF_ENDPOINT, and the token from HF_TOKEN', () => {
    vi.stubEnv('HF_ENDPOINT', 'https://mirror.example/hub/');
    vi.stubEnv('HF_TOKEN', ' hf_x \n');
    expect(new Hub()).toMatchObject({ endpoint: 'https://mirror.example/hub', hasToken: true });
    vi.stubEnv('HF_ENDPOINT', '');
    vi.stubEnv('HF_TOKEN', '');
    expect(new Hub()).toMatchObject({ endpoint: 'https://huggingface.co', hasToken: false });
  });

  it.each(['file:///etc', 'ftp://x', 'nonsense', 'https://me:secret@x', 'https://x?y'])(
    'like %s is refused',
    (endpoint) => {
      expect(() => new Hub({ endpoint, token: '' })).toThrow(
        expect.objectContaining({ code: 'invalid-input' }) as Error,
      );
    },
  );

  it('takes no token that could add headers', () => {
    expect(() => new Hub({ token: 'a\r\nx: y' })).toThrow(
      expect.objectContaining({ code: 'invalid-input' }) as Error,
    );
  });
});

describe('an answer', () => {
  it.each([
    ['a web page', always(() => true, SIGN_IN_PAGE)],
    ['no JSON', answering('{"id":')],
    ['another JSON', answering('[1,2,3]')],
    ['null', answering('null')],
    ['a short hash', answering({ id: NAME, sha: 'abc' })],
    ['a hostile hash', answering({ id: NAME, sha: '../../../../etc/passwd' })],
    ['a file of negative size', answering([{ type: 'file', path: 'x', size: -1 }])],
    ['17 MB', answering(`"${'x'.repeat(17e6)}"`)],
    ['a redirect to nowhere', always(() => true, status(302))],
    ['a redirect to a file', always(() => true, status(302, { location: 'file:///etc/passwd' }))],
    ['redirects in circles', always(() => true, status(302, { location: '/api/models' }))],
  ])('of %s is an error of the endpoint', async (_, intercept) => {
    await using session = await LocalSession.start({ intercept });
    await expect(session.hub.repository(NAME, 'main')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('does not answer like a model hub') as string,
    });
  });

  it('with an endless listing is cut off', async () => {
    const entry = { type: 'file', size: 1, oid: 'a'.repeat(40) };
    let page = 0;
    await using session = await LocalSession.start({
      intercept: ({ url, headers }) =>
        url.includes('/tree/')
          ? {
              kind: 'answer',
              status: 200,
              headers: {
                'content-type': 'application/json',
                link: `<http://${String(headers['host'])}/api/models/x/tree/y?${page++}>; rel="next"`,
              },
              body: JSON.stringify(
                Array.from({ length: 4000 }, (_, i) => ({ ...entry, path: `${page}-${i}` })),
              ),
            }
          : undefined,
    });
    await expect(session.hub.repository(NAME, 'main')).rejects.toMatchObject({ code: 'network' });
  });

  it('that fails for a while is asked for again', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(() => true, status(500), { kind: 'hang-up' }, status(429)),
    });
    expect((await session.hub.repository(NAME, 'main')).name).toBe(NAME);
  });

  it('of 429 for good is rate-limited', async () => {
    await using session = await LocalSession.start({ intercept: always(() => true, status(429)) });
    await expect(session.hub.search('x')).rejects.toMatchObject({ code: 'rate-limited' });
    expect(session.log.requests).toHaveLength(1 + QUICK.retries);
  });

  it('of 429 that asks to wait for an hour is not waited for', async () => {
    await using session = await LocalSession.start({
      intercept: always(() => true, status(429, { 'retry-after': '3600' })),
    });
    await expect(session.hub.search('x')).rejects.toMatchObject({ code: 'rate-limited' });
    expect(session.log.requests).toHaveLength(1);
  });

  it('that never comes is given up on', async () => {
    await using session = await LocalSession.start({
      intercept: always(() => true, { kind: 'silence' }),
      client: { stallMs: 50, retry: { ...QUICK, retries: 1 } },
    });
    await expect(session.hub.search('x')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('stopped answering') as string,
    });
  });

  it('can be cancelled while it is waited for', async () => {
    await using session = await LocalSession.start({
      intercept: always(() => true, { kind: 'silence' }),
      client: { stallMs: 60_000 },
    });
    const signal = AbortSignal.timeout(50);
    await expect(session.hub.search('x', { signal })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('a part of a file', () => {
  it('is exactly the bytes asked for, also from servers that ignore ranges', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(contentOf('.safetensors'), undefined, { kind: 'ignore-range' }),
    });
    const { commit } = await session.hub.repository(NAME, 'main');
    const path = SHARDS[0] ?? '';
    const whole = await session.hub.readRange(NAME, commit, path, 100, 70_000);
    const again = await session.hub.readRange(NAME, commit, path, 100, 70_000);
    expect(whole.byteLength).toBe(69_900);
    expect(Buffer.from(again).equals(whole)).toBe(true);
    expect(await session.hub.readRange(NAME, commit, path, 1e9, 1e9 + 8)).toHaveLength(0);
    expect(await session.hub.readRange(NAME, commit, path, 5, 5)).toHaveLength(0);
  });

  it('of a file that should be small has a limit', async () => {
    await using session = await LocalSession.start();
    const { commit } = await session.hub.repository(NAME, 'main');
    const read = (limit: number): Promise<Uint8Array> =>
      session.hub.readSmallFile(NAME, commit, 'generation_config.json', limit);
    expect(Buffer.from(await read(2)).toString()).toBe('{}');
    await expect(read(1)).rejects.toMatchObject({ code: 'malformed-file' });
  });
});
