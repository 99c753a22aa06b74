// One trial of Nibble in processes of their own: loads an artifact, prefills, decodes, prints one line of JSON.
import { openRunner } from '../../main/processes/open-runner.ts';

const [directory = '', promptTokens = '', decodeTokens = '', threads = ''] = process.argv.slice(2);
const started = performance.now();
const runner = await openRunner({
  directory,
  threads: Number(threads),
  contextLength: Number(promptTokens) + Number(decodeTokens) + 8,
});
const loadMs = performance.now() - started;
const ids = Array.from({ length: Number(promptTokens) }, (_, i) => 300 + ((i * 7919) % 20000));
const { statistics, memory } = await runner.client.generate({
  ids,
  sampling: {},
  maxTokens: Number(decodeTokens) + 1,
  ignoreStopIds: true,
});
await runner.close();
console.log(
  JSON.stringify({
    loadMs,
    modelLoadMs: runner.loaded.loadMs,
    prefillMs: statistics.prefillMs,
    prefillRate: (1000 * ids.length) / statistics.prefillMs,
    decodeRate: (1000 * (statistics.generatedTokens - 1)) / statistics.decodeMs,
    residentBytes: memory.residentBytes,
    privateBytes: memory.privateBytes,
    loadToFirstTokenMs: loadMs + statistics.timeToFirstTokenMs,
  }),
);
