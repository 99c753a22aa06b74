// What goes wrong in the world, seen from the window: the view says what happened, offers the next step, and nothing
// is lost.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LocalHub } from '../../app/local-hub/index.ts';
import type { Intercept } from '../fixtures/hub/fault.ts';
import { sampleModel } from '../../app/sample/index.ts';
import { Gate } from '../fixtures/gate.ts';
import { contentOf } from '../fixtures/hub/hub-faults.ts';
import { canMount } from '../fixtures/small-disk.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';
import { WAIT_MS } from '../fixtures/wait.ts';
import { openApp, type AppPage } from './app-page.ts';
import { openBrowser } from './browser.ts';
import { mouse } from './person.ts';
import { sampleHub, startWebHost, type WebHostProcess } from './web-host.ts';

const REPOSITORY = 'acme/storyteller';

/** Each fault needs a job or an answer before it and one after it. */
const FAULT_MS = 600_000;

let browser: Browser;
let hub: LocalHub;
/** What the hub does wrong just now. */
let trouble: Intercept | null = null;

beforeAll(async () => {
  browser = await openBrowser();
  hub = await sampleHub({
    repositories: { [REPOSITORY]: { directory: sampleModel.directory } },
    intercept: (request) => trouble?.(request),
  });
});
afterAll(async () => {
  await browser.close();
  await hub.close();
});

let home: string;
let host: WebHostProcess;
let app: AppPage;

async function start(
  directory: string,
  stop?: Parameters<typeof startWebHost>[0]['stop'],
): Promise<void> {
  host = await startWebHost({
    home: directory,
    hubEndpoint: hub.endpoint,
    ...(stop === undefined ? {} : { stop }),
  });
  app = await openApp(browser, host.url);
}

beforeEach(async () => {
  trouble = null;
  home = await mkdtemp(path.join(tmpdir(), 'nibble-faults-'));
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail')
    await app.page.screenshot({ path: path.join(tmpdir(), 'nibble-e2e-fault.png') });
  await app.close();
  await host.close();
  await rm(home, { recursive: true, force: true });
});

/** Processes that descend from `pid` and whose command line has `part` in it. */
function descendants(pid: number, part: string): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const isBelow = (id: number): boolean => {
    for (let at = id; at > 1; at = parents.get(at) ?? 0) if (at === pid) return true;
    return false;
  };
  return [...parents.keys()].filter((id) => {
    try {
      return (
        id !== pid && isBelow(id) && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(part)
      );
    } catch {
      return false;
    }
  });
}

