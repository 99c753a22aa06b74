import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { JOURNAL_NAME } from '../../../app/hub/index.ts';
import { Gate } from '../../fixtures/gate.ts';
import { always, contentOf, inTurn, SIGN_IN_PAGE, status } from '../../fixtures/hub/hub-faults.ts';
import { sha256File, SHARDS } from '../../fixtures/hub-model.ts';
import { LocalSession } from './local-session.ts';

const SHARD = SHARDS[0] ?? '';
const SIZE = 400_000;

const TAKEN = [
  'LICENSE',
  'README.md',
  'config.json',
  'generation_config.json',
  ...SHARDS,
  'model.safetensors.index.json',
  'tokenizer.json',
  'tokenizer_config.json',
];

function expectSameFiles(session: LocalSession): void {
  for (const name of TAKEN)
    expect(sha256File(session.target.join(name)), name).toBe(sha256File(session.source.join(name)));
}

function visible(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name !== JOURNAL_NAME)
    .sort();
}

describe('a download', () => {
  it('brings exactly the files of a checkpoint, with their hashes', async () => {
    await using session = await LocalSession.start();
    const { files, bytes } = await session.pull();
    expect(visible(session.target.directory)).toEqual([...TAKEN].sort());
    expectSameFiles(session);
    for (const file of files) expect(file.sha256).toBe(sha256File(session.source.join(file.path)));
    expect(bytes).toBe(files.reduce((sum, file) => sum + file.sizeBytes, 0));
  });

  it('reports progress that starts, never falls and ends with the total', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(contentOf('.safetensors'), { kind: 'corrupt', offset: 399_000 }),
    });
    const seen: Progress[] = [];
    const { bytes } = await session.pull({ onProgress: (progress) => seen.push(progress) });
    const done = seen.map((progress) => progress.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(
      seen.every((progress) => progress.total === bytes && progress.phase === 'download'),
    ).toBe(true);
    expect(seen.at(-1)).toMatchObject({ done: bytes, secondsLeft: 0, unit: 'bytes' });
  });

  it('takes the weights that the index names, whatever they are called', async () => {
    await using session = await LocalSession.start();
    // Beside them a second copy with the names that weights usually have.
    const names = ['the weights, part 1.safetensors', 'zwei.safetensors'];
    for (const [i, name] of names.entries())
      copyFileSync(session.source.join(SHARDS[i] ?? ''), session.source.join(name));
    writeFileSync(
      session.source.join('model.safetensors.index.json'),
      JSON.stringify({ weight_map: { 'first.weight': names[0], 'second.weight': names[1] } }),
    );
    await session.pull();
    const weights = visible(session.target.directory).filter((name) =>
      name.endsWith('.safetensors'),
    );
    expect(weights).toEqual(names);
    await (await openCheckpoint(session.target.directory)).close();
    writeFileSync(
      session.source.join('model.safetensors.index.json'),
      JSON.stringify({ weight_map: { 'first.weight': 'gone.safetensors' } }),
    );
    await expect(session.pull({ directory: session.target.join('again') })).rejects.toMatchObject({
      code: 'malformed-file',
      message: expect.stringContaining('gone.safetensors') as string,
    });
  });

  it('asks for no content when it is run again', async () => {
    await using session = await LocalSession.start();
    await session.pull();
    session.log.clear();
    const again = await session.pull();
    expect(session.log.count(({ file }) => file !== null)).toBe(0);
    expect(again.files).toHaveLength(TAKEN.length);
  });

  it('asks for no content when only the journal was lost', async () => {
    await using session = await LocalSession.start();
    await session.pull();
    writeFileSync(session.target.join(JOURNAL_NAME), '{"version":1,"files":');
    session.log.clear();
    await session.pull();
    expect(session.log.count(({ file }) => file !== null)).toBe(0);
    expectSameFiles(session);
  });

  it('replaces a file that was changed on the disk', async () => {
    await using session = await LocalSession.start();
    await session.pull();
    const bytes = readFileSync(session.target.join(SHARD));
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    writeFileSync(session.target.join(SHARD), bytes);
    truncateSync(session.target.join('tokenizer.json'), 3);
    await session.pull();
    expectSameFiles(session);
  });

  it('finds a change that kept size and time when it is told to hash everything', async () => {
    await using session = await LocalSession.start();
    await session.pull();
    const file = session.target.join(SHARD);
    const { atime, mtime } = statSync(file);
    const bytes = readFileSync(file);
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    utimesSync(file, atime, mtime);
    await session.pull({ verify: 'full' });
    expectSameFiles(session);
  });

  it('refuses to write where another download is running', async () => {
    const gate = new Gate();
    gate.close();
    const asked = Promise.withResolvers<undefined>();
    await using session = await LocalSession.start({
      intercept: (request) => {
        if (!contentOf('.safetensors')(request)) return undefined;
        asked.resolve(undefined);
        return gate.holdFile(65_536);
      },
    });
    const first = session.pull();
    await asked.promise;
    await expect(session.pull()).rejects.toMatchObject({ code: 'busy' });
    gate.open();
    await first;
    expectSameFiles(session);
  });
});

