import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostCommand } from '../../../app/contract/host-api.ts';
import { jobSchema, type Job } from '../../../app/contract/job.ts';
import { CommandQueue } from '../../../main/shell/command-queue.ts';
import { deepLinkIn, parseDeepLink } from '../../../main/shell/deep-link.ts';
import { plainFileName } from '../../../main/shell/file-name.ts';
import { JobActivity } from '../../../main/shell/job-activity.ts';
import { openLogFile } from '../../../main/shell/log-file.ts';
import { menuTemplate, type MenuContext } from '../../../main/shell/menu-template.ts';
import { isOwnPage, mayLoad } from '../../../main/shell/page/page-address.ts';
import {
  rendererResponse,
  resolveRendererFile,
} from '../../../main/shell/page/renderer-response.ts';
import { readSmallFile, replaceFile } from '../../../main/shell/small-file.ts';
import { placeWindow, type Rectangle } from '../../../main/shell/window-bounds.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writePage } from '../../fixtures/web-session.ts';

describe('a deep link', () => {
  it('names a repository and nothing else', () => {
    expect(parseDeepLink('nibble://HuggingFaceTB/SmolLM2-135M-Instruct')).toBe(
      'HuggingFaceTB/SmolLM2-135M-Instruct',
    );
    expect(parseDeepLink('nibble://owner/qwen2.5_x/')).toBe('owner/qwen2.5_x');
    for (const url of [
      'nibble://owner',
      'nibble://owner/name/more',
      'nibble://owner/name?x=1',
      'nibble://owner/name#x',
      'nibble://owner/../name',
      'nibble://../name',
      'nibble://owner/a..b',
      'nibble://owner/%2e%2e',
      'nibble://owner/name --no-sandbox',
      'nibble://owner/name\n',
      'nibble://owner/.git',
      'nibble://owner/name.git',
      'nibble://-owner/name',
      `nibble://owner/${'a'.repeat(97)}`,
      'https://owner/name',
      'NIBBLE://owner/name',
      '',
    ])
      expect(parseDeepLink(url)).toBeNull();
  });

  it('is found among arguments', () => {
    expect(deepLinkIn(['nibble', '--flag', 'nibble://a/b', 'nibble://c/d'])).toBe('a/b');
    expect(deepLinkIn(['nibble', '--x=nibble://a/b'])).toBeNull();
  });
});

describe('the place of the window', () => {
  const primary: Rectangle = { x: 0, y: 25, width: 1920, height: 1055 };
  const second: Rectangle = { x: 1920, y: 0, width: 1280, height: 1024 };
  const at = (bounds: Rectangle, displays: readonly Rectangle[]): Rectangle =>
    placeWindow({ bounds, maximized: false }, displays);

  it('is the middle of the first display the first time', () => {
    expect(placeWindow(null, [primary, second])).toEqual({
      x: 320,
      y: 153,
      width: 1280,
      height: 800,
    });
  });

  it('is where it was, on either display', () => {
    const there = { x: 1950, y: 40, width: 1000, height: 700 };
    expect(at(there, [primary, second])).toEqual(there);
    const here = { x: 10, y: 30, width: 1000, height: 700 };
    expect(at(here, [primary, second])).toEqual(here);
  });

  it('comes back to the first display when its own is gone', () => {
    const there = { x: 1950, y: 40, width: 1000, height: 700 };
    expect(at(there, [primary])).toEqual({ x: 460, y: 203, width: 1000, height: 700 });
    // Its title bar alone decides: without it nobody can take hold of the window.
    expect(at({ x: 100, y: -500, width: 1000, height: 700 }, [primary])).toEqual({
      x: 460,
      y: 203,
      width: 1000,
      height: 700,
    });
  });

  it('fits the display and is never too small', () => {
    expect(at({ x: 10, y: 30, width: 5000, height: 4000 }, [primary])).toEqual(primary);
    expect(at({ x: 10, y: 30, width: 200, height: 100 }, [primary])).toEqual({
      x: 10,
      y: 30,
      width: 900,
      height: 600,
    });
    expect(at({ x: 1500, y: 900, width: 1000, height: 700 }, [primary])).toEqual({
      x: 920,
      y: 380,
      width: 1000,
      height: 700,
    });
    const tiny = { x: 0, y: 0, width: 640, height: 480 };
    expect(placeWindow(null, [tiny])).toEqual({ x: 0, y: 0, width: 900, height: 600 });
    expect(placeWindow(null, [])).toMatchObject({ width: 1280, height: 800 });
  });
});

