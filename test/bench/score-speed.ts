/**
 * `nibble eval` against a reference with a vocabulary of 128,256, of this checkout beside another one, both set up:
 *
 *   node test/bench/score-speed.ts [--other DIR] [--tokens 12000] [--rounds 3] [--work DIR]
 *
 * The model has a small body (hidden 512, 4 layers) and random weights, so that what is measured is scoring. Either
 * checkout makes its own artifacts (nf4 against bf16) in a home of its own; the commands alternate, and the first round,
 * which finds nothing in any cache, does not count. Prints the medians of the wall time, of the peak memory of the engine
 * and both runners (Linux: anonymous memory, mapped weights aside), and the figures that each checkout gives.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { heldOutText, sampleModel } from '../../app/sample/index.ts';
import { median } from './results.ts';
import type { Shape } from './shapes.ts';
import { writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';

const { values } = parseArgs({
  options: {
    other: { type: 'string' },
    tokens: { type: 'string', default: '12000' },
    rounds: { type: 'string', default: '3' },
    work: { type: 'string', default: os.tmpdir() },
  },
});
const checkouts = new Map([['this', fileURLToPath(new URL('../..', import.meta.url))]]);
if (values.other !== undefined) checkouts.set('other', path.resolve(values.other));

const shape: Shape = {
  key: 'score',
  title: 'wide-vocabulary',
  hiddenSize: 512,
  layers: 4,
  heads: 8,
  kvHeads: 2,
  headDim: 64,
  intermediateSize: 1536,
  vocabularySize: 128256,
  contextLength: 2048,
  ropeTheta: 500000,
  ropeScaling: null,
};

/** How often processes are looked at; their peaks are kept by the system, so that none is missed. */
const LOOK_MS = 100;

const evaluationSchema = z.object({
  perplexity: z.number(),
  perplexityError: z.number(),
  meanKl: z.number(),
  p99Kl: z.number(),
  topAgreement: z.number(),
  tokens: z.number(),
});
type Evaluated = z.infer<typeof evaluationSchema>;

/** A process and those below it, and what each holds beside mapped files, in bytes. */
function memoryBelow(root: number): Map<number, number> {
  const found = new Map<number, number>();
  const below = new Set([root]);
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  for (const pid of pids) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const field = (name: string): number =>
        Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      if (pid !== root && !below.has(field('PPid'))) continue;
      below.add(pid);
      found.set(pid, field('RssAnon') * 1024);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

interface Ran {
  readonly output: string;
  readonly ms: number;
  /** Peak bytes of each process of the command, the largest first. */
  readonly peaks: readonly number[];
}

async function run(checkout: string, args: readonly string[]): Promise<Ran> {
  const started = performance.now();
  const child = spawn(process.execPath, [path.join(checkout, 'main/cli/cli.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const peaks = new Map<number, number>();
  const look = setInterval(() => {
    if (process.platform !== 'linux') return;
    for (const [pid, bytes] of memoryBelow(child.pid ?? 0))
      peaks.set(pid, Math.max(bytes, peaks.get(pid) ?? 0));
  }, LOOK_MS);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}`);
  const sorted = [...peaks.values()].sort((a, b) => b - a);
  return { output, ms: performance.now() - started, peaks: sorted };
}

interface Measured {
  readonly seconds: number;
  readonly peaks: readonly number[];
  readonly evaluation: Evaluated;
}

mkdirSync(values.work, { recursive: true });
const work = mkdtempSync(path.join(values.work, 'nibble-score-'));
try {
  const source = writeSyntheticCheckpoint(work, shape);
  // The sample's tokenizer has fewer tokens than the model, which is nothing unusual.
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    cpSync(path.join(sampleModel.directory, name), path.join(source, name));
  const text = path.join(work, 'text.txt');
  const sample = await heldOutText();
  // A token of the sample's tokenizer has more than one character.
  writeFileSync(text, sample.repeat(Math.ceil((Number(values.tokens) * 6) / sample.length)));

  const idOf = new Map<string, { candidate: string; reference: string; home: string }>();
  for (const [name, checkout] of checkouts) {
    const home = path.join(work, name);
    const made = z
      .array(z.object({ id: z.string() }))
      .parse(
        JSON.parse(
          execFileSync(
            process.execPath,
            [
              path.join(checkout, 'main/cli/cli.ts'),
              '--json',
              '--home',
              home,
              'quantize',
              source,
              '--scheme',
              'bf16,nf4',
              '--device',
              'cpu',
            ],
            { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
          ),
        ),
      );
    const [reference, candidate] = made;
    if (reference === undefined || candidate === undefined) throw new Error('not two artifacts');
    idOf.set(name, { home, reference: reference.id, candidate: candidate.id });
  }
  const measured = new Map<string, Measured[]>([...checkouts.keys()].map((name) => [name, []]));
  for (let round = 0; round <= Number(values.rounds); round++) {
    const order = [...checkouts];
    if (round % 2 === 1) order.reverse();
    for (const [name, checkout] of order) {
      const { home, candidate, reference } = idOf.get(name) ?? {
        home: '',
        candidate: '',
        reference: '',
      };
      const args = [
        '--json',
        '--home',
        home,
        'eval',
        candidate,
        '--reference',
        reference,
        '--text',
        text,
      ];
      const { output, ms, peaks } = await run(checkout, [...args, '--max-tokens', values.tokens]);
      const evaluation = evaluationSchema.parse(JSON.parse(output));
      if (round > 0) measured.get(name)?.push({ seconds: ms / 1000, peaks, evaluation });
      console.error(`round ${round} of ${values.rounds}, ${name}: ${(ms / 1000).toFixed(2)} s`);
    }
  }
  console.table(
    [...measured].map(([name, rounds]) => {
      const peak = (i: number): string =>
        `${(median(rounds.map(({ peaks }) => peaks[i] ?? 0)) / 1e6).toFixed(0)} MB`;
      return {
        checkout: name,
        seconds: median(rounds.map(({ seconds }) => seconds)).toFixed(2),
        'largest process': peak(0),
        'second process': peak(1),
        'third process': peak(2),
        ...rounds[0]?.evaluation,
      };
    }),
  );
  const [mine, theirs] = [...measured.values()];
  if (mine !== undefined && theirs !== undefined)
    console.log(
      `this / other: ${median(mine.map(({ seconds }, i) => seconds / (theirs[i]?.seconds ?? Number.NaN))).toFixed(3)}`,
    );
} finally {
  rmSync(work, { recursive: true, force: true });
}
