/**
 * Speed of this checkout beside that of another one, both set up, alternated in one run:
 *
 *   node test/bench/compare-checkouts.ts --other DIR [--shape KEY] [--scheme nf4-dq] [--rounds 5] [--work DIR]
 *     [--loads-only]
 *
 * Each round quantizes the same checkpoint with either, and loads and runs the artifact that either made; which of the two
 * begins changes from round to round. With --loads-only either quantizes once and every round loads, which allows for many more. Prints the medians, and the median of the ratios of each round.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { shapeNamed } from './shapes.ts';
import { median } from './results.ts';
import { writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';
import { promptIds } from './trials/prompt.ts';

const { values } = parseArgs({
  options: {
    other: { type: 'string' },
    shape: { type: 'string', default: '360m' },
    scheme: { type: 'string', default: 'nf4-dq' },
    rounds: { type: 'string', default: '5' },
    work: { type: 'string', default: os.tmpdir() },
    'loads-only': { type: 'boolean', default: false },
    threads: { type: 'string', default: String(os.availableParallelism()) },
  },
});
if (values.other === undefined) throw new Error('Give the other checkout: --other DIR');
const checkouts = {
  this: fileURLToPath(new URL('../..', import.meta.url)),
  other: path.resolve(values.other),
} as const;
type Name = keyof typeof checkouts;

const shape = shapeNamed(values.shape);
mkdirSync(values.work, { recursive: true });
const work = mkdtempSync(path.join(values.work, 'nibble-compare-'));
const source = writeSyntheticCheckpoint(work, shape);

const measuredSchema = z.object({
  loadToFirstTokenMs: z.number(),
  startToFirstTokenMs: z.number(),
  prefillRate: z.number(),
  decodeRate: z.number(),
});
const madeSchema = z.object({ artifact: z.object({ directory: z.string() }) });

function run(name: Name, file: string, args: readonly string[]): unknown {
  const output = execFileSync(process.execPath, [path.join(checkouts[name], file), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

const made: Partial<Record<Name, string>> = {};

/** One quantize job where there is none yet, and one run of what it made. */
function measure(name: Name, round: number): Record<string, number> {
  const home = path.join(work, `${name}-${round}`);
  const started = performance.now();
  const known = made[name];
  const directory =
    known ??
    madeSchema.parse(run(name, 'test/bench/quantize-trial.ts', [home, source, values.scheme]))
      .artifact.directory;
  const quantizeMs = performance.now() - started;
  if (values['loads-only']) made[name] = directory;
  const order = {
    directory,
    threads: Number(values.threads),
    shortPrompt: promptIds(8),
    prompt: promptIds(256),
    decodeTokens: 64,
  };
  const measured = measuredSchema.parse(
    run(name, 'test/bench/trials/nibble-speed.ts', [JSON.stringify(order)]),
  );
  if (!values['loads-only']) rmSync(home, { recursive: true });
  return {
    ...(values['loads-only'] ? {} : { 'quantize, whole job (ms)': quantizeMs }),
    'load to first token (ms)': measured.loadToFirstTokenMs,
    'start to first token (ms)': measured.startToFirstTokenMs,
    'prefill (ms a token)': 1000 / measured.prefillRate,
    'decode (ms a token)': 1000 / measured.decodeRate,
  };
}

try {
  const rounds: Record<Name, Record<string, number>>[] = [];
  // The first round, which finds nothing in any cache, does not count.
  for (let round = 0; round <= Number(values.rounds); round++) {
    const order: Name[] = round % 2 === 0 ? ['this', 'other'] : ['other', 'this'];
    const result: Record<Name, Record<string, number>> = { this: {}, other: {} };
    for (const name of order) result[name] = measure(name, round);
    if (round > 0) rounds.push(result);
    console.error(`round ${round} of ${values.rounds}`);
  }
  const rows = Object.keys(rounds[0]?.this ?? {}).map((what) => {
    const of = (name: Name): number[] => rounds.map((round) => round[name][what] ?? Number.NaN);
    const [mine, theirs] = [of('this'), of('other')];
    const ratios = mine.map((value, i) => value / (theirs[i] ?? Number.NaN));
    return {
      what,
      this: median(mine).toFixed(2),
      other: median(theirs).toFixed(2),
      'this / other': median(ratios).toFixed(3),
      from: Math.min(...ratios).toFixed(3),
      to: Math.max(...ratios).toFixed(3),
    };
  });
  console.log(`${shape.title}, ${values.scheme}, ${values.rounds} rounds`);
  console.table(rows);
} finally {
  rmSync(work, { recursive: true, force: true });
}
