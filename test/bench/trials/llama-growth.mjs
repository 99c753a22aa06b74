// What a token costs llama.cpp behind contexts of several lengths, in a process of its own; prints one line of JSON. A
// context is read from the file that an earlier call saved, or evaluated and saved: a long one takes minutes to evaluate.
import { performance } from 'node:perf_hooks';
import { existsSync } from 'node:fs';
import { openLlama, request, timeTokens } from './llama-model.mjs';
import { answer } from './own-process.mjs';

const { prompt, lengths, decodeTokens, stateOf } = request;
const { sequence } = await openLlama(prompt.length + decodeTokens + 8);
const points = [];
for (const [i, length] of lengths.entries()) {
  const file = stateOf[i];
  let prefillMs = null;
  let prefillTokens = 0;
  if (existsSync(file)) await sequence.loadStateFromFile(file, { acceptRisk: true });
  else {
    const from = i === 0 ? 0 : lengths[i - 1];
    await sequence.eraseContextTokenRanges([{ start: from, end: sequence.nextTokenIndex }]);
    const started = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(from, length));
    prefillMs = performance.now() - started;
    prefillTokens = length - from;
    await sequence.saveStateToFile(file);
  }
  const { decodeMs, made } = await timeTokens(sequence, [prompt[0]], decodeTokens + 1);
  points.push({ length, msPerToken: decodeMs / (made - 1), prefillMs, prefillTokens });
}
answer({ points });