describe("the page's scheme", () => {
  it('knows its own addresses', () => {
    for (const url of ['nibble-app://app/', 'nibble-app://app/chat/3?x#y'])
      expect(isOwnPage(url)).toBe(true);
    for (const url of [
      'nibble-app://other/',
      'nibble-app://app:80/',
      'nibble-app://me@app/',
      'nibble-app://app.evil.example/',
      'nibble-app:///',
      'https://app/',
      'file:///etc/passwd',
      'about:blank',
      '',
    ])
      expect(isOwnPage(url)).toBe(false);
    expect(mayLoad('blob:nibble-app://app/1')).toBe(true);
    for (const url of ['https://evil.example/', 'blob:https://a/1', 'file:///', 'ws://localhost/'])
      expect(mayLoad(url)).toBe(false);
  });

  it('serves what lies in the folder and nothing beside it', async () => {
    const folder = await scratchFolder();
    const page = path.join(folder, 'page');
    await writePage(page);
    await mkdir(path.join(folder, 'page-secret'));
    await writeFile(path.join(folder, 'page-secret', 'x.js'), 'secret');
    await writeFile(path.join(page, 'program.exe'), 'no');
    expect(resolveRendererFile(page, 'nibble-app://app/')).toBe(path.join(page, 'index.html'));
    expect(resolveRendererFile(page, 'nibble-app://app/chat/3')).toBe(
      path.join(page, 'index.html'),
    );
    for (const url of [
      'nibble-app://app/%2e%2e/page-secret/x.js',
      'nibble-app://app/..%2fpage-secret%2fx.js',
      'nibble-app://app/%5c..%5cpage-secret%5cx.js',
      'nibble-app://app/.source-sha256',
      'nibble-app://app/program.exe',
      'nibble-app://app/c:/x.js',
      'nibble-app://app/x.js%00.html',
      'nibble-app://app/%ff.js',
      'nibble-app://other/index.html',
    ]) {
      const file = resolveRendererFile(page, url);
      expect(file === null || file.startsWith(`${page}${path.sep}`)).toBe(true);
      const answer = await rendererResponse(page, { method: 'GET', url });
      expect(await answer.text()).not.toMatch(/secret|no$/);
      // An address without a file's ending is a page's, whatever it says.
      expect(answer.status).toBe(file === path.join(page, 'index.html') ? 200 : 404);
    }
  });

  it('answers with the policy', async () => {
    const page = await scratchFolder();
    await writePage(page);
    const asset = await rendererResponse(page, {
      method: 'GET',
      url: 'nibble-app://app/assets/index-Ab3_x9Zk.js',
    });
    expect(asset.status).toBe(200);
    expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(asset.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(asset.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await asset.text()).toBe('export {};');
    const post = await rendererResponse(page, { method: 'POST', url: 'nibble-app://app/' });
    expect(post.status).toBe(405);
    const gone = await rendererResponse(page, { method: 'GET', url: 'nibble-app://app/gone.js' });
    expect(gone.status).toBe(404);
    expect(gone.headers.get('content-security-policy')).toContain("default-src 'none'");
  });
});

describe('the menu', () => {
  const sent: HostCommand[] = [];
  const context = (platform: NodeJS.Platform, packaged: boolean): MenuContext => ({
    platform,
    appName: 'Nibble',
    packaged,
    send: (command) => sent.push(command),
    copyDiagnostics: () => undefined,
    showLog: () => undefined,
  });
  const itemsOf = (
    platform: NodeJS.Platform,
    packaged = true,
  ): Electron.MenuItemConstructorOptions[] =>
    menuTemplate(context(platform, packaged)).flatMap((menu) =>
      Array.isArray(menu.submenu) ? menu.submenu : [],
    );

  it('offers every command of the page, with keys that do not collide', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      sent.length = 0;
      const items = itemsOf(platform);
      for (const { click } of items) (click as (() => void) | undefined)?.();
      const commands = sent.map((command) => (command.kind === 'command' ? command.command : ''));
      expect(new Set(commands)).toEqual(
        new Set([
          'new-chat',
          'palette',
          'show-home',
          'show-get',
          'show-library',
          'show-chat',
          'show-compare',
          'show-jobs',
          'show-settings',
          'show-shortcuts',
        ]),
      );
      const keys = items.flatMap(({ accelerator }) => accelerator ?? []);
      expect(new Set(keys).size).toBe(keys.length);
      expect(items.some(({ role }) => role === 'quit')).toBe(true);
    }
  });

  it('has developer tools in a checkout only', () => {
    const roles = (packaged: boolean): unknown[] =>
      itemsOf('linux', packaged).map(({ role }) => role);
    expect(roles(false)).toContain('toggleDevTools');
    expect(roles(true)).not.toContain('toggleDevTools');
    expect(roles(true)).not.toContain('reload');
  });
});

