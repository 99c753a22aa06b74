import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparisonReport, findDivergence } from '../../../../app/compare/index.ts';
import { markedText, markedToken } from '../../../../app/compare/report/first-divergence.ts';
import type { ComparedAnswer, Comparison } from '../../../../app/contract/comparison.ts';
import { openBrowser } from '../../../e2e/browser.ts';
import { answerWith, comparisonOf } from '../../../fixtures/comparison.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';

const EVIL = `</style></title><script>document.title='broken'</script><img src=x onerror="document.title='broken'">`;

function compared(answers: ComparedAnswer[]): Comparison {
  const [baseline, ...others] = answers;
  return {
    ...comparisonOf(answers, '2026-02-01T10:00:00.000Z'),
    id: 12,
    divergences: others.map((other) =>
      findDivergence(other.artifactId, baseline?.tokens ?? [], other.tokens),
    ),
  };
}

/** An answer that says something else from a token on. */
function diverging(answer: ComparedAnswer, from: number): ComparedAnswer {
  return {
    ...answer,
    tokens: answer.tokens.map((token, i) => (i < from ? token : { ...token, id: token.id + 500 })),
  };
}

const report = (comparison: Comparison, name = (id: string): string => id): string =>
  comparisonReport({
    comparison,
    nameOf: name,
    version: '9.8.7',
    now: new Date('2026-02-05T08:09:00.000Z'),
  });

describe('the mark', () => {
  it('stands on the first token that differs', () => {
    const first = answerWith('a', 'bf16', ['Dogs', ' bark', ' loud']);
    const second = diverging(answerWith('b', 'nf4', ['Dogs', ' purr', ' loud']), 1);
    const third = diverging(answerWith('c', 'fp4', ['Dogs', ' bark', ' low']), 2);
    const comparison = compared([first, third, second]);
    expect([0, 1, 2].map((i) => markedToken(comparison, i))).toEqual([1, 2, 1]);
    expect(markedText(second, 1).markup).toBe('Dogs <mark>purr</mark> loud');
  });

  it('covers the whole character, white space visibly, and the end where an answer ends', () => {
    const parts = answerWith('a', 'bf16', ['Hi ', '', '', '👋', '!']);
    expect(markedText(parts, 1).markup).toBe('Hi <mark>👋</mark>!');
    expect(markedText(answerWith('a', 'bf16', ['x', '\n', 'y']), 1).markup).toBe(
      'x<mark>⏎</mark>\ny',
    );
    expect(markedText(answerWith('a', 'bf16', ['x']), 1).markup).toBe('x<mark>(ends here)</mark>');
    expect(markedText(answerWith('a', 'bf16', ['<b>']), null).markup).toBe('&lt;b&gt;');
  });
});

describe('the report', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await openBrowser();
    folder = await scratchFolder();
  });
  afterAll(async () => {
    await browser.close();
  });

  async function open(page: string): Promise<{ shown: Page; complaints: string[] }> {
    const file = path.join(folder, 'report.html');
    await writeFile(file, page);
    const shown = await browser.newPage();
    const complaints: string[] = [];
    shown.on('console', (message) => complaints.push(message.text()));
    shown.on('request', (request) => {
      if (!request.url().startsWith('file:')) complaints.push(request.url());
    });
    await shown.goto(pathToFileURL(file).href);
    return { shown, complaints };
  }

  it('says all of it in a real browser, styled under its own policy', async () => {
    const first = answerWith('dogs-int8', 'llm-int8', ['Dogs', ' bark']);
    const second = diverging(answerWith('dogs-nf4', 'nf4', ['Dogs', ' purr']), 1);
    const vote = { artifactId: 'dogs-nf4', blind: true, createdAt: '2026-02-02T10:00:00.000Z' };
    const page = report({ ...compared([first, second]), votes: [vote] });
    const { shown, complaints } = await open(page);
    const text = (await shown.locator('body').innerText()).replaceAll('\u202f', ' ');
    for (const part of [
      'Tell me about dogs',
      'seed 0',
      'LLM.int8',
      'NF4',
      '4.72 MB',
      '42.5 tokens/s',
      'abababababab',
      'at token 2',
      '␣purr',
      'Votes',
      '2026-02-01 10:00 UTC',
      'Nibble 9.8.7 on 2026-02-05 08:09 UTC',
    ])
      expect(text).toContain(part);
    expect(await shown.locator('mark').allInnerTexts()).toEqual(['marked', 'bark', 'purr']);
    // e^-0.5 and e^-1.5.
    expect(text).toContain('60.7 %');
    expect(text).toContain('22.3 %');
    // The style is taken: its hash in the policy is right.
    const border: unknown = await shown.evaluate(
      "getComputedStyle(document.querySelector('.column')).borderTopWidth",
    );
    expect(border).toBe('4px');
    expect(complaints).toEqual([]);
    await shown.close();
  });

  it('runs and loads nothing, whatever models, people and folders are called', async () => {
    const answer = answerWith(EVIL, 'nf4', [EVIL, '\u0000', ' fine']);
    const comparison = { ...compared([answer, diverging(answer, 0)]), prompt: EVIL, system: EVIL };
    const { shown, complaints } = await open(report(comparison, () => EVIL));
    expect(await shown.title()).toBe(`Comparison: ${EVIL.slice(0, 80)}`);
    expect(await shown.locator('script, img').count()).toBe(0);
    expect(complaints).toEqual([]);
    await shown.close();
  });
});
