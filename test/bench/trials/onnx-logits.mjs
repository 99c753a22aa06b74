// Logits of ONNX Runtime behind the last token of a prompt: written as float32 to a file.
import { writeFileSync } from 'node:fs';
import { openOnnx, request } from './onnx-model.mjs';
import { answer } from './own-process.mjs';

const step = await openOnnx(request.prompt.length + 8);
// The last token as one that was generated: both ways through the model are compared.
const before = request.prompt.length - 1;
await step(request.prompt.slice(0, before), 0);
const logits = await step(request.prompt.slice(before), before);
writeFileSync(request.output, logits);
answer({ tokens: logits.length });