describe('an interrupted download', () => {
  it('asks only for the bytes that are missing', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(contentOf(SHARD), { kind: 'truncate', afterBytes: 150_000 }),
    });
    await session.pull();
    expectSameFiles(session);
    const ranges = session.log.requests
      .filter(contentOf(SHARD))
      .map(({ headers }) => headers['range']);
    expect(ranges).toEqual([undefined, 'bytes=150000-']);
  });

  it('keeps its bytes when it is cancelled, and goes on from them', async () => {
    const gate = new Gate();
    gate.close();
    let fault = true;
    await using session = await LocalSession.start({
      intercept: (request) =>
        fault && contentOf('.safetensors')(request) ? gate.holdFile(200_000) : undefined,
    });
    const cancel = new AbortController();
    const pulling = session.pull({
      signal: cancel.signal,
      onProgress: ({ done }) => {
        if (done > 150_000) cancel.abort();
      },
    });
    await expect(pulling).rejects.toMatchObject({ code: 'aborted' });
    expect(existsSync(session.target.join(SHARD))).toBe(false);
    const kept = statSync(session.target.join(`${SHARD}.part`)).size;
    expect(kept).toBeGreaterThan(40_000);
    fault = false;
    session.log.clear();
    const seen: Progress[] = [];
    await session.pull({ onProgress: (progress) => seen.push(progress) });
    expectSameFiles(session);
    const [request] = session.log.requests.filter(contentOf(SHARD));
    expect(request?.headers['range']).toBe(`bytes=${kept}-`);
  });

  it('starts anew when the server ignores the range', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(
        contentOf(SHARD),
        { kind: 'truncate', afterBytes: 150_000 },
        { kind: 'ignore-range' },
      ),
    });
    await session.pull();
    expectSameFiles(session);
  });

  it('starts a large file anew when the hub names another content in the middle', async () => {
    let requests = 0;
    await using session = await LocalSession.start({
      intercept: (request) => {
        if (request.file !== SHARD || request.method !== 'GET') return undefined;
        if (request.host === 'content')
          return requests++ === 0 ? { kind: 'truncate', afterBytes: 150_000 } : undefined;
        return requests === 0 ? { kind: 'etag', etag: '"an older content"' } : undefined;
      },
    });
    await session.pull();
    expectSameFiles(session);
    const ranges = session.log.requests
      .filter(contentOf(SHARD))
      .map(({ headers }) => headers['range']);
    expect(ranges).toEqual([undefined, undefined]);
  });

  it('starts a small file anew when its identity changes in the middle', async () => {
    const file = 'tokenizer.json';
    await using session = await LocalSession.start({
      intercept: inTurn(
        contentOf(file),
        { kind: 'truncate', afterBytes: 5 },
        { kind: 'etag', etag: '"another content"' },
      ),
    });
    await session.pull();
    const asked = session.log.requests.filter(contentOf(file));
    expect(asked).toHaveLength(2);
    const second = asked[1];
    expect(second?.headers).toMatchObject({ range: 'bytes=5-' });
    expect(second?.headers['if-range']).toMatch(/^"[0-9a-f]{40}"$/);
    expectSameFiles(session);
  });

  it('does not trust a part that does not belong to the file', async () => {
    await using session = await LocalSession.start();
    writeFileSync(session.target.join(`${SHARD}.part`), Buffer.alloc(100_000, 7));
    writeFileSync(session.target.join('config.json.part'), Buffer.alloc(100_000, 7));
    await session.pull();
    expectSameFiles(session);
  });

  it('survives stalls, cut connections and overloaded servers', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(
        contentOf('.safetensors'),
        { kind: 'stall', afterBytes: 100_000 },
        { kind: 'hang-up' },
        status(503),
        status(500),
        { kind: 'silence' },
      ),
      client: { stallMs: 300, retry: { retries: 6, baseMs: 2, maxMs: 10 } },
    });
    await session.pull();
    expectSameFiles(session);
  });

  it('waits as long as the server asks to', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(contentOf('config.json'), status(429, { 'retry-after': '1' })),
    });
    const said: (string | null)[] = [];
    await session.pull({ onProgress: ({ detail }) => said.push(detail) });
    // How long it waits is what retry.test.ts measures with a clock of its own.
    expect(said.some((detail) => detail?.includes('asks to slow down') === true)).toBe(true);
    expectSameFiles(session);
  });

  it('asks the hub for a new address when the signed one has expired', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(contentOf('.safetensors'), status(403)),
    });
    await session.pull();
    expectSameFiles(session);
  });
});

