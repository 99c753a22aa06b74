import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Whole processes and browsers take longest. */
const SLOW = ['/test/e2e/', '/test/main/', '/test/native-kernels/kernel-check'];

/** The slowest first, so that no core is left without work at the end. */
class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = SLOW.findIndex((part) => moduleId.includes(part));
      return found === -1 ? SLOW.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/rivals/**', '**/node_modules/**'],
    globalSetup: ['test/e2e/unpack-browser.ts'],
    // Native code and whole processes are under test: one test file per process. Some of them wait for other processes
    // most of the time, so there is one more than a two-core machine has cores.
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: SlowestFirst },
    // No test is about time: these only end what would never end, on the busiest machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
