// What a token costs Nibble behind contexts of several lengths, in a process of its own; prints one line of JSON.
import { z } from 'zod';
import { greedySampling } from '../../../app/contract/sampling.ts';
import { loadModel } from '../../../app/run/index.ts';

const { directory, threads, prompt, lengths, decodeTokens } = z
  .object({
    directory: z.string(),
    threads: z.int(),
    prompt: z.array(z.int()),
    lengths: z.array(z.int()),
    decodeTokens: z.int(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));
const { model } = await loadModel({
  directory,
  mode: 'fast',
  threads,
  contextLength: prompt.length + decodeTokens + 8,
});
const points = [];
for (const [i, length] of lengths.entries()) {
  const from = i === 0 ? 0 : (lengths[i - 1] ?? 0);
  model.truncate(from);
  const started = performance.now();
  await model.evaluate(prompt.slice(from, length), { rows: 'none' });
  const prefillMs = performance.now() - started;
  const { decodeMs, ids } = await model.generate({
    ids: prompt.slice(0, 1),
    sampling: greedySampling,
    maxTokens: decodeTokens + 1,
    stopIds: [],
    onToken: () => undefined,
  });
  points.push({
    length,
    msPerToken: decodeMs / (ids.length - 1),
    prefillMs,
    prefillTokens: length - from,
  });
}
await model.close();
console.log(JSON.stringify({ points }));