/** Whether the process was stopped by SIGSTOP. */
function isStopped(id: number): boolean {
  try {
    const status = readFileSync(`/proc/${id}/stat`, 'utf8');
    return status.slice(status.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
}

/** Waits for the process with `part` in its command line that stops itself. @returns its id */
async function stopped(part: string): Promise<number> {
  const find = (): number[] => descendants(host.child.pid ?? 0, part).filter(isStopped);
  await expect.poll(find, { timeout: WAIT_MS, interval: 20 }).toHaveLength(1);
  return find()[0] ?? 0;
}

/** Kills the one process with `part` in its command line. */
async function kill(part: string): Promise<void> {
  const find = (): number[] => descendants(host.child.pid ?? 0, part);
  await expect.poll(find, { timeout: WAIT_MS, interval: 5 }).toHaveLength(1);
  process.kill(find()[0] ?? 0, 'SIGKILL');
}

/** Makes the versions of the repository that are ticked by default, up to pressing the button. */
async function beginJob(source = REPOSITORY): Promise<void> {
  await app.go(`/get/${encodeURIComponent(source)}`);
  await mouse().press(app.page.getByRole('button', { name: 'Create 4-bit version' }));
}

function done(): Promise<void> {
  return app.page.getByRole('heading', { name: 'Done' }).waitFor({ timeout: FAULT_MS });
}

describe.skipIf(process.platform !== 'linux')(
  'in the window (finds processes as Linux lists them)',
  () => {
    it(
      'a runner that is killed in mid-answer leaves what it said, and the answer can be had again',
      async () => {
        const asked = path.join(home, 'asked');
        await start(path.join(home, 'data'), {
          role: 'runner-process',
          moment: 'events:5',
          after: asked,
        });
        await beginJob();
        await done();
        const { page } = app;
        await mouse().press(page.getByRole('main').getByRole('link', { name: /Chat/ }).first());
        await page
          .getByRole('textbox', { name: 'Message' })
          .fill('Tell me a long story about a fox and an owl.');
        await writeFile(asked, '');
        await page.getByRole('button', { name: 'Send' }).click();
        const answer = page.getByRole('article', { name: 'Answer' }).last();
        const runner = await stopped('runner-process');
        await answer.getByText(/\w/).first().waitFor();
        await rm(asked);
        process.kill(runner, 'SIGKILL');
        const alert = page.getByRole('alert');
        await alert.waitFor();
        await expect
          .poll(() => alert.innerText(), { timeout: WAIT_MS })
          .toContain('The model’s process ended');
        await app.expectAccessible('Chat: a runner that died');
        await alert.getByRole('button', { name: 'Regenerate' }).click();
        await page
          .getByText(/tokens\/s/)
          .first()
          .waitFor();
        // A reload shows what the catalog has: both answers, as branches.
        await page.reload();
        await page.getByRole('group', { name: '2 of 2' }).waitFor();
      },
      FAULT_MS,
    );

    it(
      'a hub that goes away in mid-download leaves a job that can be tried again',
      async () => {
        await start(home);
        const isWeights = contentOf('.safetensors');
        let requests = 0;
        trouble = (request) => {
          if (requests > 0) return { kind: 'hang-up' };
          if (!isWeights(request)) return undefined;
          requests++;
          return { kind: 'truncate', afterBytes: 5_000_000 };
        };
        await beginJob();
        const { page } = app;
        await page.getByText('No connection to the hub').first().waitFor({ timeout: FAULT_MS });
        await app.expectAccessible('Get: the hub is gone');
        trouble = null;
        await page
          .getByRole('button', { name: /Try again/ })
          .first()
          .click();
        await done();
      },
      FAULT_MS,
    );

    it(
      'an engine that is killed with a job running is started again, and the job resumes',
      async () => {
        await start(home);
        const isWeights = contentOf('.safetensors');
        const gate = new Gate();
        gate.close();
        const isAsked = Promise.withResolvers<undefined>();
        trouble = (request) => {
          if (!isWeights(request)) return undefined;
          isAsked.resolve(undefined);
          return gate.holdFile(1_000_000);
        };
        await beginJob();
        const { page } = app;
        await page.getByRole('button', { name: /Pause/ }).first().waitFor();
        await isAsked.promise;
        await kill('engine-process');
        await page.getByText(/engine was restarted/).waitFor();
        trouble = null;
        await app.go('/jobs');
        await page
          .getByText('Nibble ended while this was running. Resume to continue where it left off.')
          .waitFor();
        await app.expectAccessible('Jobs: interrupted');
        await page
          .getByRole('button', { name: /Resume/ })
          .first()
          .click();
        // Its line can be unfolded once it has ended.
        await page.getByRole('button', { name: /Create 1 version/ }).click({ timeout: FAULT_MS });
        await page.getByRole('link', { name: /Chat with/ }).waitFor();
      },
      FAULT_MS,
    );
  },
);

/** Room for the engine's margin, and little more: the ballast fills the rest. */
const DISK_BYTES = 300_000_000;

describe.skipIf(!canMount)('on a small disk of its own (needs root on Linux, to mount it)', () => {
  it(
    'a disk that is full in mid-quantize holds the job still until there is room',
    async () => {
      const disk = path.join(home, 'disk');
      const checkpoint = path.join(home, 'checkpoint');
      await mkdir(disk);
      // Some 200 MB.
      await writeTinyCheckpoint(checkpoint, {
        layers: 12,
        hiddenSize: 1024,
        intermediateSize: 4096,
        heads: 16,
        kvHeads: 4,
      });
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', disk]);
      try {
        await start(path.join(disk, 'home'), { role: 'engine-process', moment: 'partial' });
        const { page } = app;
        await beginJob(checkpoint);
        // It has begun, so the check before the start is past; now the disk fills up behind its back.
        const engine = await stopped('engine-process');
        const ballast = path.join(disk, 'ballast');
        try {
          await fill(ballast);
        } finally {
          process.kill(engine, 'SIGCONT');
        }
        await page
          .getByText(/waiting for disk space|The disk is full/)
          .first()
          .waitFor();
        await app.expectAccessible('Get: the disk is full');
        await rm(ballast);
        // It goes on by itself, or where it had failed at once, after a click.
        const again = page.getByRole('button', { name: /Try again/ }).first();
        const finished = page.getByRole('heading', { name: 'Done' });
        await again.or(finished).first().waitFor({ timeout: FAULT_MS });
        if (await again.isVisible()) await again.click();
        await done();
        await app.close();
        await host.close();
      } finally {
        execFileSync('umount', ['-l', disk]);
      }
    },
    FAULT_MS,
  );
});

/** Writes until the disk has no room left. */
async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w');
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  try {
    for (;;) await handle.write(zeros);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await handle.close();
  }
}
