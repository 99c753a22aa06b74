// Logits of Nibble behind the last token of a prompt: written as float32 to a file.
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { loadModel } from '../../../app/run/index.ts';
import { executionModeSchema } from '../../../app/contract/sampling.ts';

const request = z
  .object({
    directory: z.string(),
    mode: executionModeSchema,
    threads: z.int(),
    prompt: z.array(z.int()),
    output: z.string(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));
const { model } = await loadModel({ ...request, contextLength: request.prompt.length + 8 });
// The last token as one that was generated: both ways through the model are compared.
await model.evaluate(request.prompt.slice(0, -1), { rows: 'none' });
const logits = await model.evaluate(request.prompt.slice(-1), { rows: 'last' });
await model.close();
writeFileSync(request.output, logits);
console.log(JSON.stringify({ tokens: logits.length }));
