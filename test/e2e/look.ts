// Opens a path of the app in headless Chromium and takes pictures of it: to look at what was made.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { sampleHub, startWebHost } from './web-host.ts';

const usage = `node test/e2e/look.ts [--path /library]... [--out DIR] [--home DIR] [--empty] [--themes light,dark]
  [--sizes 1280x800,900x600] [--wait MS] [--click "button:Name"]... [--language de]
  --home   kept between runs; filled with the sample model by 'nibble demo' when it is new (unless --empty)
  --click  after loading, clicks the element with that role and name; several in order
Prints console errors and axe violations (level AA).`;

const { values } = parseArgs({
  options: {
    path: { type: 'string', multiple: true, default: ['/'] },
    out: { type: 'string', default: 'test/results/look' },
    home: { type: 'string', default: '/tmp/nibble-look' },
    empty: { type: 'boolean', default: false },
    themes: { type: 'string', default: 'light,dark' },
    sizes: { type: 'string', default: '1280x800' },
    wait: { type: 'string', default: '600' },
    click: { type: 'string', multiple: true, default: [] },
    language: { type: 'string', default: 'en' },
    help: { type: 'boolean', default: false },
  },
});

async function click(page: Page, what: string): Promise<void> {
  const [role = 'button', ...name] = what.split(':');
  await page
    .getByRole(role as 'button', { name: name.join(':') })
    .first()
    .click({ timeout: 5000 });
  await page.waitForTimeout(300);
}

async function main(): Promise<void> {
  if (!existsSync(path.join(values.home, 'catalog.sqlite')) && !values.empty) {
    console.log(`Preparing ${values.home} with nibble demo`);
    spawnSync(
      process.execPath,
      [
        fileURLToPath(new URL('../../main/cli/cli.ts', import.meta.url)),
        '--home',
        values.home,
        'demo',
      ],
      { stdio: 'inherit' },
    );
  }
  mkdirSync(values.out, { recursive: true });
  const hub = await sampleHub();
  const host = await startWebHost({ home: values.home, hubEndpoint: hub.endpoint });
  const browser = await openBrowser();
  try {
    for (const theme of values.themes.split(','))
      for (const size of values.sizes.split(',')) {
        const [width = 1280, height = 800] = size.split('x').map(Number);
        const context = await browser.newContext({
          viewport: { width, height },
          colorScheme: theme === 'dark' ? 'dark' : 'light',
          locale: values.language,
          reducedMotion: 'reduce',
        });
        const page = await context.newPage();
        page.on('console', (message) => {
          if (['error', 'warning'].includes(message.type()))
            console.log(`  console ${message.type()}: ${message.text()}`);
        });
        page.on('pageerror', (error) => {
          console.log(`  page error: ${error.message}`);
        });
        await page.goto(host.url);
        for (const where of values.path) {
          await page.evaluate((hash) => {
            location.hash = hash;
          }, `#${where}`);
          await page.waitForTimeout(Number(values.wait));
          for (const what of values.click) await click(page, what);
          const name = where.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-$/g, '') || 'home';
          const file = path.join(values.out, `${name}-${theme}-${size}.png`);
          await page.screenshot({ path: file });
          console.log(file);
          const { violations } = await new AxeBuilder({ page })
            .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
            .analyze();
          for (const violation of violations) {
            console.log(`  axe ${violation.id}: ${violation.help}`);
            for (const node of violation.nodes.slice(0, 4))
              console.log(
                `    ${node.target.join(' ')}: ${node.failureSummary?.split('\n').slice(1).join(' ') ?? ''}`,
              );
          }
        }
        await context.close();
      }
  } finally {
    await browser.close();
    await host.close();
    await hub.close();
  }
}

if (values.help) console.log(usage);
else await main();
