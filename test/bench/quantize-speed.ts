/**
 * Speed of a whole quantize job, from the files of a checkpoint to the published artifact:
 *
 *   node test/bench/quantize-speed.ts [--checkpoint DIR | --shape KEY] [--work DIR] [--memory DIR] [--scheme nf4-dq]
 *                                     [--rounds 5] [--record]
 *
 * Alternates four things: plain copying (read the checkpoint, write as many bytes as the artifact has, sync), the
 * engine's job in this process, the whole command in one of its own, and quantizing alone: from the same files, with
 * hashes and statistics, each matrix over the one before it. Prints medians and ratios for a target on the disk (--work)
 * and one in memory (--memory, a tmpfs, where there is one), and what one core takes for each stage alone.
 * A weight is a parameter of the checkpoint, those that stay in 16 bits included. Artifacts and copies are removed. The
 * checkpoint is read once before, so that it lies in the page cache where memory allows. --record puts the rates into
 * docs/benchmarks and the page beside what `npm run bench -- --record` put there.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../../app/checkpoint/index.ts';
import type { CheckpointReader } from '../../app/checkpoint/index.ts';
import { schemeNameSchema } from '../../app/contract/scheme.ts';
import { planQuantization, quantizeCheckpoint } from '../../app/quantize/index.ts';
import type { QuantizationPlan } from '../../app/quantize/index.ts';
import { quantize4bit, treeHash } from '../../native-kernels/index.ts';
import { describeMachine, machineFileName } from './machine.ts';
import { recordFolder } from './options.ts';
import { updateDocs } from './page/update-docs.ts';
import { quantizeUnwritten } from './quantize-unwritten.ts';
import { ResultStore } from './result-store.ts';
import { median } from './results.ts';
import { quantizeAloneRate, quantizeSpeedHead, quantizeSpeedRows } from './rows.ts';
import { shapes } from './shapes.ts';
import { writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';

/** What a core's second-level cache holds beside what is made of it; the kernels read as much at a time. */
const READ_BYTES = 256 * 1024;

/** The codes of so many weights of 16 bits. */
const WRITE_BYTES = 64 * 1024;

