// One window of the app under test: collects what must never happen, and looks for violations of accessibility.
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { WAIT_MS } from '../fixtures/wait.ts';

export type Theme = 'light' | 'dark';

/** Level AA of WCAG 2.2 and everything below it. */
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** What one step of the app may take. */
export const STEP_MS = Number(process.env['NIBBLE_E2E_STEP_MS'] ?? WAIT_MS);

export interface AppPage {
  readonly page: Page;
  /** Goes to a path of the app. */
  readonly go: (path: string) => Promise<void>;
  /** Fails on violations of level AA in what is shown now. */
  readonly expectAccessible: (where: string) => Promise<void>;
  /** Fails on errors in the console, broken policies and exceptions since the last call. */
  readonly expectQuiet: () => void;
  readonly close: () => Promise<void>;
}

/** Opens the app as a person does: the address with the token. */
export async function openApp(
  browser: Browser,
  url: string,
  options: { readonly theme?: Theme; readonly width?: number; readonly height?: number } = {},
): Promise<AppPage> {
  const { theme = 'light', width = 1280, height = 800 } = options;
  const context: BrowserContext = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: 'en-US',
    reducedMotion: 'reduce',
    acceptDownloads: true,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => {
    faults.push(`exception: ${error.message}`);
  });
  await page.goto(url);
  // A page may have a navigation of its own beside that of the app.
  await page.getByRole('navigation').first().waitFor();
  return {
    page,
    go: async (path) => {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#${path}`);
    },
    expectAccessible: async (where) => {
      const { violations } = await new AxeBuilder({ page }).withTags(AXE_TAGS).analyze();
      const found = violations.flatMap(({ id, nodes }) =>
        nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`),
      );
      expect(found, `${where}, ${theme}`).toEqual([]);
    },
    expectQuiet: () => {
      expect(faults.splice(0)).toEqual([]);
    },
    close: () => context.close(),
  };
}
