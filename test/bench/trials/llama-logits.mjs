// Logits of llama.cpp behind the last token of a prompt: written as float32 to a file.
import { writeFileSync } from 'node:fs';
import { openLlama, request } from './llama-model.mjs';
import { answer } from './own-process.mjs';

const { sequence } = await openLlama(request.prompt.length + 8);
// The last token as one that was generated: both ways through the model are compared.
await sequence.evaluateWithoutGeneratingNewTokens(request.prompt.slice(0, -1));
const [result] = await sequence.controlledEvaluate([
  [request.prompt.at(-1), { generateNext: { logits: true } }],
]);
const logits = new Float32Array(request.vocabularySize).fill(Number.NaN);
for (const [token, logit] of result.next.logits) logits[token] = logit;
writeFileSync(request.output, logits);
answer({ tokens: result.next.logits.size });
