// One quantize job in a process of its own, so that its peak memory is its own; prints one line of JSON.
import { createEngine } from '../../app/engine.ts';
import { schemeNames } from '../fixtures/known-schemes.ts';
import { openRunner } from '../../main/processes/open-runner.ts';

const [home = '', directory = '', schemeText = ''] = process.argv.slice(2);
const scheme = schemeNames.find((name) => name === schemeText);
if (scheme === undefined) throw new Error(`no scheme ${schemeText}`);
const engine = await createEngine({ home, openRunner });
const [artifact] = await engine.handlers.quantize(
  { source: directory, schemes: [scheme], device: 'cpu' },
  { signal: new AbortController().signal, emit: () => undefined },
);
await engine.close();
console.log(
  JSON.stringify({
    artifact,
    // Linux counts in kilobytes.
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
