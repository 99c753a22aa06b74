/// <reference lib="dom" />
// How smooth a conversation of 5,000 messages is: `node test/bench/chat-view.ts`.
// Needs a built renderer (`npm run build`). The conversation is written into a temporary catalog, opened in a headless
// Chromium and scrolled through: at reading speed, as fast as a wheel is spun, and by dragging the scroll bar.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { openCatalog } from '../../app/catalog/index.ts';
import { chatSampling, DEFAULT_MAX_TOKENS } from '../../app/contract/sampling.ts';
import { sampleModel } from '../../app/sample/index.ts';
import { openBrowser } from '../e2e/browser.ts';
import { sampleHub, startWebHost } from '../e2e/web-host.ts';

const MESSAGES = 5000;
/** A frame at 60 Hz, in ms; what is a little over it by the clock's grain was still in time. */
const FRAME_MS = 16.7;
const GRAIN_MS = 0.5;

const cli = fileURLToPath(new URL('../../main/cli/cli.ts', import.meta.url));

const answers = [
  'A short answer in one line.',
  'Two paragraphs of prose.\n\nThe second one has **bold** words, *slanted* ones, `code` and a [link](https://example.com), and it is long enough to be broken into several lines on every screen that is not very wide indeed.',
  '# Steps\n\n1. Read the file\n2. Find the largest magnitude of each block\n3. Divide and round\n\n- [x] done\n- [ ] open\n\n> The scale is stored beside the codes.',
  'The function:\n\n```ts\nexport function absmax(values: Float32Array): number {\n  let largest = 0;\n  // NaN is an error of the caller.\n  for (const value of values) largest = Math.max(largest, Math.abs(value));\n  return largest;\n}\n```\n\nIt reads each value once.',
  '| scheme | bits | error |\n|---|---|---|\n| NF4 | 4.13 | small |\n| int8 | 8.03 | tiny |\n| bf16 | 16 | none |\n\nThe table says it all.',
  'Prose that goes on. '.repeat(60),
] as const;

/** Writes a conversation of questions and answers; returns its id. */
function writeConversation(home: string): number {
  const catalog = openCatalog(path.join(home, 'catalog.sqlite'));
  try {
    const [artifact] = catalog.models.artifacts();
    if (artifact === undefined) throw new Error('The sample model was not quantized.');
    const now = new Date().toISOString();
    const { id } = catalog.conversations.create({
      artifactId: artifact.id,
      title: 'Five thousand messages',
      system: '',
      sampling: chatSampling({}),
      maxTokens: DEFAULT_MAX_TOKENS,
      now,
    });
    catalog.conversations.addMessages(
      id,
      null,
      Array.from({ length: MESSAGES }, (_, index) => {
        const isAnswer = index % 2 === 1;
        const turn = Math.floor(index / 2);
        return {
          role: isAnswer ? ('assistant' as const) : ('user' as const),
          // Every message differs, so that nothing is parsed once for all.
          content: isAnswer
            ? `Answer ${turn}. ${answers[turn % answers.length] ?? ''}`
            : `Question ${turn}: what happens to outliers?`,
          state: 'complete' as const,
          artifactId: isAnswer ? artifact.id : null,
          weightsSha256: isAnswer ? artifact.weightsSha256 : null,
          weightsCheck: isAnswer ? ('verified' as const) : null,
          statistics: isAnswer
            ? {
                stop: 'stop-token' as const,
                promptTokens: 40,
                cachedTokens: 0,
                generatedTokens: 60,
                prefillMs: 20,
                decodeMs: 600,
                timeToFirstTokenMs: 30,
                prefillRate: 2000,
                decodeRate: 100,
              }
            : null,
          error: null,
          createdAt: now,
        };
      }),
      { updatedAt: now },
    );
    return id;
  } finally {
    catalog.close();
  }
}

