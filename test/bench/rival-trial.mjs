// One trial of llama.cpp in a process of its own: loads a GGUF, prefills, decodes, prints one line of JSON.
// Runs inside test/bench/rivals, where node-llama-cpp is installed.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import process from 'node:process';
import { performance } from 'node:perf_hooks';

const [folder, modelPath, promptTokens, decodeTokens, threads] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);

const started = performance.now();
const llama = await getLlama({
  gpu: false,
  build: 'never',
  logLevel: 'error',
  maxThreads: Number(threads),
});
const model = await llama.loadModel({ modelPath });
const total = Number(promptTokens) + Number(decodeTokens) + 8;
const context = await model.createContext({
  contextSize: total,
  batchSize: 512,
  threads: Number(threads),
});
const sequence = context.getSequence();
const loadMs = performance.now() - started;

const ids = Array.from({ length: Number(promptTokens) }, (_, i) => 300 + ((i * 7919) % 20000));
const prefillStarted = performance.now();
let firstTokenAt = 0;
let count = 0;
let last = prefillStarted;
for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
  void token;
  last = performance.now();
  if (count === 0) firstTokenAt = last;
  count++;
  if (count > Number(decodeTokens)) break;
}
console.log(
  JSON.stringify({
    loadMs,
    prefillMs: firstTokenAt - prefillStarted,
    prefillRate: (1000 * ids.length) / (firstTokenAt - prefillStarted),
    decodeRate: (1000 * (count - 1)) / (last - firstTokenAt),
    residentBytes: process.memoryUsage().rss,
    loadToFirstTokenMs: loadMs + firstTokenAt - prefillStarted,
  }),
);
process.exit(0);
