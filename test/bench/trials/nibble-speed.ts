// Speed and memory of Nibble with one artifact, in a runner process of its own; prints one line of JSON.
import { z } from 'zod';
import { openRunner } from '../../../main/processes/open-runner.ts';

const { directory, threads, shortPrompt, prompt, decodeTokens } = z
  .object({
    directory: z.string(),
    threads: z.int(),
    shortPrompt: z.array(z.int()),
    prompt: z.array(z.int()),
    decodeTokens: z.int(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));
const started = performance.now();
const runner = await openRunner({
  directory,
  threads,
  contextLength: prompt.length + decodeTokens + 8,
});
const short = await runner.client.generate({
  ids: shortPrompt,
  sampling: {},
  maxTokens: 1,
  ignoreStopIds: true,
});
const startToFirstTokenMs = performance.now() - started;
const long = await runner.client.generate({
  ids: prompt,
  sampling: {},
  maxTokens: decodeTokens + 1,
  ignoreStopIds: true,
});
await runner.close();
const { timeToFirstTokenMs, generatedTokens, decodeMs } = long.statistics;
console.log(
  JSON.stringify({
    loadMs: runner.loaded.loadMs,
    // From the call that loads to the token, both inside the process that runs the model: as llama.cpp is measured.
    loadToFirstTokenMs: runner.loaded.loadMs + short.statistics.timeToFirstTokenMs,
    startToFirstTokenMs,
    prefillRate: (1000 * prompt.length) / timeToFirstTokenMs,
    decodeRate: (1000 * (generatedTokens - 1)) / decodeMs,
    residentBytes: long.memory.residentBytes,
    privateBytes: long.memory.privateBytes,
  }),
);
