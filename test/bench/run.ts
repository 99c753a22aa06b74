// `npm run bench`: Nibble beside llama.cpp, on this machine, in one run.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { z } from 'zod';
import { artifactSchema, type Artifact } from '../../app/contract/checkpoint.ts';
import { formatBytes, formatDuration, formatPercent } from '../../app/contract/format.ts';
import { writeGguf } from './gguf-writer.ts';
import { readBandwidth } from './bandwidth.ts';
import { shapeNamed } from './shapes.ts';
import { writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';
import {
  artifactFileBytes,
  artifactTokenBytes,
  cacheBytes,
  ggufTokenBytes,
  totalBytes,
} from './token-bytes.ts';

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: '1b' },
    /** Where models are made; they stay there for the next run. */
    work: { type: 'string', default: path.join(os.tmpdir(), 'nibble-bench') },
    runs: { type: 'string', default: '5' },
    prompt: { type: 'string', default: '512' },
    decode: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
  },
});
const shape = shapeNamed(values.shape);
const here = fileURLToPath(new URL('.', import.meta.url));
const rivals = path.join(here, 'rivals');
const work = path.resolve(values.work);
mkdirSync(work, { recursive: true });

const trialSchema = z.object({
  loadMs: z.number(),
  modelLoadMs: z.number().optional(),
  prefillRate: z.number(),
  decodeRate: z.number(),
  residentBytes: z.number(),
  privateBytes: z.number().nullish(),
  loadToFirstTokenMs: z.number(),
});
type Trial = z.infer<typeof trialSchema>;

/** Runs a script in a process of its own and parses the line of JSON that it prints last. */
function runScript(script: string, args: readonly string[]): unknown {
  const output = execFileSync(process.execPath, [path.join(here, script), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line: unknown = JSON.parse(output.trim().split('\n').at(-1) ?? '');
  return line;
}

function installRivals(): void {
  if (existsSync(path.join(rivals, 'node_modules', 'node-llama-cpp'))) return;
  mkdirSync(rivals, { recursive: true });
  writeFileSync(
    path.join(rivals, 'package.json'),
    JSON.stringify({
      name: 'nibble-bench-rivals',
      private: true,
      dependencies: { 'node-llama-cpp': '3.22.1' },
    }),
  );
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: rivals,
    stdio: 'inherit',
  });
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
};

installRivals();
console.error(`Making a synthetic ${shape.title} checkpoint and its GGUF twins in ${work}`);
const checkpoint = writeSyntheticCheckpoint(work, shape);
const ggufs = { q4_0: writeGguf(work, shape, 'q4_0'), q8_0: writeGguf(work, shape, 'q8_0') };

// Made anew: the artifacts are those of the quantizer and the kernels under test.
const home = path.join(work, 'home');
rmSync(home, { recursive: true, force: true });
const quantized = new Map<string, { artifact: Artifact; peakBytes: number }>();
for (const scheme of ['nf4-dq', 'llm-int8']) {
  console.error(`Quantizing to ${scheme}`);
  const result = z
    .object({ artifact: artifactSchema, peakBytes: z.number() })
    .parse(runScript('quantize-trial.ts', [home, checkpoint, scheme]));
  quantized.set(scheme, result);
  const rate = result.artifact.totals.quantizedParameters / result.artifact.quantizeMs / 1000;
  console.error(
    `  ${formatDuration(result.artifact.quantizeMs)} when it was made (${rate.toFixed(0)} M weights/s), peak memory of this process ${formatBytes(result.peakBytes)}`,
  );
}