describe('the activity of jobs', () => {
  const job = (id: number, change: Partial<Job>): Job => ({
    ...jobSchema.parse({
      id,
      request: { kind: 'verify', id: 'x' },
      subject: 'x',
      state: 'running',
      steps: [],
      waitsForDisk: false,
      error: null,
      checkpointId: null,
      artifactIds: [],
      files: null,
      createdAt: '',
      endedAt: null,
    }),
    ...change,
  });
  const step = (done: number, total: number | null): Job['steps'][number] => ({
    step: 's',
    phase: 'verify',
    isPaused: false,
    subject: 's',
    artifact: null,
    format: null,
    detail: null,
    unit: 'bytes',
    done,
    total,
    rate: null,
    secondsLeft: null,
  });

  it('shows the share of the running job, and nothing when none runs', () => {
    const activity = new JobActivity();
    expect([activity.bar, activity.keepsAwake]).toEqual([-1, false]);
    activity.update(job(1, { state: 'queued' }));
    expect([activity.bar, activity.keepsAwake]).toEqual([-1, false]);
    activity.update(job(1, {}));
    expect([activity.bar, activity.keepsAwake]).toEqual([2, true]);
    activity.update(job(1, { steps: [step(9, 9), step(1, 4)] }));
    expect(activity.bar).toBe(0.25);
    activity.update(job(1, { steps: [step(5, null)] }));
    expect(activity.bar).toBe(2);
    activity.update(job(1, { steps: [step(1, 4)], waitsForDisk: true }));
    expect([activity.bar, activity.keepsAwake]).toEqual([0.25, false]);
    activity.update(job(1, { state: 'paused' }));
    expect([activity.bar, activity.keepsAwake]).toEqual([-1, false]);
    activity.update(job(1, {}));
    activity.update(job(1, { state: 'done' }));
    expect(activity.running).toEqual([]);
    activity.update(job(2, {}));
    activity.clear();
    expect(activity.bar).toBe(-1);
  });
});

describe('commands for the page', () => {
  it('wait for it, in order, and go to whoever listens', () => {
    const queue = new CommandQueue();
    const first: HostCommand = { kind: 'open-repository', repository: 'a/b' };
    const second: HostCommand = { kind: 'command', command: 'palette' };
    queue.announce(second);
    queue.send(first);
    queue.send(second);
    const seen: HostCommand[] = [];
    const stop = queue.listen((command) => seen.push(command));
    expect(seen).toEqual([first, second]);
    queue.announce(first);
    expect(seen).toHaveLength(3);
    stop();
    queue.announce(first);
    expect(seen).toHaveLength(3);
  });
});

describe('files of the shell', () => {
  it('replaces in one step, for its owner only, and leaves nothing behind', async () => {
    const folder = await scratchFolder();
    const file = path.join(folder, 'deep', 'window.json');
    replaceFile(file, 'one');
    replaceFile(file, 'two');
    expect(await readFile(file, 'utf8')).toBe('two');
    expect(await readdir(path.dirname(file))).toEqual(['window.json']);
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(readSmallFile(file, 3)?.toString()).toBe('two');
    expect(readSmallFile(file, 2)).toBeNull();
    expect(readSmallFile(path.join(folder, 'none'), 9)).toBeNull();
    await mkdir(path.join(folder, 'taken', 'x'), { recursive: true });
    expect(() => replaceFile(path.join(folder, 'taken'), 'x')).toThrow();
    expect((await readdir(folder)).sort()).toEqual(['deep', 'taken']);
  });

  it('suggests names that no system misreads', () => {
    expect(plainFileName('Chat about owls.md')).toBe('Chat about owls.md');
    expect(plainFileName('../../etc/passwd')).toBe('etc-passwd');
    expect(plainFileName('C:\\x\\y.md')).toBe('C-x-y.md');
    expect(plainFileName('report\u202egnp.exe')).toBe('report-gnp.exe');
    expect(plainFileName('.bashrc')).toBe('bashrc');
    expect(plainFileName('nul.md')).toBe('nibble-nul.md');
    expect(plainFileName('///')).toBe('nibble-');
  });
});

describe('the log', () => {
  it('keeps one line per entry, bounded, and gives the newest', async () => {
    const folder = await scratchFolder();
    const log = openLogFile(path.join(folder, 'logs', 'nibble.log'));
    expect(log.tail()).toEqual([]);
    log.add('first\n  at somewhere');
    expect(log.tail()).toHaveLength(1);
    expect(log.tail()[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+ first \| at somewhere$/);
    const long = 'x'.repeat(10_000);
    for (let i = 0; i < 250; i++) log.add(`${i} ${long}`);
    const files = await readdir(path.join(folder, 'logs'));
    expect(files.sort()).toEqual(['nibble.log', 'nibble.old.log']);
    for (const file of files)
      expect((await stat(path.join(folder, 'logs', file))).size).toBeLessThan(1_100_000);
    expect(log.tail().at(-1)).toContain(' 249 x');
  });
});
