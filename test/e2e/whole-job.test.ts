// The whole job in a real browser: get a model from a hub, make two versions, look at what they lost, chat, compare,
// vote blindly, export, delete. With the mouse in light and dark, and once with nothing but a keyboard.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalHub } from '../../app/local-hub/index.ts';
import { sampleModel } from '../../app/sample/index.ts';
import { openApp, type AppPage, type Theme } from './app-page.ts';
import { openBrowser } from './browser.ts';
import { keyboard, mouse, type Hands } from './person.ts';
import { sampleHub, startWebHost, type WebHostProcess } from './web-host.ts';

const REPOSITORY = 'acme/storyteller';

/** Three processes, two quantizations and a dozen answers on a machine that may be busy. */
const JOB_MS = 600_000;

/** Each time it is more likely than not that the key is pressed in time, on a busy machine too. */
const STOP_ATTEMPTS = 20;

let browser: Browser;
let hub: LocalHub;

beforeAll(async () => {
  browser = await openBrowser();
  hub = await sampleHub({ repositories: { [REPOSITORY]: { directory: sampleModel.directory } } });
});
afterAll(async () => {
  await browser.close();
  await hub.close();
});

/** Everything one run works with. */
interface Run {
  readonly app: AppPage;
  readonly page: Page;
  readonly hands: Hands;
}

async function getModel({ app, page, hands }: Run): Promise<void> {
  await page.getByRole('heading', { name: 'Language models, made to fit this computer' }).waitFor();
  await app.expectAccessible('Home, first run');
  await hands.press(page.getByRole('main').getByRole('link', { name: 'Get a model' }).first());
  const search = page.getByRole('searchbox', {
    name: 'Search the hub, or paste a name or address',
  });
  await hands.write(search, 'storyteller');
  const result = page
    .getByRole('link', { name: REPOSITORY })
    .or(page.getByRole('row', { name: REPOSITORY }));
  await result.first().waitFor();
  await app.expectAccessible('Get: search');
  await hands.choose(result.first());
  // Everything about it, before a byte of its weights is here.
  const table = page.getByRole('table', { name: 'Versions to create' });
  await table.waitFor();
  expect(await table.getByRole('row').count()).toBe(1 + 9);
  await expectText(page, 'LlamaForCausalLM');
  await expectText(page, '7.34 M');
  await app.expectAccessible('Get: what to make');
  await hands.press(table.getByRole('checkbox', { name: 'LLM.int8' }));
  await hands.press(page.getByRole('button', { name: 'Create 2 versions' }));
  await page.getByRole('heading', { name: 'Done' }).waitFor({ timeout: JOB_MS });
  await app.expectAccessible('Get: done');
}

async function expectText(page: Page, text: string): Promise<void> {
  await page
    .getByRole('main')
    .getByText(text.replace(' ', ' '))
    .or(page.getByRole('main').getByText(text))
    .first()
    .waitFor();
}

/** The ids of the two versions that the run has made. */
const FOUR_BITS = 'storyteller-nf4-dq';
const EIGHT_BITS = 'storyteller-llm-int8';

async function lookAtDetails({ app, page, hands }: Run): Promise<void> {
  await app.go('/library');
  const details = page.getByRole('link', { name: `Details of ${FOUR_BITS}` });
  await details.waitFor();
  await app.expectAccessible('Library');
  await hands.openRow(page.getByRole('row', { name: FOUR_BITS }), details);
  await page.getByRole('tab', { name: 'Error' }).waitFor();
  await page
    .getByRole('img', { name: /lost most/ })
    .or(page.getByText(/lost most/))
    .first()
    .waitFor();
  await app.expectAccessible('Details: error');
  for (const name of ['Weights', 'Tensors', 'Evaluations']) {
    await hands.choose(page.getByRole('tab', { name }));
    await page.getByRole('tabpanel', { name }).waitFor();
    if (name === 'Weights') await page.locator('figure svg').first().waitFor();
    await app.expectAccessible(`Details: ${name}`);
  }
}

