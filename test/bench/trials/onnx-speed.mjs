// Speed and memory of ONNX Runtime with one model, in a process of its own; prints one line of JSON.
import { performance } from 'node:perf_hooks';
import { answer, memoryNow } from './own-process.mjs';
import { openOnnx, request, timeTokens } from './onnx-model.mjs';

const { shortPrompt, prompt, decodeTokens } = request;
const started = performance.now();
const step = await openOnnx(prompt.length + decodeTokens + 8);
const loadMs = performance.now() - started;
const short = await timeTokens(step, shortPrompt, 1);
const firstAt = performance.now();
const long = await timeTokens(step, prompt, decodeTokens + 1);
answer({
  loadMs,
  loadToFirstTokenMs: loadMs + short.firstMs,
  // The clock of a process starts with it.
  startToFirstTokenMs: firstAt,
  prefillRate: (1000 * prompt.length) / long.firstMs,
  decodeRate: (1000 * (long.made - 1)) / long.decodeMs,
  ...memoryNow(),
});