const { values } = parseArgs({
  options: {
    checkpoint: { type: 'string' },
    shape: { type: 'string', default: '1b' },
    work: { type: 'string', default: path.join(os.tmpdir(), 'nibble-bench') },
    memory: { type: 'string', default: '/dev/shm' },
    scheme: { type: 'string', default: 'nf4-dq' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    record: { type: 'boolean', default: false },
  },
});
const scheme = schemeNameSchema.parse(values.scheme);
const threads = Number(values.threads);
const work = path.resolve(values.work);
mkdirSync(work, { recursive: true });

function checkpointDirectory(): string {
  if (values.checkpoint !== undefined) return path.resolve(values.checkpoint);
  const shape = shapes.find(({ key }) => key === values.shape);
  if (shape === undefined) throw new Error(`no shape ${values.shape}`);
  return writeSyntheticCheckpoint(work, shape);
}

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function readAll(directory: string, files: readonly string[], pieceBytes: number): void {
  const piece = Buffer.alloc(pieceBytes);
  for (const name of files) {
    const file = openSync(path.join(directory, name), 'r');
    while (readSync(file, piece) > 0);
    closeSync(file);
  }
}

/** Writes so many bytes in pieces. @returns milliseconds of writing and of syncing */
function writeAll(
  folder: string,
  bytes: number,
  pieceBytes: number,
): { write: number; sync: number } {
  const target = path.join(folder, 'copy.tmp');
  const piece = Buffer.alloc(pieceBytes, 1);
  const file = openSync(target, 'w');
  const write = timed(() => {
    for (let left = bytes; left > 0; left -= piece.byteLength)
      writeSync(file, piece, 0, Math.min(left, piece.byteLength));
  });
  const sync = timed(() => {
    fsyncSync(file);
  });
  closeSync(file);
  rmSync(target);
  return { write, sync };
}

interface JobTime {
  readonly ms: number;
  /** Milliseconds of all cores together, in the process and in the kernel on its behalf. */
  readonly userMs: number;
  readonly systemMs: number;
}

async function runJob(
  checkpoint: CheckpointReader,
  plan: QuantizationPlan,
  folder: string,
): Promise<JobTime> {
  const directory = path.join(folder, 'quantize-speed.artifact');
  rmSync(directory, { recursive: true, force: true });
  const before = process.cpuUsage();
  const start = performance.now();
  await quantizeCheckpoint({
    checkpoint,
    plan,
    directory,
    threads,
    origin: { repository: null, revision: null, commit: null, endpoint: null },
    toolVersion: 'bench',
  });
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  rmSync(directory, { recursive: true });
  return { ms, userMs: user / 1000, systemMs: system / 1000 };
}

/** Milliseconds of the whole command, with a new library. */
function runCommand(source: string, folder: string): number {
  const home = path.join(folder, 'quantize-speed-home');
  const nibble = path.join(import.meta.dirname, '../../main/nibble.mjs');
  const words = ['quantize', source, '--scheme', scheme, '--device', 'cpu', '--home', home];
  const ms = timed(() => execFileSync(process.execPath, [nibble, ...words], { stdio: 'ignore' }));
  rmSync(home, { recursive: true });
  return ms;
}

/** Milliseconds that one core takes for `weights` NF4 weights in memory, by the largest tensor that is quantized. */
async function quantizeAlone(
  checkpoint: CheckpointReader,
  plan: QuantizationPlan,
): Promise<number | null> {
  const largest = plan.tensors
    .filter((tensor) => tensor.treatment === 'quantized' && tensor.dtype === 'BF16')
    .sort((a, b) => b.numel - a.numel)[0];
  if (largest === undefined) return null;
  const bytes = await checkpoint.readTensor(largest.source);
  const once = async (): Promise<number> => {
    const start = performance.now();
    const spec = { type: 'nf4' as const, blockSize: 64, doubleQuant: true };
    await quantize4bit({ bytes, type: 'bf16' }, spec, { threads: 1 });
    return performance.now() - start;
  };
  await once();
  const times = [await once(), await once(), await once()];
  return (median(times) / largest.numel) * plan.quantizedParameters;
}

async function hashAlone(bytes: number): Promise<number> {
  const memory = Buffer.alloc(64 * 2 ** 20, 7);
  await treeHash(memory, { threads: 1 });
  const start = performance.now();
  await treeHash(memory, { threads: 1 });
  return ((performance.now() - start) / memory.byteLength) * bytes;
}

const checkpoint = await openCheckpoint(checkpointDirectory());
const { tensors, config, directory } = checkpoint;
const plan = planQuantization({ tensors, config, scheme });
const files = checkpoint.files.map(({ name }) => name);
const sourceBytes = checkpoint.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
const artifactBytes = plan.weightsBytes + (plan.head?.layout.fileBytes ?? 0);
readAll(directory, files, READ_BYTES);

/** Jobs and plain copies to one target, in alternation. */
interface TargetTimes {
  readonly target: 'disk' | 'memory';
  readonly jobs: readonly JobTime[];
  readonly copies: readonly number[];
  readonly commands: readonly number[];
}

const rounds = Number(values.rounds);
const stages: Record<'read' | 'quantize' | 'hash' | 'write' | 'sync', number[]> = {
  read: [],
  quantize: [],
  hash: [],
  write: [],
  sync: [],
};

const unwrittenMs: number[] = [];
const inMemory = existsSync(values.memory) ? values.memory : work;

async function measureTarget(target: TargetTimes['target'], folder: string): Promise<TargetTimes> {
  const jobs: JobTime[] = [];
  const copies: number[] = [];
  const commands: number[] = [];
  await runJob(checkpoint, plan, folder);
  for (let round = 0; round < rounds; round++) {
    const copyPieceBytes = 16 * 2 ** 20;
    const readMs = timed(() => readAll(directory, files, copyPieceBytes));
    const { write, sync } = writeAll(folder, artifactBytes, copyPieceBytes);
    copies.push(readMs + write + sync);
    jobs.push(await runJob(checkpoint, plan, folder));
    commands.push(runCommand(directory, folder));
    unwrittenMs.push(await quantizeUnwritten(checkpoint, plan, scheme, threads, inMemory));
  }
  return { target, jobs, copies, commands };
}

async function measureStages(): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    stages.read.push(timed(() => readAll(directory, files, READ_BYTES)));
    const alone = writeAll(work, artifactBytes, WRITE_BYTES);
    stages.write.push(alone.write);
    stages.sync.push(alone.sync);
    stages.hash.push(await hashAlone(artifactBytes));
    const quantizeMs = await quantizeAlone(checkpoint, plan);
    if (quantizeMs !== null) stages.quantize.push(quantizeMs);
  }
}