/** Stops an answer with Escape. The sample model can be done before the key is pressed: then it is asked again. */
async function stopAnswer(page: Page, hands: Hands): Promise<void> {
  const answer = page.getByRole('article', { name: 'Answer' }).last();
  const stopped = page.getByText('stopped by you');
  const send = page.getByRole('button', { name: 'Send' });
  for (let attempt = 0; attempt < STOP_ATTEMPTS; attempt++) {
    await page.keyboard.press('Escape');
    // Once an answer has ended it says how; one that was stopped before its first word has no rate.
    await stopped
      .or(answer.getByText(/tokens\/s/))
      .first()
      .waitFor();
    if ((await stopped.count()) > 0) return;
    await hands.press(page.getByRole('button', { name: 'Regenerate' }).last());
    // Hidden while an answer is written, which may be over before anyone looks.
    await send.waitFor({ state: 'hidden', timeout: 2000 }).catch(() => undefined);
  }
  throw new Error('No answer could be stopped.');
}

async function chat({ app, page, hands }: Run): Promise<void> {
  await hands.press(page.getByRole('link', { name: 'Chat', exact: true }).last());
  const composer = page.getByRole('textbox', { name: 'Message' });
  await composer.waitFor();
  await app.expectAccessible('Chat: new');
  await hands.write(composer, 'What is NF4?');
  await hands.press(page.getByRole('button', { name: 'Send' }));
  const answers = page.getByRole('article', { name: 'Answer' });
  await page
    .getByText(/tokens\/s/)
    .first()
    .waitFor();
  const first = await answers.last().innerText();
  expect(first.length).toBeGreaterThan(20);
  await app.expectAccessible('Chat: answered');
  // Answered anew: the first answer stays as a branch.
  await hands.press(page.getByRole('button', { name: 'Regenerate' }).last());
  await page.getByRole('group', { name: '2 of 2' }).waitFor();
  await page.getByRole('button', { name: 'Send' }).waitFor();
  await hands.press(page.getByRole('button', { name: 'Previous version' }).last());
  await page.getByRole('group', { name: '1 of 2' }).waitFor();
  expect(await answers.last().innerText()).toContain(first.split('\n')[1] ?? first);
  // Stopped in the middle: what was said until then stays.
  await hands.write(composer, 'Write a story about a girl named Clara who builds a kite.');
  await hands.press(page.getByRole('button', { name: 'Send' }));
  await answers.nth(1).waitFor();
  await stopAnswer(page, hands);
  await app.expectAccessible('Chat: stopped');
}

async function exportChat({ page, hands }: Run): Promise<void> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    hands.take(
      page.getByRole('button', { name: 'Export', exact: true }),
      page.getByRole('menuitem', { name: 'Export as Markdown' }),
    ),
  ]);
  expect(download.suggestedFilename()).toMatch(/\.md$/);
  const text = await readFile(await download.path(), 'utf8');
  expect(text).toContain('What is NF4?');
}

const PROMPT = 'Write a story about a girl named Clara who builds a kite.';

async function compare({ app, page, hands }: Run): Promise<void> {
  await app.go(`/compare?with=${EIGHT_BITS}&with=${FOUR_BITS}`);
  const prompt = page.getByRole('textbox', { name: 'Prompt' });
  await prompt.waitFor();
  await app.expectAccessible('Compare: set up');
  await hands.write(prompt, PROMPT);
  await hands.press(page.getByRole('button', { name: 'Compare', exact: true }));
  await page.getByText(/they differ/i).waitFor();
  // Each column names the weights that speak.
  for (const id of [EIGHT_BITS, FOUR_BITS])
    await page
      .getByRole('article', { name: `Answer of ${id}` })
      .or(page.getByRole('region', { name: `Answer of ${id}` }))
      .or(page.getByRole('group', { name: `Answer of ${id}` }))
      .first()
      .waitFor();
  await hands.press(page.getByRole('button', { name: 'Go to the first difference' }));
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Probabilities at this position' }).waitFor();
  await app.expectAccessible('Compare: distributions');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    hands.take(
      page.getByRole('button', { name: 'Export the comparison' }),
      page.getByRole('menuitem', { name: 'Report as HTML' }),
    ),
  ]);
  const report = await readFile(await download.path(), 'utf8');
  expect(report).toContain('Clara');
  expect(report).not.toMatch(/<script/i);
}

