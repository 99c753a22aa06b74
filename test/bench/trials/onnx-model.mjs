// What every trial of ONNX Runtime shares. onnxruntime-node lies in a folder of its own, where `npm run bench` installs it.
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

/** What the parent process wants, as JSON in the first argument. */
export const request = JSON.parse(process.argv[2]);

const require = createRequire(pathToFileURL(`${request.rivals}/`));
const { InferenceSession, Tensor } = require('onnxruntime-node');

/** Opens a session with room for `positions` tokens; keys and values are written in place, not copied at every step. */
export async function openOnnx(positions) {
  const { model, threads, layers, kvHeads, headDim, vocabularySize } = request;
  const session = await InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
  });
  const feeds = {};
  const fetches = {
    logits: new Tensor('float32', new Float32Array(vocabularySize), [1, 1, vocabularySize]),
  };
  for (let layer = 0; layer < layers; layer++)
    for (const part of ['key', 'value']) {
      const shape = [1, kvHeads, positions, headDim];
      const cache = new Tensor('float32', new Float32Array(kvHeads * positions * headDim), shape);
      feeds[`past.${layer}.${part}`] = cache;
      fetches[`present.${layer}.${part}`] = cache;
    }
  const integers = (values, shape) =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), shape);
  /** Logits behind the last of `ids`, which stand behind `position` others. */
  return async (ids, position) => {
    const length = position + ids.length;
    Object.assign(feeds, {
      input_ids: integers(ids, [1, ids.length]),
      last_row: integers([ids.length - 1], [1]),
      last_position: integers([length - 1], [1]),
      context_length: integers([length], []),
    });
    const { logits } = await session.run(feeds, fetches);
    return logits.data;
  };
}

/** The most likely token; the lowest id where several are. */
function greedy(logits) {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

/** Milliseconds from now to the first token behind `ids`, and from then to the end of `count` tokens. */
export async function timeTokens(step, ids, count) {
  const started = performance.now();
  let token = greedy(await step(ids, 0));
  const firstMs = performance.now() - started;
  for (let made = 1; made < count; made++)
    token = greedy(await step([token], ids.length + made - 1));
  return { firstMs, decodeMs: performance.now() - started - firstMs, made: count };
}
