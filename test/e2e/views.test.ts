// Every view in light and dark, in the smallest window: nothing that an accessibility checker finds, nothing cut off at
// the side, nothing in the console. And both languages.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
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
  ['Settings', '/settings', /Loaded models/],
];

const VIEWS_MS = 600_000;

const EIGHT_BITS = 'model-llm-int8';
const FOUR_BITS = 'model-nf4-dq';

let browser: Browser;
let hub: LocalHub;
let host: WebHostProcess;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'nibble-views-'));
  await runJson(['quantize', sampleModel.directory, '--scheme', 'llm-int8,nf4-dq'], { home });
  addOfNewerNibble();
  browser = await openBrowser();
  hub = await sampleHub({
    intercept: ({ url, headers }) => {
      if (url !== '/api/whoami-v2') return undefined;
      return headers['authorization'] === 'Bearer hf_right'
        ? { kind: 'answer', status: 200, body: '{"name":"someone"}' }
        : { kind: 'answer', status: 401 };
    },
  });
  host = await startWebHost({ home, hubEndpoint: hub.endpoint });
}, VIEWS_MS);
afterAll(async () => {
  await browser.close();
  await host.close();
  await hub.close();
  await rm(home, { recursive: true, force: true });
});

/** A version whose scheme is written in a way that this Nibble does not read; one with a name alone would be shown. */
function addOfNewerNibble(): void {
  const catalog = new Database(path.join(home, 'catalog.sqlite'));
  try {
    catalog.exec(`
      CREATE TEMP TABLE newer AS SELECT * FROM artifacts WHERE id = '${FOUR_BITS}';
      UPDATE newer SET id = 'model-nf3', name = 'model-nf3', scheme = '{"nf":3}', directory = directory || '-nf3';
      INSERT INTO artifacts SELECT * FROM newer;
    `);
  } finally {
    catalog.close();
  }
}

/** Changes one bit of the last byte, as a disk may. */
async function damageByte(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, size - 1);
    await handle.write(Buffer.from([byte.readUInt8() ^ 1]), 0, 1, size - 1);
  } finally {
    await handle.close();
  }
}

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
    'selects and renames with keys, names what a newer Nibble made, and marks damaged files',
    async () => {
      const app = await openApp(browser, host.url);
      const { page } = app;
      try {
        await app.go('/library');
        await page.getByText('1 entry was made by a newer Nibble').waitFor();
        const row = page.getByRole('row', { name: EIGHT_BITS });
        await row.waitFor();
        await page.keyboard.press('ControlOrMeta+a');
        await page.getByText('2 selected').waitFor();
        await page.keyboard.press('Escape');
        await page.getByText('2 selected').waitFor({ state: 'detached' });
        await row.focus();
        await page.keyboard.press('F2');
        await page.getByRole('dialog', { name: `Rename ${EIGHT_BITS}` }).waitFor();
        await page.keyboard.press('Escape');

        await damageByte(path.join(home, 'artifacts', EIGHT_BITS, 'model.safetensors'));
        await app.go(`/library/${EIGHT_BITS}`);
        await page.getByRole('button', { name: 'Verify' }).click();
        await page.getByText('files changed on disk').waitFor();
        await page.getByRole('link', { name: 'Create again' }).waitFor();
        await app.go('/jobs');
        await page.getByText('damage found').waitFor();
        // The mark belongs to the model, not to the job that found it.
        await page.getByRole('button', { name: `Remove ${EIGHT_BITS} from the list` }).click();
        await page.getByText('damage found').waitFor({ state: 'detached' });
        await app.go('/library');
        await row.getByText('1 file changed or missing').waitFor();
        await app.go(`/chat?with=${EIGHT_BITS}`);
        await page.getByRole('img', { name: 'Files are damaged' }).waitFor();
        await app.expectAccessible('Chat: a damaged model');
        await app.go(`/compare?with=${FOUR_BITS}&with=${EIGHT_BITS}`);
        await page.getByRole('img', { name: 'Files are damaged' }).waitFor();
        await app.expectAccessible('Compare: a damaged model');
        app.expectQuiet();
      } finally {
        await app.close();
      }
    },
    VIEWS_MS,
  );

  it(
    'says that a token is refused, takes the right one from the same form, and whose it is',
    async () => {
      const app = await openApp(browser, host.url);
      const { page } = app;
      try {
        await app.go('/settings?section=hub');
        await page.getByRole('button', { name: 'Add token' }).click();
        const token = page.getByLabel('Token', { exact: true });
        await token.fill('hf_wrong');
        await token.press('Enter');
        await page.getByText(/refuses the token/).waitFor();
        await token.fill('hf_right');
        await token.press('Enter');
        await page.getByText('It belongs to someone').waitFor();
        await page.getByText('A token is in use').waitFor();
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
