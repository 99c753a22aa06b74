import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultSettings } from '../../../../app/contract/settings.ts';
import type { Secrets } from '../../../../app/engine.ts';
import { startFaultyHub } from '../../../fixtures/hub/faulty-hub.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../../fixtures/tiny-checkpoint.ts';

let home: string;
const environment = { token: process.env['HF_TOKEN'], endpoint: process.env['HF_ENDPOINT'] };

beforeEach(async () => {
  home = await scratchFolder();
  delete process.env['HF_TOKEN'];
  // Nothing may leave this computer by mistake.
  process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
});
afterEach(() => {
  for (const [name, value] of [
    ['HF_TOKEN', environment.token],
    ['HF_ENDPOINT', environment.endpoint],
  ] as const)
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
});

describe('settings', () => {
  it('start with the defaults, are merged, and are kept', async () => {
    {
      await using engine = await TestEngine.open(home);
      expect(await engine.handlers.settings({}, quiet)).toEqual({
        ...defaultSettings,
        defaultSchemes: ['nf4-dq'],
      });
      await engine.handlers.updateSettings({ theme: 'dark' }, quiet);
      const both = await engine.handlers.updateSettings({ threads: 3 }, quiet);
      expect(both).toEqual({
        ...defaultSettings,
        defaultSchemes: ['nf4-dq'],
        theme: 'dark',
        threads: 3,
      });
    }
    await using engine = await TestEngine.open(home);
    expect(await engine.handlers.settings({}, quiet)).toMatchObject({ theme: 'dark', threads: 3 });
    await engine.handlers.updateSettings({ threads: null }, quiet);
    expect((await engine.handlers.settings({}, quiet)).threads).toBeNull();
  });

  it('are left as they are by what cannot be set', async () => {
    await using engine = await TestEngine.open(home);
    for (const wrong of [
      { heldModels: 99 },
      { theme: 'pink' as 'dark' },
      { hubEndpoint: 'ftp://example.org' },
      { hubEndpoint: 'http://user@example.org/' },
    ])
      await expect(
        engine.handlers.updateSettings({ language: 'de', ...wrong }, quiet),
      ).rejects.toMatchObject({ code: 'invalid-input' });
    expect(await engine.handlers.settings({}, quiet)).toEqual({
      ...defaultSettings,
      defaultSchemes: ['nf4-dq'],
    });
  });

  it('keep the entries of a list that a newer version wrote, whatever is changed here', async () => {
    await (await TestEngine.open(home)).close();
    const catalog = new Sqlite(path.join(home, 'catalog.sqlite'));
    const put = catalog.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)');
    const get = catalog
      .prepare<[string], string>('SELECT value FROM settings WHERE name = ?')
      .pluck();
    const stored = (name: string): unknown => JSON.parse(get.get(name) ?? 'null');
    const preset = { of: 'tomorrow' };
    put.run('defaultSchemes', JSON.stringify(['of-tomorrow', 'nf4', { bits: 3 }]));
    put.run('presets', JSON.stringify([preset]));
    await using engine = await TestEngine.open(home);
    expect(await engine.handlers.settings({}, quiet)).toMatchObject({
      defaultSchemes: ['of-tomorrow', 'nf4'],
      presets: [],
    });
    await engine.handlers.updateSettings({ theme: 'dark' }, quiet);
    expect(stored('defaultSchemes')).toEqual(['of-tomorrow', 'nf4', { bits: 3 }]);
    const { defaultSchemes } = await engine.handlers.updateSettings(
      { defaultSchemes: ['nf4', 'llm-int8'], presets: [] },
      quiet,
    );
    expect(defaultSchemes).toEqual(['nf4', 'llm-int8']);
    expect(stored('defaultSchemes')).toEqual(['nf4', 'llm-int8', { bits: 3 }]);
    expect(stored('presets')).toEqual([preset]);
    // Again and again, without multiplying.
    await engine.handlers.updateSettings({ defaultSchemes: [] }, quiet);
    await engine.handlers.updateSettings({ defaultSchemes: ['int4'] }, quiet);
    expect(stored('defaultSchemes')).toEqual(['int4', { bits: 3 }]);
    catalog.close();
  });

  it('of another version count as never set', async () => {
    await (await TestEngine.open(home)).close();
    const db = new Sqlite(path.join(home, 'catalog.sqlite'));
    const put = db.prepare('INSERT INTO settings (name, value) VALUES (?, ?)');
    put.run('theme', '"pink"');
    put.run('fromTheFuture', '1');
    put.run('language', '"de"');
    db.close();
    await using engine = await TestEngine.open(home);
    expect(await engine.handlers.settings({}, quiet)).toEqual({
      ...defaultSettings,
      defaultSchemes: ['nf4-dq'],
      language: 'de',
    });
  });

  it('change the hub and the threads at once', async () => {
    const directory = await scratchFolder();
    await writeTinyCheckpoint(directory);
    const hub = await startFaultyHub({ repositories: { 'test/tiny': { directory } } });
    try {
      const threads: (number | undefined)[] = [];
      await using engine = await TestEngine.open(home, {
        openRunner: (options) => {
          threads.push(options.threads);
          return Promise.reject(new Error('no runner is needed here'));
        },
      });
      await engine.handlers.updateSettings({ hubEndpoint: hub.endpoint, threads: 2 }, quiet);
      expect((await engine.handlers.doctor({}, quiet)).endpoint).toBe(hub.endpoint);
      const { id } = await engine.make('test/tiny', ['nf4']);
      const { artifactIds } = await engine.done(id);
      await engine.handlers
        .evaluate({ id: artifactIds[0] ?? '', text: 'a text', textName: 'x', mode: 'fast' }, quiet)
        .catch(() => undefined);
      expect(threads).toEqual([2]);
      await engine.handlers.updateSettings({ hubEndpoint: null }, quiet);
      expect((await engine.handlers.doctor({}, quiet)).endpoint).toBe('http://127.0.0.1:9');
    } finally {
      await hub.close();
    }
  });
});

