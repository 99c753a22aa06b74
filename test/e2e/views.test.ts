// Every view in light and dark, in the smallest window: nothing that an accessibility checker finds, nothing cut off at
// the side, nothing in the console. And both languages.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalHub } from '../../app/local-hub/index.ts';
import { sampleModel } from '../../app/sample/index.ts';
import { runJson } from '../fixtures/run-cli.ts';
import { openApp, type Theme } from './app-page.ts';
import { openBrowser } from './browser.ts';
import { sampleHub, startWebHost, type WebHostProcess } from './web-host.ts';

/** Paths, and the words by which one sees that the view is there. */
const views: [string, string, RegExp][] = [
  ['Home', '/', /What this computer can hold/],
  ['Get: search', '/get', /Without a search/],
  ['Get: a model', '/get/nibble%2Fsample', /Bits per weight/],
  ['Library', '/library', /model-nf4-dq/],
  ['Details: error', '/library/model-nf4-dq', /lost most/],
  ['Details: weights', '/library/model-nf4-dq/weights', /16 levels/],
  ['Details: tensors', '/library/model-nf4-dq/tensors', /model\.embed_tokens\.weight/],
  ['Details: a checkpoint', '/library/model', /model-llm-int8/],
  ['Chat', '/chat', /What would you like to ask/],
  ['Compare', '/compare', /Set up|Answers/],
  ['Jobs', '/jobs', /Nothing is running/],
  ['Settings', '/settings', /Models kept loaded/],
];

const VIEWS_MS = 600_000;

let browser: Browser;
let hub: LocalHub;
let host: WebHostProcess;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'nibble-views-'));
  await runJson(['quantize', sampleModel.directory, '--scheme', 'llm-int8,nf4-dq'], { home });
  browser = await openBrowser();
  hub = await sampleHub();
  host = await startWebHost({ home, hubEndpoint: hub.endpoint });
}, VIEWS_MS);
afterAll(async () => {
  await browser.close();
  await host.close();
  await hub.close();
  await rm(home, { recursive: true, force: true });
});

describe('every view', () => {
  it.each(['light', 'dark'] satisfies Theme[])(
    'is accessible and whole in %s, at 900 x 600',
    async (theme) => {
      const app = await openApp(browser, host.url, { theme, width: 900, height: 600 });
      try {
        for (const [name, where, words] of views) {
          await app.go(where);
          await app.page.getByRole('main').getByText(words).first().waitFor();
          await app.expectAccessible(name);
          const overflow = await app.page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          expect(overflow, name).toBe(0);
          app.expectQuiet();
        }
        for (const [keys, role] of [
          ['ControlOrMeta+k', 'Commands'],
          ['Shift+?', 'Keyboard shortcuts'],
        ] as const) {
          await app.go('/jobs');
          await app.page.getByRole('main').focus();
          await app.page.keyboard.press(keys);
          await app.page.getByRole('dialog', { name: role }).waitFor();
          await app.expectAccessible(role);
          await app.page.keyboard.press('Escape');
        }
        app.expectQuiet();
      } finally {
        await app.close();
      }
    },
    VIEWS_MS,
  );

  it(
    'speaks German when it is asked to',
    async () => {
      const app = await openApp(browser, host.url);
      try {
        await app.go('/settings');
        await app.page.getByRole('radio', { name: 'Deutsch' }).click();
        await app.page.getByRole('link', { name: 'Bibliothek' }).click();
        await app.page.getByRole('heading', { name: 'Bibliothek' }).waitFor();
        expect(await app.page.locator('html').getAttribute('lang')).toBe('de');
        await app.page.getByRole('link', { name: 'Einstellungen' }).click();
        await app.page.getByRole('radio', { name: 'English' }).click();
        await app.page.getByRole('link', { name: 'Library' }).waitFor();
        app.expectQuiet();
      } finally {
        await app.close();
      }
    },
    VIEWS_MS,
  );
});
