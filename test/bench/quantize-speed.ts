/**
 * Speed of a whole quantize job, from the files of a checkpoint to the published artifact:
 *
 *   node test/bench/quantize-speed.ts [--checkpoint DIR | --shape KEY] [--work DIR] [--memory DIR] [--scheme nf4-dq]
 *                                     [--rounds 5]
 *
 * Alternates the job with plain copying (read the checkpoint, write as many bytes as the artifact has, sync) and prints
 * medians and their ratio, for a target on the disk (--work) and one in memory (--memory, a tmpfs, where there is one),
 * and what one core takes for each stage alone. Artifact and copy are removed. The checkpoint is read once before, so
 * that it lies in the page cache where memory allows.
 */
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
import type { OpenCheckpoint } from '../../app/checkpoint/index.ts';
import { schemeNameSchema } from '../../app/contract/scheme.ts';
import { planQuantization, quantizeCheckpoint } from '../../app/quantize/index.ts';
import type { QuantizationPlan } from '../../app/quantize/index.ts';
import { quantize4bit, treeHash } from '../../native-kernels/index.ts';
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
    json: { type: 'boolean', default: false },
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

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
};

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
  checkpoint: OpenCheckpoint,
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

/** Milliseconds that one core takes for `weights` NF4 weights in memory, by the largest tensor that is quantized. */
async function quantizeAlone(
  checkpoint: OpenCheckpoint,
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
}

const rounds = Number(values.rounds);
const stages: Record<'read' | 'quantize' | 'hash' | 'write' | 'sync', number[]> = {
  read: [],
  quantize: [],
  hash: [],
  write: [],
  sync: [],
};

async function measureTarget(target: TargetTimes['target'], folder: string): Promise<TargetTimes> {
  const jobs: JobTime[] = [];
  const copies: number[] = [];
  await runJob(checkpoint, plan, folder);
  for (let round = 0; round < rounds; round++) {
    const copyPieceBytes = 16 * 2 ** 20;
    const readMs = timed(() => readAll(directory, files, copyPieceBytes));
    const { write, sync } = writeAll(folder, artifactBytes, copyPieceBytes);
    copies.push(readMs + write + sync);
    jobs.push(await runJob(checkpoint, plan, folder));
  }
  return { target, jobs, copies };
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

const summaries = targets.map(({ target, jobs, copies }) => ({
  target,
  jobMs: median(jobs.map(({ ms }) => ms)),
  copyMs: median(copies),
  ratio: median(jobs.map(({ ms }, i) => ms / (copies[i] ?? Number.NaN))),
  userMs: median(jobs.map(({ userMs }) => userMs)),
  systemMs: median(jobs.map(({ systemMs }) => systemMs)),
  jobs,
  copies,
}));
const result = {
  scheme,
  threads,
  processor: os.cpus()[0]?.model,
  parameters: plan.parameters,
  quantizedParameters: plan.quantizedParameters,
  sourceBytes,
  artifactBytes,
  rounds,
  targets: summaries,
  stageMs: Object.fromEntries(Object.entries(stages).map(([name, ms]) => [name, median(ms)])),
};
if (values.json) console.log(JSON.stringify(result));
else {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  console.log(
    `${scheme}, ${threads} threads, ${result.processor ?? ''}, medians of ${rounds} rounds; reads ${gigabytes(sourceBytes)}, writes ${gigabytes(artifactBytes)}`,
  );
  for (const { target, jobMs, copyMs, ratio, userMs, systemMs } of summaries) {
    const rate = (weights: number): string => `${(weights / jobMs / 1000).toFixed(0)} M/s`;
    console.log(
      `to ${target}
  job      ${jobMs.toFixed(0)} ms: ${rate(plan.parameters)} parameters, ${rate(plan.quantizedParameters)} of them quantized
  copy     ${copyMs.toFixed(0)} ms (read, write, sync); the job takes ${ratio.toFixed(2)} times as long
  cores    ${userMs.toFixed(0)} ms in the process, ${systemMs.toFixed(0)} ms in the kernel`,
    );
  }
  console.log('one core alone, ms and ms per GB of the checkpoint:');
  for (const [name, ms] of Object.entries(result.stageMs))
    console.log(
      `  ${name.padEnd(9)}${ms.toFixed(0).padStart(6)}${(ms / (sourceBytes / 1e9)).toFixed(0).padStart(6)}`,
    );
}
