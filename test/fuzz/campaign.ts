// Many inputs, several processes side by side; what was found is confirmed and kept.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { KEPT_FILE, type Kept } from './child.ts';
import { writeCorpus } from './corpus.ts';
import { confirm, FuzzWorker, workerFolder, type Limits, type Verdict } from './pool.ts';

/** Where findings are written, below this folder. */
export const FINDINGS = fileURLToPath(new URL('./findings/', import.meta.url));

export interface Campaign {
  readonly seed: number;
  /** Names of targets; they take turns. */
  readonly targets: readonly string[];
  readonly workers: number;
  readonly limits: Limits;
  /** Whether to begin another input. @param done how many were begun */
  readonly goesOn: (done: number) => boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

export interface Result {
  readonly inputs: number;
  /** How many ended with each code; `none` went through. */
  readonly codes: ReadonlyMap<string, number>;
  readonly findings: number;
}

/** The seed of input number `index`. */
const seedOf = (seed: number, index: number): number => (seed * 1_000_003 + index) >>> 0;

/** A finding in one line; the same fault found twice has the same. */
function summary(target: string, verdict: Exclude<Verdict, { kind: 'fine' }>): string {
  const lines = verdict.detail.split('\n');
  const place = lines.find((line) =>
    /ERROR: AddressSanitizer|runtime error:|^\w*Error|out of memory|FATAL/.test(line),
  );
  const first =
    verdict.kind === 'hang' || verdict.kind === 'memory' ? '' : (place ?? lines[0] ?? '');
  return `${target}: ${verdict.kind} ${first.replace(/0x[0-9a-f]+|==\d+==/g, '').slice(0, 160)}`.trim();
}

export async function runCampaign(campaign: Campaign): Promise<Result> {
  const { seed, targets, limits, env, log } = campaign;
  const root = await mkdtemp(path.join(tmpdir(), 'nibble-fuzz-'));
  const corpus = path.join(root, 'corpus');
  const codes = new Map<string, number>();
  const known = new Map<string, number>();
  let begun = 0;
  const found = async (target: string, input: number, verdict: Verdict): Promise<void> => {
    if (verdict.kind === 'fine') return;
    const what = summary(target, verdict);
    known.set(what, (known.get(what) ?? 0) + 1);
    if ((known.get(what) ?? 0) > 1) return;
    const folder = path.join(FINDINGS, `${target}-${verdict.kind}-${input}`);
    await mkdir(folder, { recursive: true });
    // Once more, to keep the input; it may end the process again.
    await confirm(
      { corpus, directory: path.join(root, `confirm-${input}`), limits, env: env ?? {} },
      { target, seed: input, keep: folder },
    );
    const kept = JSON.parse(await readFile(path.join(folder, KEPT_FILE), 'utf8')) as Kept;
    await writeFile(
      path.join(folder, KEPT_FILE),
      `${JSON.stringify({ ...kept, why: what }, null, 2)}\n`,
    );
    await writeFile(path.join(folder, 'detail.txt'), verdict.detail);
    log(`FOUND ${what}\n  input ${input}, kept in ${folder}`);
  };
  const work = async (index: number): Promise<void> => {
    const options = {
      corpus,
      directory: workerFolder(root, index),
      limits,
      ...(env === undefined ? {} : { env }),
    };
    const worker = new FuzzWorker(options);
    try {
      while (campaign.goesOn(begun)) {
        const number = begun++;
        const target = targets[number % targets.length] ?? '';
        const job = { target, seed: seedOf(seed, number) };
        let verdict = await worker.examine(job);
        if (verdict.kind === 'hang' || verdict.kind === 'memory')
          verdict = await confirm({ ...options, directory: `${options.directory}-again` }, job);
        const outcome = verdict.kind === 'fine' ? (verdict.code ?? 'none') : verdict.kind;
        codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
        await found(target, job.seed, verdict);
        if (begun % 500 === 0) log(`${begun} inputs`);
      }
    } finally {
      worker.close();
    }
  };
  try {
    await writeCorpus(corpus);
    // One that fails must not take the folder from under the others, whose complaints would hide its own.
    const ends = await Promise.allSettled(
      Array.from({ length: campaign.workers }, (_, index) => work(index)),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
  return { inputs: begun, codes, findings: known.size };
}

/** What a campaign says at its end. */
export function report({ inputs, codes, findings }: Result): string {
  const parts = [...codes].sort(([, a], [, b]) => b - a).map(([code, n]) => `${code} ${n}`);
  return `${inputs} inputs: ${parts.join(', ')}\n${findings} findings`;
}
