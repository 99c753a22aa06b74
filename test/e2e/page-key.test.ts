import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { rendererDirectory } from '../../main/page/renderer-files.ts';
import { openEngine } from '../../main/processes/open-engine.ts';
import type { SupervisedEngine } from '../../main/processes/supervise-engine.ts';
import { newSecret } from '../../main/web/access.ts';
import { startWebHost, type WebHost } from '../../main/web/start-web-host.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { STEP_MS } from './app-page.ts';
import { openBrowser } from './browser.ts';

let browser: Browser;
let engine: SupervisedEngine;
beforeAll(async () => {
  browser = await openBrowser();
  engine = await openEngine({ home: path.join(await scratchFolder(), 'home') });
});
afterAll(async () => {
  await browser.close();
  await engine.close();
});

const start = (token: string, port = 0): Promise<WebHost> =>
  startWebHost({ engine, rendererDirectory: rendererDirectory(), version: '9.9.9', port, token });

describe('a tab of the app', () => {
  it('keeps its key out of the address, hands it to a new tab, and outlives restarts', async () => {
    const token = newSecret();
    const first = await start(token);
    const { port } = first;
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(STEP_MS);
    await page.goto(`${first.url}#/library`);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    expect(page.url()).toBe(`http://127.0.0.1:${port}/#/library`);
    const lost = page.getByText('The connection to Nibble was lost');
    const expired = page.getByText('This link has expired');
    expect([await lost.count(), await expired.count()]).toEqual([0, 0]);

    // A tab that was opened without a token asks the one that has the key.
    const second = await context.newPage();
    await second.goto(`http://127.0.0.1:${port}/#/settings`);
    await second
      .getByText(/onnxruntime [0-9]/)
      .first()
      .waitFor();
    await second.close();

    await first.close();
    await lost.waitFor();
    const again = await start(token, port);
    await lost.waitFor({ state: 'detached' });
    expect(await expired.count()).toBe(0);

    await again.close();
    const renewed = await start(newSecret(), port);
    await expired.waitFor();
    await context.close();
    await renewed.close();
  });
});