describe('the hub token', () => {
  const hasToken = async (engine: TestEngine): Promise<boolean> =>
    (await engine.handlers.doctor({}, quiet)).hasToken;

  it('is kept in a file for its owner only, used at once and after a restart, and forgotten', async () => {
    {
      await using engine = await TestEngine.open(home);
      expect(await hasToken(engine)).toBe(false);
      expect(await engine.handlers.setHubToken({ token: 'hf_secret' }, quiet)).toEqual({
        account: null,
      });
      expect(await hasToken(engine)).toBe(true);
    }
    const file = path.join(home, 'hub-token');
    expect(readFileSync(file, 'utf8').trim()).toBe('hf_secret');
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    await using engine = await TestEngine.open(home);
    expect(await hasToken(engine)).toBe(true);
    await engine.handlers.setHubToken({ token: null }, quiet);
    expect(await hasToken(engine)).toBe(false);
    expect(readdirSync(home).filter((name) => name.startsWith('hub-token'))).toEqual([]);
  });

  it('is sent to the hub, where HF_TOKEN goes before the kept one', async () => {
    const directory = await scratchFolder();
    await writeTinyCheckpoint(directory);
    const hub = await startFaultyHub({
      repositories: { 'test/private': { directory, gated: 'auto' } },
      token: 'right',
    });
    try {
      await using engine = await TestEngine.open(home, { hubEndpoint: hub.endpoint });
      const pull = () => engine.handlers.pull({ source: 'test/private' }, quiet);
      await expect(pull()).rejects.toThrow();
      process.env['HF_TOKEN'] = 'wrong';
      await engine.handlers.setHubToken({ token: 'right' }, quiet);
      await expect(pull()).rejects.toThrow();
      delete process.env['HF_TOKEN'];
      await engine.handlers.setHubToken({ token: 'right' }, quiet);
      expect((await pull()).id).toBe('private');
    } finally {
      await hub.close();
    }
  });

  it('that the hub does not know is refused and not kept', async () => {
    const hub = await startFaultyHub({
      repositories: {},
      intercept: ({ url, headers }) =>
        url !== '/api/whoami-v2'
          ? undefined
          : headers['authorization'] === 'Bearer right'
            ? { kind: 'answer', status: 200, body: '{"name":"someone"}' }
            : { kind: 'answer', status: 401 },
    });
    try {
      await using engine = await TestEngine.open(home, { hubEndpoint: hub.endpoint });
      await expect(engine.handlers.setHubToken({ token: 'wrong' }, quiet)).rejects.toMatchObject({
        code: 'unauthorized',
      });
      expect(await hasToken(engine)).toBe(false);
      expect(readdirSync(home)).not.toContain('hub-token');
      expect(await engine.handlers.setHubToken({ token: 'right' }, quiet)).toEqual({
        account: 'someone',
      });
    } finally {
      await hub.close();
    }
  });

  it('that can be none is refused and changes nothing', async () => {
    await using engine = await TestEngine.open(home);
    await expect(engine.handlers.setHubToken({ token: 'two\nlines' }, quiet)).rejects.toMatchObject(
      { code: 'invalid-input' },
    );
    expect(await hasToken(engine)).toBe(false);
  });

  it('that was damaged keeps nothing from opening, and the doctor says so without showing it', async () => {
    writeFileSync(path.join(home, 'hub-token'), 'dämaged');
    await using engine = await TestEngine.open(home);
    const { problems } = await engine.handlers.doctor({}, quiet);
    expect(problems.join(' ')).toContain('token');
    expect(problems.join(' ')).not.toContain('dämaged');
  });

  it('is kept where the host keeps secrets', async () => {
    let kept: string | null = 'from-keychain';
    const secrets: Secrets = {
      read: () => Promise.resolve(kept),
      write: (token) => {
        kept = token;
        return Promise.resolve();
      },
    };
    await using engine = await TestEngine.open(home, { secrets });
    expect(await hasToken(engine)).toBe(true);
    await engine.handlers.setHubToken({ token: 'new' }, quiet);
    expect(kept).toBe('new');
    expect(readdirSync(home)).not.toContain('hub-token');
  });
});