interface Contender {
  readonly name: string;
  readonly fileBytes: number;
  readonly tokenBytes: number;
  readonly trials: Trial[];
  readonly run: () => Trial;
}
const tail = [values.prompt, values.decode, values.threads];
const context = Number(values.prompt) + Number(values.decode) / 2;
const nibble = async (scheme: string): Promise<Contender> => {
  const artifact = quantized.get(scheme)?.artifact;
  if (artifact === undefined) throw new Error(`${scheme} was not made`);
  return {
    name: `nibble ${scheme}`,
    fileBytes: artifactFileBytes(artifact.directory),
    tokenBytes:
      totalBytes(await artifactTokenBytes(artifact.directory)) + cacheBytes(shape, context),
    trials: [],
    run: () => trialSchema.parse(runScript('nibble-trial.ts', [artifact.directory, ...tail])),
  };
};
const llama = (type: 'q4_0' | 'q8_0'): Contender => ({
  name: `llama.cpp ${type}`,
  fileBytes: statSync(ggufs[type]).size,
  tokenBytes: totalBytes(ggufTokenBytes(shape, type)) + cacheBytes(shape, context),
  trials: [],
  run: () => trialSchema.parse(runScript('rival-trial.mjs', [rivals, ggufs[type], ...tail])),
});
const contenders = [await nibble('nf4-dq'), llama('q4_0'), await nibble('llm-int8'), llama('q8_0')];

const bandwidths: number[] = [];
for (let round = 0; round < Number(values.runs); round++) {
  bandwidths.push(readBandwidth(Number(values.threads)));
  for (const contender of contenders) {
    const trial = contender.run();
    contender.trials.push(trial);
    console.error(
      `round ${round + 1}: ${contender.name}: prefill ${trial.prefillRate.toFixed(1)}, decode ${trial.decodeRate.toFixed(1)} tokens/s, load ${formatDuration(trial.loadMs)}`,
    );
  }
}

const spread = (numbers: readonly number[], digits = 1): string =>
  `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)}–${Math.max(...numbers).toFixed(digits)})`;
const table = new Table({
  head: [
    '',
    'file',
    'load ms',
    'load to 1st token ms',
    'memory',
    'private',
    `prefill ${values.prompt} tok/s`,
    'decode tok/s',
    'bytes/token',
    'of bandwidth',
  ],
});
const bandwidth = median(bandwidths);
for (const { name, fileBytes, tokenBytes, trials } of contenders) {
  const privates = trials.map((trial) => trial.privateBytes ?? Number.NaN);
  table.push([
    name,
    formatBytes(fileBytes),
    spread(
      trials.map((trial) => trial.loadMs),
      0,
    ),
    spread(
      trials.map((trial) => trial.loadToFirstTokenMs),
      0,
    ),
    formatBytes(median(trials.map((trial) => trial.residentBytes))),
    privates.some(Number.isNaN) ? '–' : formatBytes(median(privates)),
    spread(trials.map((trial) => trial.prefillRate)),
    spread(trials.map((trial) => trial.decodeRate)),
    formatBytes(tokenBytes),
    formatPercent((median(trials.map((trial) => trial.decodeRate)) * tokenBytes) / bandwidth),
  ]);
}
console.log(
  `${os.cpus()[0]?.model ?? ''}, ${values.threads} threads, ${shape.title}, medians of ${values.runs} alternated runs (min–max)`,
);
console.log(
  `read bandwidth ${formatBytes(bandwidth)}/s (${formatBytes(Math.min(...bandwidths))}–${formatBytes(Math.max(...bandwidths))})`,
);
console.log(table.toString());
for (const [ours, theirs] of [
  [0, 1],
  [2, 3],
] as const) {
  const a = contenders[ours];
  const b = contenders[theirs];
  if (a === undefined || b === undefined) continue;
  const ratio = (key: 'prefillRate' | 'decodeRate'): string =>
    (
      median(a.trials.map((trial) => trial[key])) / median(b.trials.map((trial) => trial[key]))
    ).toFixed(2);
  console.log(
    `${a.name} against ${b.name}: decode ${ratio('decodeRate')} times, prefill ${ratio('prefillRate')} times`,
  );
}
writeFileSync(
  path.join(work, `results-${shape.key}.json`),
  JSON.stringify(
    { machine: os.cpus()[0]?.model, threads: values.threads, shape, bandwidths, contenders },
    null,
    2,
  ),
);
