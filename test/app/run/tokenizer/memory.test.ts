import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

/** Tokens and text of half a million words, and what it takes to make them; a list of the cuts takes more than twice as much. */
const LIMIT_MB = 60;

// One shape for each way of cutting that could make a list: removed, joined with the next, rewritten.
it.each(['word-level', 'metaspace-never-split', 'clip'])(
  'cuts a text of half a million words as %s does without a list of the pieces',
  async (shape) => {
    const entry = fileURLToPath(
      new URL('../../../fixtures/processes/tokenizing.ts', import.meta.url),
    );
    const worker = new Worker(entry, {
      workerData: { shape },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: LIMIT_MB },
    });
    const [tokens] = (await once(worker, 'message')) as [number];
    expect(tokens).toBeGreaterThanOrEqual(5e5);
    await worker.terminate();
  },
);
