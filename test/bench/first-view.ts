// How large the renderer is and how soon its first view can be used: `node test/bench/first-view.ts`.
// Needs a built renderer (`npm run build`). The engine runs with an empty home; every start is a new browser context.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { formatBytes } from '../../app/contract/format.ts';
import { openBrowser } from '../e2e/browser.ts';
import { sampleHub, startWebHost } from '../e2e/web-host.ts';

/** A median needs an odd number; five are enough to see the spread. */
const RUNS = 5;

const built = fileURLToPath(new URL('../../dist/renderer', import.meta.url));

/** Bytes of every script and style, gzipped one by one as a server would. */
async function bundleBytes(): Promise<{ all: number; first: number }> {
  const html = await readFile(path.join(built, 'index.html'), 'utf8');
  let all = 0;
  let first = 0;
  for (const name of await readdir(path.join(built, 'assets'))) {
    if (!/\.(?:js|css)$/.test(name)) continue;
    const size = gzipSync(await readFile(path.join(built, 'assets', name))).byteLength;
    all += size;
    if (html.includes(name)) first += size;
  }
  return { all, first };
}

async function main(): Promise<void> {
  const { all, first } = await bundleBytes();
  console.log(
    `bundle, gzipped: ${formatBytes(all)} in all, ${formatBytes(first)} for the first view`,
  );
  const home = await mkdtemp(path.join(tmpdir(), 'nibble-first-view-'));
  const hub = await sampleHub();
  const host = await startWebHost({ home, hubEndpoint: hub.endpoint });
  const browser = await openBrowser();
  const times: number[] = [];
  try {
    for (let run = 0; run < RUNS; run++) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      await page.goto(host.url, { waitUntil: 'commit' });
      // Interactive: the main action is there, and the thread is free to answer a click on it.
      await page.getByRole('main').getByRole('heading').first().waitFor();
      await page.locator('main button:enabled, main a[href]').first().waitFor();
      times.push(
        await page.evaluate(
          () =>
            new Promise<number>((resolve) => {
              setTimeout(() => {
                resolve(performance.now());
              });
            }),
        ),
      );
      await context.close();
    }
  } finally {
    await browser.close();
    await host.close();
    await hub.close();
    await rm(home, { recursive: true, force: true });
  }
  times.sort((a, b) => a - b);
  console.log(
    `first view interactive, ms: median ${Math.round(times[Math.floor(RUNS / 2)] ?? 0)} of ${times.map(Math.round).join(', ')}`,
  );
}

await main();