describe('a damaged download', () => {
  it('is repeated once', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(contentOf(SHARD), { kind: 'corrupt', offset: 5_000 }),
    });
    await session.pull();
    expectSameFiles(session);
  });

  it('is an error that names the file when it stays damaged, and leaves nothing of it', async () => {
    await using session = await LocalSession.start({
      intercept: always(contentOf(SHARD), { kind: 'corrupt', offset: 5_000 }),
    });
    await expect(session.pull()).rejects.toMatchObject({
      code: 'checksum-mismatch',
      message: expect.stringContaining(SHARD) as string,
    });
    expect(existsSync(session.target.join(SHARD))).toBe(false);
    expect(existsSync(session.target.join(`${SHARD}.part`))).toBe(false);
  });

  it('is noticed in small files too', async () => {
    await using session = await LocalSession.start({
      intercept: always(contentOf('config.json'), { kind: 'corrupt', offset: 2 }),
    });
    await expect(session.pull()).rejects.toMatchObject({ code: 'checksum-mismatch' });
  });

  it('is noticed when the body has another length than the listing says', async () => {
    await using session = await LocalSession.start({
      intercept: always(contentOf('config.json'), {
        kind: 'answer',
        status: 200,
        body: 'x'.repeat(100_000),
      }),
    });
    await expect(session.pull()).rejects.toMatchObject({ code: 'checksum-mismatch' });
  });

  it('says that the file changed when the hub names ever new contents', async () => {
    let count = 0;
    await using session = await LocalSession.start({
      intercept: (request) =>
        request.file !== SHARD
          ? undefined
          : request.host === 'hub'
            ? { kind: 'etag', etag: `"content ${count++}"` }
            : { kind: 'corrupt', offset: 9 },
    });
    await expect(session.pull()).rejects.toMatchObject({ code: 'changed-on-hub' });
  });

  it('is not made of the sign-in page of a hotel', async () => {
    await using session = await LocalSession.start({
      intercept: always(contentOf('config.json'), SIGN_IN_PAGE),
    });
    await expect(session.pull()).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('web page') as string,
    });
  });
});

describe('a failing download', () => {
  it('gives up after some attempts and keeps the bytes', async () => {
    await using session = await LocalSession.start({
      intercept: inTurn(
        contentOf(SHARD),
        { kind: 'truncate', afterBytes: 150_000 },
        ...Array.from({ length: 4 }, () => status(503)),
      ),
    });
    await expect(session.pull()).rejects.toMatchObject({ code: 'network' });
    expect(statSync(session.target.join(`${SHARD}.part`)).size).toBe(150_000);
    await session.pull();
    expectSameFiles(session);
    expect(statSync(session.target.join(SHARD)).size).toBeGreaterThan(SIZE);
  });

  it('stops at once when the hub refuses', async () => {
    await using session = await LocalSession.start({
      intercept: (request) => (request.file === SHARD ? status(404) : undefined),
    });
    await expect(session.pull()).rejects.toMatchObject({ code: 'not-found' });
  });

  it('refuses before it starts when the disk cannot take it', async () => {
    await using session = await LocalSession.start();
    await expect(session.pull({ reserveBytes: 2 ** 52 })).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/needed.*free/) as string,
    });
    expect(session.log.count(({ file }) => file !== null)).toBe(0);
  });
});
