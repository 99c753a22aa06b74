import { once } from 'node:events';
import { chmod, copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { engineApi } from '../../../app/contract/engine-api.ts';
import { hostApi, type HostCommand } from '../../../app/contract/host-api.ts';
import { sampleModel, startSampleHub } from '../../../app/engine.ts';
import { newSecret } from '../../../main/web/access.ts';
import { serveKey } from '../../../main/web/serve-key.ts';
import { runCli } from '../../fixtures/run-cli.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { clientOf, startWebSession, type WebSession } from '../../fixtures/web-session.ts';
import { WAIT_MS } from '../../fixtures/wait.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: WAIT_MS, interval: 5 });
}

describe('the web host', () => {
  let session: WebSession;
  let closeHub: () => Promise<void>;
  beforeAll(async () => {
    const hub = await startSampleHub();
    closeHub = () => hub.close();
    process.env['HF_ENDPOINT'] = hub.endpoint;
    session = await startWebSession(await scratchFolder());
  });
  afterAll(async () => {
    await session.close();
    await closeHub();
  });

  it('takes the token out of the address and lets the browser in', async () => {
    const { host, origin, cookie } = session;
    const entry = await fetch(`${origin}/chat/3?token=${host.token}`, { redirect: 'manual' });
    expect(entry.status).toBe(303);
    expect(entry.headers.get('location')).toBe(`/chat/3?key=${session.pageKey}`);
    expect(entry.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(entry.headers.get('cache-control')).toBe('no-store');
    const page = await fetch(`${origin}/chat/3`, { headers: { cookie } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>Nibble</title>');
    // Opened again from the history: the token leaves the address once more, and the tab gets its key.
    const again = await fetch(host.url, { headers: { cookie }, redirect: 'manual' });
    expect(again.headers.get('location')).toBe(`/?key=${session.pageKey}`);
  });

  it('sends every answer with the policy, and lets only hashed files be kept', async () => {
    const { origin, cookie } = session;
    const get = (path: string): Promise<Response> =>
      fetch(`${origin}${path}`, { headers: { cookie } });
    const page = await get('/');
    const headers = Object.fromEntries(page.headers);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers['permissions-policy']).toContain('camera=()');
    const asset = await get('/assets/index-Ab3_x9Zk.js');
    expect(asset.headers.get('cache-control')).toContain('immutable');
    expect((await get('/assets/gone-Ab3_x9Zk.js')).status).toBe(404);
    expect((await get('/.source-sha256')).status).toBe(404);
    expect(await (await get('/%2e%2e/%2e%2e/etc/passwd')).text()).not.toContain('root:');
  });

  it('answers a window: calls, events, cancelling', async () => {
    const socket = session.open('engine');
    const client = await clientOf(engineApi, socket);
    expect((await client.doctor({})).processor.cores).toBeGreaterThan(0);
    const steps = new Set<string>();
    const checkpoint = await client.pull(
      { source: sampleModel.repository },
      { onEvent: (progress) => steps.add(progress.step) },
    );
    expect(steps.size).toBeGreaterThan(0);
    expect((await client.list({})).checkpoints.map(({ id }) => id)).toEqual([checkpoint.id]);
    const controller = new AbortController();
    controller.abort();
    await expect(
      client.pull({ source: sampleModel.repository }, { signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'aborted' });
    socket.close();
  });

  it('says what it is and cannot do, and gives diagnostics', async () => {
    const socket = session.open('host');
    const client = await clientOf(hostApi, socket);
    expect(await client.about({})).toMatchObject({
      host: 'web',
      version: '9.9.9',
      canChooseFolder: false,
      canReveal: false,
      canNotify: false,
      canSaveText: false,
    });
    for (const refused of [
      client.chooseFolder({ title: 'A folder' }),
      client.reveal({ directory: '/' }),
      client.openExternal({ url: 'https://example.org/' }),
      client.notify({ title: 'a', body: 'b' }),
      client.saveText({ fileName: 'a.md', text: 'b' }),
    ])
      await expect(refused).rejects.toMatchObject({
        code: 'invalid-input',
        remedy: expect.stringMatching(/./) as string,
      });
    const { text } = await client.diagnostics({});
    expect(text).toContain('web 9.9.9');
    expect(text).toContain('processor: ');
    expect(text).toContain('web host started');
    expect(text).not.toContain(session.host.token);
    socket.close();
  });

  it('tells of an engine that was killed, and goes on with a new one', async () => {
    const engineSocket = session.open('engine');
    const hostSocket = session.open('host');
    const engine = await clientOf(engineApi, engineSocket);
    const host = await clientOf(hostApi, hostSocket);
    const told: HostCommand[] = [];
    const controller = new AbortController();
    const watching = host.watch(
      {},
      { signal: controller.signal, onEvent: (command) => told.push(command) },
    );
    await host.about({});
    const before = (await engine.list({})).checkpoints;
    const pid = session.engine.pid() ?? 0;
    // Held still, the engine takes the call and cannot answer it. The refusal of the second, which the host gives
    // itself, says that the first was passed on.
    process.kill(pid, 'SIGSTOP');
    const inFlight = engine.list({});
    await expect(engine.show({ id: '' })).rejects.toMatchObject({ code: 'invalid-input' });
    process.kill(pid, 'SIGKILL');
    await expect(inFlight).rejects.toMatchObject({
      code: 'engine-restarted',
      remedy: expect.stringContaining('Jobs') as string,
    });
    expect((await engine.list({})).checkpoints).toEqual(before);
    expect(session.engine.pid()).not.toBe(pid);
    await eventually(() => told.length > 0);
    expect(told).toEqual([
      { kind: 'engine-restarted', reason: expect.stringContaining('SIGKILL') as string },
    ]);
    expect((await host.diagnostics({})).text).toContain('engine restarted');
    controller.abort();
    expect(await watching).toEqual({});
    engineSocket.close();
    hostSocket.close();
  });

  it('leaves no process, and tells its windows to go', async () => {
    const other = await startWebSession(await scratchFolder());
    const socket = other.open('engine');
    const client = await clientOf(engineApi, socket);
    await client.list({});
    const pid = other.engine.pid() ?? 0;
    expect(isAlive(pid)).toBe(true);
    const closed = once(socket, 'close') as Promise<[number]>;
    await other.close();
    expect((await closed)[0]).toBe(1001);
    expect(isAlive(pid)).toBe(false);
    await expect(fetch(other.origin)).rejects.toThrow();
    await expect(other.engine.client.list({})).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('nibble serve', () => {
  it('prints where it is, and ends at Ctrl-C', async () => {
    const home = await scratchFolder();
    let printed = '';
    const result = await runCli(['--json', 'serve', '--port', '0'], {
      home,
      onStart: (child) => {
        child.stdout?.on('data', (text: string) => {
          printed += text;
          if (printed.includes('}')) child.kill('SIGINT');
        });
      },
    });
    expect(result).toMatchObject({ code: 0, signal: null });
    const { url, port, token } = JSON.parse(result.stdout) as Record<string, string | number>;
    expect(url).toBe(`http://127.0.0.1:${port ?? ''}/?token=${token ?? ''}`);
    expect(Buffer.from(String(token), 'base64url')).toHaveLength(32);
    await expect(fetch(String(url))).rejects.toThrow();
  });

  it.skipIf(process.platform === 'win32')(
    'opens the browser with an address that lets in once: command lines are for all to see',
    async () => {
      const folder = await scratchFolder();
      const [home, seen, opener] = ['home', 'seen', 'xdg-open'].map((name) =>
        path.join(folder, name),
      ) as [string, string, string];
      // In place of a browser: notes what it was started with, and ends the host.
      await writeFile(opener, `#!/bin/sh\nprintf '%s' "$*" > '${seen}'\nkill -INT $PPID\n`);
      await chmod(opener, 0o755);
      await copyFile(opener, path.join(folder, 'open'));
      const environment = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
      const options = { home, environment };
      const result = await runCli(['--json', 'serve', '--port', '0', '--open'], options);
      expect(result).toMatchObject({ code: 0, signal: null });
      const { token } = JSON.parse(result.stdout) as { token: string };
      expect(token).toBe(await serveKey(home));
      const shown = await readFile(seen, 'utf8');
      expect(shown).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/enter\/[\w-]{43}$/);
      expect(shown).not.toContain(token);
    },
  );

  it('names a port that is taken', async () => {
    const session = await startWebSession(await scratchFolder());
    const result = await runCli(['serve', '--port', String(session.host.port)], {
      home: await scratchFolder(),
    });
    await session.close();
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`Port ${session.host.port} is in use. Choose another one`);
  });
});

describe('the key of nibble serve', () => {
  it('is kept for its owner alone, stays, and can be made anew', async () => {
    const home = await scratchFolder();
    const first = await serveKey(home);
    expect(Buffer.from(first, 'base64url')).toHaveLength(32);
    const file = path.join(home, 'serve-key');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(home)).toEqual(['serve-key']);
    expect(await serveKey(home)).toBe(first);
    // Two that start at once have the same.
    const other = await scratchFolder();
    const [one, two] = await Promise.all([serveKey(other), serveKey(other)]);
    expect(one).toBe(two);
    // What is no key is replaced, and what was opened to others is closed.
    await writeFile(file, 'short');
    await chmod(file, 0o644);
    const second = await serveKey(home);
    expect(second).not.toBe(first);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await serveKey(home, { renew: true })).not.toBe(second);
  });

  it('lets a page on after a restart, and not after it was made anew', async () => {
    const folder = await scratchFolder();
    const token = newSecret();
    const before = await startWebSession(folder, { token });
    const { cookie, pageKey, host } = before;
    await before.close();
    const after = await startWebSession(folder, { token, port: host.port });
    const headers = { cookie, 'x-nibble-key': pageKey };
    expect((await fetch(`${after.origin}/rpc/session`, { headers })).status).toBe(204);
    await after.close();
    const renewed = await startWebSession(folder, { port: host.port });
    expect((await fetch(`${renewed.origin}/rpc/session`, { headers })).status).toBe(401);
    await renewed.close();
  });
});
