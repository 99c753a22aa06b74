// What every trial of llama.cpp shares. node-llama-cpp lies in a folder of its own, where `npm run bench` installs it.
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

/** What the parent process wants, as JSON in the first argument. */
export const request = JSON.parse(process.argv[2]);

const require = createRequire(pathToFileURL(`${request.rivals}/`));
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);

/** Loads the backend, the model and a context of `contextSize` tokens; flash attention and mapping are llama.cpp's defaults. */
export async function openLlama(contextSize) {
  const { threads, model: modelPath } = request;
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    logLevel: 'error',
    maxThreads: threads,
  });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize, batchSize: 512, threads });
  return { llama, model, context, sequence: context.getSequence() };
}

/**
 * Milliseconds from now to the first token, and from then to the end of `count` tokens.
 *
 * @param sequence what openLlama gave
 * @param {number[]} ids to evaluate first
 * @param {number} count tokens to make
 */
export async function timeTokens(sequence, ids, count) {
  const started = performance.now();
  let firstMs = 0;
  let lastMs = 0;
  let made = 0;
  for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    void token;
    lastMs = performance.now() - started;
    if (made === 0) firstMs = lastMs;
    made++;
    if (made >= count) break;
  }
  return { firstMs, decodeMs: lastMs - firstMs, made };
}