async function voteBlindly({ app, page, hands }: Run): Promise<void> {
  await hands.press(page.getByRole('button', { name: 'Close the distributions' }));
  await hands.press(page.getByRole('button', { name: 'New comparison' }));
  await hands.write(page.getByRole('textbox', { name: 'Prompt' }), 'What is NF4?');
  await hands.press(page.getByRole('switch', { name: 'Blind' }));
  await hands.press(page.getByRole('button', { name: 'Compare', exact: true }));
  const vote = page.getByRole('group', { name: 'Which answer is better?' });
  await vote.waitFor();
  // Nothing about the answers says which is which.
  const shown = await page
    .getByRole('region', { name: 'What is NF4?' })
    .evaluate((answers) => answers.outerHTML);
  for (const trace of [FOUR_BITS, EIGHT_BITS, 'bits-4', 'bits-8', 'tokens/s'])
    expect(shown.includes(trace), trace).toBe(false);
  await app.expectAccessible('Compare: blind');
  await hands.press(vote.getByRole('button').first());
  await page.getByText(/You preferred A/).waitFor();
  await hands.choose(page.getByRole('tab', { name: 'Votes' }));
  await page.getByText(/in (?:0|1) of 1 vote that chose/).waitFor();
  await app.expectAccessible('Compare: votes');
}

async function readText({ app, page, hands }: Run): Promise<void> {
  await hands.choose(page.getByRole('tab', { name: 'Score a text' }));
  await hands.write(
    page.getByRole('textbox', { name: 'Text' }),
    'NF4 is a way to store a weight in four bits. Clara had wanted a kite for a long time.',
  );
  await hands.press(page.getByRole('button', { name: 'Score', exact: true }));
  await page.getByRole('region', { name: 'The text, coloured' }).waitFor();
  await app.expectAccessible('Compare: a text');
}

async function deleteModel({ app, page, hands }: Run): Promise<void> {
  await app.go('/library');
  await hands.deleteRow(
    page.getByRole('row', { name: FOUR_BITS }),
    page.getByRole('button', { name: `More actions for ${FOUR_BITS}` }),
    page.getByRole('menuitem', { name: 'Delete…' }),
  );
  const dialog = page.getByRole('alertdialog', { name: /^Delete/ });
  await dialog.waitFor();
  await app.expectAccessible('Library: delete');
  await hands.press(dialog.getByRole('button', { name: 'Move to trash' }));
  await page.getByRole('link', { name: `Details of ${FOUR_BITS}` }).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: `Details of ${EIGHT_BITS}` }).waitFor();
}

describe('the whole job', () => {
  const runs: [string, Theme, (page: Page) => Hands][] = [
    ['the mouse, in light', 'light', mouse],
    ['the mouse, in dark', 'dark', mouse],
    ['the keyboard alone', 'light', keyboard],
  ];
  it.each(runs)(
    'is done with %s',
    async (_, theme, handsOf) => {
      const home = await mkdtemp(path.join(tmpdir(), 'nibble-e2e-'));
      // Deleted models go to a trash of their own.
      const trash = path.join(home, 'trash-of-the-system');
      const host: WebHostProcess = await startWebHost({
        home: path.join(home, 'home'),
        hubEndpoint: hub.endpoint,
        environment: { XDG_DATA_HOME: trash },
      });
      const window = await openApp(browser, host.url, { theme });
      // What the eye sees is the same: the keyboard's run need not be looked through a third time.
      const app: AppPage =
        handsOf === keyboard ? { ...window, expectAccessible: () => Promise.resolve() } : window;
      try {
        const run: Run = { app, page: app.page, hands: handsOf(app.page) };
        for (const part of [
          getModel,
          lookAtDetails,
          chat,
          exportChat,
          compare,
          voteBlindly,
          readText,
          deleteModel,
        ]) {
          await part(run);
          app.expectQuiet();
        }
      } catch (error) {
        await app.page.screenshot({ path: path.join(tmpdir(), `nibble-e2e-failed.png`) });
        throw error;
      } finally {
        await app.close();
        await host.close();
        await rm(home, { recursive: true, force: true });
      }
    },
    JOB_MS,
  );
});
