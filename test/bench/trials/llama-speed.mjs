// Speed and memory of llama.cpp with one model.
import { openLlama, request, timeTokens } from './llama-model.mjs';
import { measureSpeed } from './rival-speed.mjs';

await measureSpeed(request, {
  open: async (contextLength) => (await openLlama(contextLength)).sequence,
  timeTokens,
  empty: (sequence) => sequence.clearHistory(),
});
