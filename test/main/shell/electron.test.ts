import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { WAIT_MS } from '../../fixtures/wait.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface SetUp {
  readonly electronBinary: (root: string) => string | null;
  readonly buildShell: (root: string) => Promise<string | null>;
}
const setUp = (name: string): Promise<unknown> =>
  import(new URL(`../../../main/setup/${name}.mjs`, import.meta.url).href);
const { electronBinary } = (await setUp('electron-binary')) as Pick<SetUp, 'electronBinary'>;
const binary = electronBinary(root);

/** A screen: the machine's own, or a virtual one. */
const hasScreen =
  process.platform !== 'linux' ||
  (process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']) !== undefined;
const hasVirtualScreen = spawnSync('xvfb-run', ['--help'], { stdio: 'ignore' }).status === 0;
const reason =
  binary === null
    ? 'skipped: no Electron binary'
    : hasScreen || hasVirtualScreen
      ? null
      : 'skipped: no screen for Electron, and no xvfb-run';

describe.skipIf(reason !== null)(reason ?? 'the app in Electron', () => {
  let app: ElectronApplication;
  let page: Page;
  beforeAll(async () => {
    const { buildShell } = (await setUp('build-shell')) as Pick<SetUp, 'buildShell'>;
    expect(await buildShell(root)).toBeNull();
    const folder = await scratchFolder();
    const args = [path.join(root, 'dist', 'app'), `--user-data-dir=${path.join(folder, 'data')}`];
    // Chromium refuses its sandbox to the system's administrator, whom containers run as.
    if (process.getuid?.() === 0) args.push('--no-sandbox');
    const executable = binary ?? '';
    app = await _electron.launch({
      executablePath: hasScreen ? executable : 'xvfb-run',
      args: hasScreen ? args : ['-a', executable, ...args],
      env: { ...(process.env as Record<string, string>), NIBBLE_HOME: path.join(folder, 'home') },
    });
    page = await app.firstWindow();
    await page.waitForLoadState();
  }, 120_000);
  afterAll(() => app.close());

  it('shows its own page in a sandbox', async () => {
    expect(page.url()).toMatch(/^nibble-app:\/\/app\//);
    expect(await page.title()).toBe('Nibble');
    expect(
      await page.evaluate(() => {
        const names = globalThis as Record<string, unknown>;
        return [
          typeof names['process'],
          typeof names['require'],
          Object.keys(names['nibble'] as object),
        ];
      }),
    ).toEqual(['undefined', 'undefined', ['connect']]);
  });

  it('lets the page call the engine over a port', async () => {
    const result = await page.evaluate(
      `new Promise((resolve) => {
        addEventListener('message', function listen(event) {
          if (event.source !== window || event.data !== 'nibble-port:engine') return;
          removeEventListener('message', listen);
          const [port] = event.ports;
          port.onmessage = ({ data }) => resolve(data);
          port.postMessage({ kind: 'call', id: 1, method: 'list', params: {} });
        });
        nibble.connect('engine');
      })`,
    );
    expect(result).toMatchObject({ kind: 'result', id: 1, result: { artifacts: [] } });
  });

  it('stays where it is and reaches nothing else', async () => {
    await page.evaluate(() => {
      (globalThis as unknown as { open: (url: string) => void }).open('https://example.org/');
    });
    expect(app.windows()).toHaveLength(1);
    const outcome = await page.evaluate(() =>
      fetch('https://example.org/').then(
        () => 'reached',
        () => 'refused',
      ),
    );
    expect(outcome).toBe('refused');
  });

  it('has an engine again after it was killed', async () => {
    const killed = await app.evaluate(({ app: electron }) => {
      const metric = electron.getAppMetrics().find(({ name }) => name === 'Nibble engine');
      if (metric !== undefined) process.kill(metric.pid, 'SIGKILL');
      return metric?.pid ?? null;
    });
    expect(killed).not.toBeNull();
    await expect
      .poll(
        () =>
          app.evaluate(
            ({ app: electron }) =>
              electron.getAppMetrics().find(({ name }) => name === 'Nibble engine')?.pid ?? null,
          ),
        { timeout: WAIT_MS },
      )
      .toSatisfy((pid: number | null) => pid !== null && pid !== killed);
  });
});
