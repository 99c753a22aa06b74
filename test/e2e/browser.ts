// A real Chromium that comes from npm alone.
import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser } from 'playwright-core';

/**
 * Starts a headless Chromium; close it when done. The bundle's own list of arguments is not taken: it turns off the web's
 * security and puts everything into one process, and our tests are about the first and crash the second.
 */
export async function openBrowser(): Promise<Browser> {
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    args: [
      // Root and containers cannot have Chromium's sandbox.
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--font-render-hinting=none',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
    ],
    headless: true,
  });
}
