// A process of its own that makes an artifact, for tests that kill it or look at its memory.
// Usage: quantize-child.ts SOURCE TARGET SCHEME [hang-at-finish | kill-after LINES MILLISECONDS]
// 'kill-after' kills the process, as kill -9 does, so long after the journal got so many lines: it sees that moment
// sooner than another process on a busy machine would.
// Prints one line of JSON: the hash of the weights and the largest memory it had, in bytes.
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import type { CheckpointReader } from '../../../app/checkpoint/index.ts';
import { schemeNameSchema } from '../../../app/contract/scheme.ts';
import { planQuantization, quantizeCheckpoint } from '../../../app/quantize/index.ts';

const [source = '', directory = '', schemeName = '', mode, lines, delayMs] = process.argv.slice(2);
const scheme = schemeNameSchema.parse(schemeName);
const opened = await openCheckpoint(source);
const checkpoint = mode === 'kill-after' ? inStepWithJournal(opened) : opened;
if (mode === 'kill-after') setInterval(killWhenDue, 1).unref();
const { tensors, config } = checkpoint;
const { weightsSha256 } = await quantizeCheckpoint({
  checkpoint,
  origin: { repository: null, revision: null, commit: null, endpoint: null },
  plan: planQuantization({ tensors, config, scheme }),
  directory,
  toolVersion: '0.0.0-test',
  threads: 1,
  finish: async () => {
    if (mode !== 'hang-at-finish') return;
    process.stdout.write('at the end\n');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
});
await checkpoint.close();
process.stdout.write(`${JSON.stringify({ weightsSha256, peakBytes: await peakBytes() })}\n`);

/** Memory of this process that is not the page cache's, at its largest. */
async function peakBytes(): Promise<number> {
  try {
    const status = await readFile('/proc/self/status', 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

/** Finished tensors by the journal in the partial folder. */
function journalLines(): number {
  const journal = `${directory}.partial/journal.jsonl`;
  // One line break ends the head, one each line.
  return existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length - 2 : 0;
}

function killWhenDue(): void {
  if (journalLines() < Number(lines)) return;
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(delayMs));
}

/** Reads no further than a few tensors ahead of the journal: on a slow disk everything would be done in one round. */
function inStepWithJournal(inner: CheckpointReader): CheckpointReader {
  let ahead = Math.max(0, journalLines());
  const wait = async (): Promise<void> => {
    ahead++;
    while (ahead - Math.max(0, journalLines()) > 5) await sleep(1);
  };
  return {
    ...inner,
    readTensor: async (...args) => {
      await wait();
      return await inner.readTensor(...args);
    },
    place: async (...args) => {
      await wait();
      return await inner.place(...args);
    },
    readRange: async (...args) => {
      await wait();
      return await inner.readRange(...args);
    },
  };
}
