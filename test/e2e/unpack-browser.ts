/** Once before all test files: its package unpacks the browser where it is not yet, and two that did so at a time would meet. */
import chromium from '@sparticuz/chromium';

export async function setup(): Promise<void> {
  await chromium.executablePath();
}
