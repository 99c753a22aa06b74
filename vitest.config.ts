import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/rivals/**', '**/node_modules/**'],
    // Native code and whole processes are under test: one test file per process, and no more files at once than
    // a two-core machine can run without disturbing their time-outs.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