/** Scrolls up by `step` px in each of `frames` frames; returns the time of each frame in ms. */
function scrollFrames(page: Page, step: number, frames: number): Promise<number[]> {
  return page.evaluate(
    ({ step, frames }) =>
      new Promise<number[]>((resolve) => {
        const scroller = document.querySelector('.chat-scroller');
        const times: number[] = [];
        let before = performance.now();
        const next = (now: number): void => {
          times.push(now - before);
          before = now;
          scroller?.scrollBy(0, -step);
          if (times.length > frames) resolve(times.slice(1));
          else requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      }),
    { step, frames },
  );
}

/** Jumps to evenly spread places from top to bottom, as a dragged scroll bar does, one per frame. */
function dragFrames(page: Page, jumps: number): Promise<number[]> {
  return page.evaluate(
    (jumps) =>
      new Promise<number[]>((resolve) => {
        const scroller = document.querySelector('.chat-scroller');
        const times: number[] = [];
        let before = performance.now();
        const next = (now: number): void => {
          times.push(now - before);
          before = now;
          if (scroller !== null)
            scroller.scrollTop = (scroller.scrollHeight * times.length) / jumps;
          if (times.length > jumps) resolve(times.slice(1));
          else requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      }),
    jumps,
  );
}

/** A page of plain paragraphs, to tell what this machine's browser itself takes for scrolling. */
const plainPage = `<div class="chat-scroller" style="height:100vh;overflow:auto;font:15px/1.6 sans-serif">${Array.from(
  { length: MESSAGES },
  (_, index) =>
    `<p style="width:700px">Paragraph ${index}. ${'Prose that goes on. '.repeat(12)}</p>`,
).join('')}</div>`;

/** The kinds of scrolling: pixels and how many frames. */
const speeds = [
  { what: 'reading, 20 px a frame', step: 20, frames: 600 },
  { what: 'spinning, 120 px a frame', step: 120, frames: 400 },
  { what: 'flinging, 400 px a frame', step: 400, frames: 300 },
] as const;

/** Scrolls and prints frame times, and the work of the page's main thread in each frame: script, style and layout. */
async function trial(
  page: Page,
  what: string,
  scroll: () => Promise<readonly number[]>,
): Promise<void> {
  const session = await page.context().newCDPSession(page);
  // Time on the processor: other processes of this machine do not count.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? 0;
    return 1000 * (of('ScriptDuration') + of('LayoutDuration') + of('RecalcStyleDuration'));
  };
  const before = await busy();
  const times = await scroll();
  print(what, times, (await busy()) - before);
  await session.detach();
}

function print(what: string, times: readonly number[], busyMs: number): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  const late = times.filter((time) => time > FRAME_MS + GRAIN_MS).length / times.length;
  console.log(
    `${what}: ${times.length} frames, median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms, ${(late * 100).toFixed(1)} % over ${FRAME_MS} ms, ${(busyMs / times.length).toFixed(1)} ms of work a frame`,
  );
}

async function main(): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'nibble-chat-view-'));
  const made = spawnSync(
    process.execPath,
    [cli, '--home', home, 'quantize', sampleModel.directory, '--scheme', 'nf4-dq'],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(made.stderr);
  const id = writeConversation(home);
  const hub = await sampleHub();
  const host = await startWebHost({ home, hubEndpoint: hub.endpoint });
  const browser = await openBrowser();
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.goto(host.url);
    await page.getByRole('navigation').waitFor();
    const opening = await page.evaluate(
      (id) =>
        new Promise<number>((resolve) => {
          const began = performance.now();
          location.hash = `#/chat/${id}`;
          const look = (): void => {
            const rows = [...document.querySelectorAll('.chat-row')];
            const last = rows.at(-1);
            // Open: the newest message stands on the screen.
            if (
              last?.getAttribute('aria-posinset') === last?.getAttribute('aria-setsize') &&
              last !== undefined &&
              last.getBoundingClientRect().top < innerHeight
            )
              resolve(performance.now() - began);
            else requestAnimationFrame(look);
          };
          look();
        }),
      id,
    );
    const { rows, nodes } = await page.evaluate(() => ({
      rows: document.querySelectorAll('.chat-row').length,
      nodes: document.querySelectorAll('*').length,
    }));
    console.log(
      `${MESSAGES} messages: open after ${opening.toFixed(0)} ms, ${rows} of them and ${nodes} elements in the page`,
    );
    await page.waitForTimeout(1000);
    for (const { what, step, frames } of speeds)
      await trial(page, what, () => scrollFrames(page, step, frames));
    await trial(page, 'dragging the scroll bar', () => dragFrames(page, 200));
    await page.setContent(plainPage);
    await page.evaluate(() => document.querySelector('.chat-scroller')?.scrollTo(0, 1e9));
    await page.waitForTimeout(1000);
    for (const { what, step, frames } of speeds)
      await trial(page, `plain paragraphs, ${what}`, () => scrollFrames(page, step, frames));
  } finally {
    await browser.close();
    await host.close();
    await hub.close();
    await rm(home, { recursive: true, force: true });
  }
}

await main();
