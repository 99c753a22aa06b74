// Logits of llama.cpp behind the last token of a prompt: written as float32 to a file.
import { writeFileSync } from 'node:fs';
import { answer, openLlama, request } from './llama-model.mjs';

const { sequence } = await openLlama(request.prompt.length + 8);
const last = request.prompt.length - 1;
const results = await sequence.controlledEvaluate(
  request.prompt.map((id, i) => (i === last ? [id, { generateNext: { logits: true } }] : id)),
);
const logits = new Float32Array(request.vocabularySize).fill(Number.NaN);
for (const [token, logit] of results[last].next.logits) logits[token] = logit;
writeFileSync(request.output, logits);
answer({ tokens: results[last].next.logits.size });
