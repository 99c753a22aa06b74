// Pictures of every view for the documentation: `npm run screenshots`. Light and dark, 1280x800 and 900x600, as WebP
// under docs/screenshots. The models, the chat and the comparison in them are made on the spot with the sample model.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { openApp, type Theme } from './app-page.ts';
import { openBrowser } from './browser.ts';
import { sampleHub, startWebHost } from './web-host.ts';

const target = fileURLToPath(new URL('../../docs/screenshots', import.meta.url));
const cli = fileURLToPath(new URL('../../main/cli/cli.ts', import.meta.url));

/** Text stays readable, and a picture takes some 25 kB. */
const WEBP_QUALITY = 62;

const sizes = [
  [1280, 800],
  [900, 600],
] as const;

const STORY = 'Write a story about a girl named Clara who builds a kite.';

type Go = (path: string) => Promise<void>;
interface Picture {
  readonly name: string;
  readonly show: (page: Page, go: Go) => Promise<void>;
}

async function settle(page: Page): Promise<void> {
  await page.waitForTimeout(700);
}

const pictures: readonly Picture[] = [
  { name: 'home', show: (_, go) => go('/') },
  {
    name: 'get',
    show: async (page, go) => {
      await go('/get/nibble%2Fsample');
      await page.getByRole('table', { name: 'Versions to create' }).waitFor();
    },
  },
  {
    name: 'library',
    show: async (page, go) => {
      await go('/library');
      await page.getByRole('grid').waitFor();
    },
  },
  {
    name: 'details-error',
    show: async (page, go) => {
      await go('/library/sample-nf4-dq');
      await page
        .getByText(/lost most/)
        .first()
        .waitFor();
    },
  },
  {
    name: 'details-weights',
    show: async (page, go) => {
      await go('/library/sample-nf4-dq');
      await page.getByRole('tab', { name: 'Weights' }).click();
      await page.locator('figure svg').first().waitFor();
      await page.locator('figure').first().scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'chat',
    show: async (page, go) => {
      // The first of the two that `prepare` has led.
      await go('/chat/1');
      await page.getByRole('article', { name: 'Answer' }).first().waitFor();
    },
  },
  {
    name: 'compare',
    show: async (page, go) => {
      await go('/compare');
      await page.getByRole('tab', { name: /Saved/ }).click();
      await page.getByRole('list', { name: 'Saved comparisons' }).getByRole('link').first().click();
      await page.getByText(/they differ/i).waitFor();
      await page.getByRole('button', { name: 'Go to the first difference' }).click();
      await page.keyboard.press('Enter');
      await page.getByRole('region', { name: 'Probabilities at this position' }).waitFor();
    },
  },
  {
    name: 'compare-text',
    show: async (page, go) => {
      await go('/compare?with=sample-bf16&with=sample-nf4-dq');
      await page.getByRole('tab', { name: 'Score a text' }).click();
      await page
        .getByRole('textbox', { name: 'Text' })
        .fill(
          'NF4 is a 4 bit data type with 16 levels that are placed as a normal distribution would have them. Clara had wanted a kite for a long time, and one morning she decided to build one. She gathered boards and rope and worked until evening.',
        );
      await page.getByRole('button', { name: 'Score', exact: true }).click();
      const coloured = page.getByRole('region', { name: 'The text, coloured' });
      await coloured.waitFor();
      await coloured.scrollIntoViewIfNeeded();
    },
  },
  { name: 'jobs', show: (_, go) => go('/jobs') },
  {
    name: 'settings',
    show: async (page, go) => {
      await go('/settings');
      // In a low window the devices lie below the fold.
      await page.getByRole('radiogroup', { name: 'Compute device' }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'palette',
    show: async (page, go) => {
      await go('/');
      await page.keyboard.press('ControlOrMeta+k');
      await page.getByRole('dialog').waitFor();
    },
  },
];

async function shoot(page: Page, file: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp',
    quality: WEBP_QUALITY,
  });
  await writeFile(file, Buffer.from(data, 'base64'));
}

/** A chat and a finished job, as a person would have them. */
async function prepare(browser: Browser, url: string): Promise<void> {
  const { page, go, close } = await openApp(browser, url);
  await go('/get/nibble%2Fsample');
  const table = page.getByRole('table', { name: 'Versions to create' });
  await table
    .getByRole('checkbox', { name: 'int8 absmax' })
    .locator('xpath=ancestor::label[1]')
    .click();
  await page.getByRole('button', { name: 'Create 8-bit version' }).click();
  await page.getByRole('heading', { name: 'Done' }).waitFor();
  for (const questions of [['What is NF4?', 'What is double quantization?'], [STORY]]) {
    await go('/chat?with=sample-nf4-dq');
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    for (const [index, question] of questions.entries()) {
      await page.getByRole('textbox', { name: 'Message' }).fill(question);
      await page.getByRole('button', { name: 'Send' }).click();
      // An answer tells its speed when it is complete.
      const answer = page.getByRole('article', { name: 'Answer' }).nth(index);
      await answer
        .getByText(/tokens\/s/)
        .first()
        .waitFor();
    }
  }
  await close();
}

async function main(): Promise<void> {
  const only = process.argv.slice(2);
  await mkdir(target, { recursive: true });
  const home = await mkdtemp(path.join(tmpdir(), 'nibble-screenshots-'));
  const { status } = spawnSync(process.execPath, [cli, '--home', home, 'demo'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('nibble demo failed.');
  const hub = await sampleHub();
  const host = await startWebHost({ home, hubEndpoint: hub.endpoint });
  const browser = await openBrowser();
  try {
    await prepare(browser, host.url);
    for (const theme of ['light', 'dark'] satisfies Theme[])
      for (const [width, height] of sizes) {
        const { page, go, close } = await openApp(browser, host.url, { theme, width, height });
        for (const { name, show } of pictures) {
          if (only.length > 0 && !only.includes(name)) continue;
          await go('/');
          await show(page, go);
          await settle(page);
          const file = `${name}-${theme}-${width}x${height}.webp`;
          await shoot(page, path.join(target, file));
          console.log(file);
          await page.keyboard.press('Escape');
        }
        await close();
      }
  } finally {
    await browser.close();
    await host.close();
    await hub.close();
    await rm(home, { recursive: true, force: true });
  }
}

await main();
