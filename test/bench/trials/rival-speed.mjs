// Speed and memory of a rival with one model, in the process that holds it: prints one line of JSON and ends it.
import { performance } from 'node:perf_hooks';
import { answer, memoryNow } from './own-process.mjs';

/**
 * @param rival `open(contextLength)` gives a session, `timeTokens(session, ids, count)` the times of `count` tokens
 * behind `ids`, and `empty(session)`, where it is needed, makes a session ready for another prompt
 */
export async function measureSpeed({ shortPrompt, prompt, decodeTokens }, rival) {
  const started = performance.now();
  const session = await rival.open(prompt.length + decodeTokens + 8);
  const loadMs = performance.now() - started;
  const short = await rival.timeTokens(session, shortPrompt, 1);
  const firstAt = performance.now();
  await rival.empty?.(session);
  const long = await rival.timeTokens(session, prompt, decodeTokens + 1);
  answer({
    loadMs,
    loadToFirstTokenMs: loadMs + short.firstMs,
    // The clock of a process starts with it.
    startToFirstTokenMs: firstAt,
    prefillRate: (1000 * prompt.length) / long.firstMs,
    decodeRate: (1000 * (long.made - 1)) / long.decodeMs,
    ...memoryNow(),
  });
}
