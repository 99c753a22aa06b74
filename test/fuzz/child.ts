// A process that makes one input after another and gives each to its target. What kills it, or keeps it busy, is the
// parent's to notice. Arguments: the corpus' folder, a folder of its own.
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { toAppError } from '../../app/contract/error.ts';
import { mutateFile } from './mutate.ts';
import { Random } from './random.ts';
import { changeableFiles, faults, targets, type Target } from './targets.ts';

export interface Job {
  readonly target: string;
  readonly seed: number;
  /** Where an input was kept: its base and its changed files, which are taken instead of new ones. */
  readonly kept?: string;
  /** Where to put the changed files. */
  readonly keep?: string;
}

/** Beside the changed files of an input that was kept. */
export const KEPT_FILE = 'input.kept.json';

export interface Kept {
  readonly target: string;
  readonly seed: number;
  /** The folder of the corpus that the input begins with. */
  readonly base: string;
  readonly why: string;
}

export interface Outcome {
  /** Of the error; null: none. */
  readonly code: string | null;
  readonly message: string;
  /** The most memory that the process had during the input, beyond what it had before. */
  readonly grownBytes: number;
}

/** The peak of this process' memory, which can be reset on Linux. */
const memory = {
  reset: (): void => {
    try {
      writeFileSync('/proc/self/clear_refs', '5');
    } catch {
      // Elsewhere the peak only grows: an input is charged with what it adds to it.
    }
  },
  peak: (): number => {
    try {
      const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
      if (found?.[1] !== undefined) return Number(found[1]) * 1024;
    } catch {
      // As above.
    }
    return process.resourceUsage().maxRSS * 1024;
  },
};

/** The changed files of an input, by name. */
async function changesOf(
  corpus: string,
  job: Job,
  random: Random,
  target: Target,
): Promise<{ base: string; files: ReadonlyMap<string, Uint8Array> }> {
  const files = new Map<string, Uint8Array>();
  if (job.kept !== undefined) {
    const { base } = JSON.parse(await readFile(path.join(job.kept, KEPT_FILE), 'utf8')) as Kept;
    for (const name of await readdir(job.kept))
      if (name !== KEPT_FILE) files.set(name, await readFile(path.join(job.kept, name)));
    return { base, files };
  }
  const base = random.pick(target.bases);
  const directory = path.join(corpus, base);
  const names = await changeableFiles(directory, target);
  for (let left = random.oneIn(4) ? 2 : 1; left > 0; left--) {
    const name = random.pick(names);
    files.set(name, mutateFile(name, await readFile(path.join(directory, name)), random));
  }
  return { base, files };
}

/** Makes the folder of an input: links to the sound files, and the changed ones. */
async function makeInput(
  corpus: string,
  directory: string,
  job: Job,
): Promise<{ run: () => Promise<void> }> {
  const target = targets[job.target] ?? faults[job.target];
  if (target === undefined) throw new Error(`there is no target ${job.target}`);
  const random = new Random(job.seed);
  const { base, files } = await changesOf(corpus, job, random, target);
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(path.join(corpus, base)))
    if (!files.has(name)) await link(path.join(corpus, base, name), path.join(directory, name));
  for (const [name, bytes] of files) await writeFile(path.join(directory, name), bytes);
  if (job.keep !== undefined) {
    await mkdir(job.keep, { recursive: true });
    for (const [name, bytes] of files) await writeFile(path.join(job.keep, name), bytes);
    const kept: Kept = { target: job.target, seed: job.seed, base, why: '' };
    await writeFile(path.join(job.keep, KEPT_FILE), `${JSON.stringify(kept, null, 2)}\n`);
  }
  return { run: () => target.run(directory, new Random(job.seed + 1)) };
}

let inputs = 0;

async function examine(corpus: string, parent: string, job: Job): Promise<Outcome> {
  // One of its own: a run that failed may still be writing something for itself.
  const directory = path.join(parent, `${process.pid}-${inputs++}`);
  const { run } = await makeInput(corpus, directory, job);
  globalThis.gc?.();
  memory.reset();
  const before = memory.peak();
  let error: ReturnType<typeof toAppError> | null = null;
  try {
    await run();
  } catch (thrown) {
    error = toAppError(thrown);
  }
  const grownBytes = memory.peak() - before;
  await rm(directory, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  // Models that were opened are freed when they are collected.
  globalThis.gc?.();
  await wait(0);
  return {
    code: error?.code ?? null,
    message: error === null ? '' : (error.stack ?? error.message).slice(0, 2000),
    grownBytes,
  };
}

const [corpus, directory] = process.argv.slice(2);
if (corpus !== undefined && directory !== undefined) {
  process.on('message', (job: Job) => {
    void examine(corpus, directory, job).then((outcome) => process.send?.(outcome));
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}