const targets = [await measureTarget('disk', work)];
if (existsSync(values.memory)) {
  const folder = mkdtempSync(path.join(values.memory, 'nibble-bench-'));
  try {
    targets.push(await measureTarget('memory', folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
await measureStages();
await checkpoint.close();

const machine = describeMachine(threads);
const shape =
  values.checkpoint === undefined ? shapes.find(({ key }) => key === values.shape) : undefined;
const result = {
  key: values.shape,
  title: shape?.title ?? directory,
  measuredAt: new Date().toISOString(),
  scheme,
  parameters: plan.parameters,
  quantizedParameters: plan.quantizedParameters,
  sourceBytes,
  artifactBytes,
  unwrittenMs,
  targets: targets.map(({ target, jobs, copies, commands }) => ({
    target,
    jobMs: jobs.map(({ ms }) => ms),
    coreMs: jobs.map(({ userMs, systemMs }) => userMs + systemMs),
    commandMs: [...commands],
    copyMs: [...copies],
  })),
};
console.log(
  `${result.title} to ${scheme}, ${threads} threads, ${machine.processor}, medians of ${rounds} rounds (least to most); reads ${(sourceBytes / 1e9).toFixed(2)} GB, writes ${(artifactBytes / 1e9).toFixed(2)} GB`,
);
const spread = (samples: readonly number[], digits: number): string =>
  `${median(samples).toFixed(digits)} (${Math.min(...samples).toFixed(digits)} to ${Math.max(...samples).toFixed(digits)})`;
for (const [target = '', ...cells] of quantizeSpeedRows(result, spread)) {
  console.log(`to ${target}`);
  for (const [i, cell] of cells.entries())
    console.log(`  ${(quantizeSpeedHead[i + 1] ?? '').padEnd(22)}${cell}`);
}
for (const { target, jobs } of targets)
  console.log(
    `cores, to ${target}: ${median(jobs.map(({ userMs }) => userMs)).toFixed(0)} ms in the process, ${median(jobs.map(({ systemMs }) => systemMs)).toFixed(0)} ms in the kernel`,
  );
console.log(
  `quantizing alone, M of the quantized weights/s: ${quantizeAloneRate(result, unwrittenMs, spread)}`,
);
console.log('one core alone, ms and ms per GB of the checkpoint:');
for (const [name, samples] of Object.entries(stages)) {
  const ms = median(samples);
  console.log(
    `  ${name.padEnd(9)}${ms.toFixed(0).padStart(6)}${(ms / (sourceBytes / 1e9)).toFixed(0).padStart(6)}`,
  );
}
if (values.record) {
  if (shape === undefined) throw new Error('only a shape of the bench can be recorded');
  const store = new ResultStore(path.join(recordFolder, `${machineFileName(machine)}.json`));
  await store.replace('quantizeSpeed', result);
  console.error(`Page: ${updateDocs()}`);
}
