// Speed and memory of llama.cpp with one model, in a process of its own; prints one line of JSON.
import { performance } from 'node:perf_hooks';
import { openLlama, request, timeTokens } from './llama-model.mjs';
import { answer, memoryNow } from './own-process.mjs';

const { shortPrompt, prompt, decodeTokens } = request;
const started = performance.now();
const { sequence } = await openLlama(prompt.length + decodeTokens + 8);
const loadMs = performance.now() - started;
const short = await timeTokens(sequence, shortPrompt, 1);
const firstAt = performance.now();
await sequence.clearHistory();
const long = await timeTokens(sequence, prompt, decodeTokens + 1);
answer({
  loadMs,
  loadToFirstTokenMs: loadMs + short.firstMs,
  // The clock of a process starts with it.
  startToFirstTokenMs: firstAt,
  prefillRate: (1000 * prompt.length) / long.firstMs,
  decodeRate: (1000 * (long.made - 1)) / long.decodeMs,
  ...memoryNow(),
});
