import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Job } from '../../../../app/contract/job.ts';
import type { SchemeName } from '../../../../app/contract/scheme.ts';
import type { Fault } from '../../../fixtures/hub/fault.ts';
import type { LocalHub } from '../../../../app/local-hub/index.ts';
import { startFaultyHub } from '../../../fixtures/hub/faulty-hub.ts';
import { sampleModel } from '../../../../app/engine.ts';
import { Gate } from '../../../fixtures/gate.ts';
import { contentOf } from '../../../fixtures/hub/hub-faults.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../../fixtures/tiny-checkpoint.ts';

/** Before every tensor that is quantized. */
const quantizing = vi.hoisted(() => ({ gate: null as Gate | null }));
vi.mock(import('../../../../app/quantize/quantize-tensor.ts'), async (original) => {
  const room = await original();
  return {
    ...room,
    quantizeTensorFile: async (...args) => {
      await quantizing.gate?.pass(args[4].signal);
      return room.quantizeTensorFile(...args);
    },
  };
});
const gate = new Gate();
quantizing.gate = gate;

const REPOSITORY = 'test/model';
const isWeights = contentOf('.safetensors');
/** So much of the weights arrives before the hub waits. */
const HELD_AT = 1_000_000;
/** So many tensors are quantized before the others wait. */
const TENSORS = 3;

let hub: LocalHub;
let fault: Fault | undefined;
let weightsSha256: string;
let artifactSha256: string;

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function open(home: string): Promise<TestEngine> {
  return TestEngine.open(home, { hubEndpoint: hub.endpoint });
}

const isDownloading = ({ steps }: Job): boolean =>
  steps.some(({ phase, done, total }) => phase === 'download' && done > 0 && done < (total ?? 0));
const isQuantizing = ({ steps }: Job): boolean =>
  steps.some(({ phase, done, total }) => phase === 'quantize' && done > 0 && done < (total ?? 0));

/** From now on the hub sends a part of the weights and waits until the gate is opened. */
function holdDownloads(): void {
  gate.close();
  fault = gate.holdFile(HELD_AT);
}

/** Lets everything go on that waits, here and at the hub. */
function letGo(): void {
  fault = undefined;
  gate.open();
}

/** Starts a job and holds it in the middle of quantizing. @returns its number */
async function heldQuantizing(engine: TestEngine, schemes: SchemeName[]): Promise<number> {
  gate.close(TENSORS);
  const { id } = await engine.make(REPOSITORY, schemes);
  await gate.reached;
  await engine.until(id, isQuantizing);
  return id;
}

async function directoryOf(engine: TestEngine, id: string | undefined): Promise<string> {
  const shown = await engine.handlers.show({ id: id ?? '' }, quiet);
  return shown.kind === 'artifact' ? shown.artifact.directory : shown.checkpoint.directory;
}

beforeAll(async () => {
  const directory = await scratchFolder();
  await writeTinyCheckpoint(directory, {
    layers: 12,
    hiddenSize: 512,
    intermediateSize: 1024,
    vocabularySize: 1024,
  });
  weightsSha256 = sha256(path.join(directory, 'model.safetensors'));
  hub = await startFaultyHub({
    repositories: {
      [REPOSITORY]: { directory },
      [sampleModel.repository]: { directory: sampleModel.directory },
    },
    intercept: (request) => (isWeights(request) ? fault : undefined),
  });
  await using engine = await open(await scratchFolder());
  const job = await engine.done((await engine.make(REPOSITORY, ['nf4'])).id);
  artifactSha256 = sha256(
    path.join(await directoryOf(engine, job.artifactIds[0]), 'model.safetensors'),
  );
});
afterEach(letGo);
afterAll(async () => {
  await hub.close();
});

describe('a make job', () => {
  it('downloads, makes every scheme and measures against 16 bit', async () => {
    fault = undefined;
    await using engine = await open(await scratchFolder());
    const started = await engine.make(sampleModel.repository, ['bf16', 'nf4'], { measure: true });
    expect(started).toMatchObject({ subject: 'sample', artifactIds: [], endedAt: null });
    const job = await engine.done(started.id);

    expect(job.checkpointId).toBe('sample');
    expect(job.artifactIds).toEqual(['sample-bf16', 'sample-nf4']);
    expect(job.steps.map(({ step, phase }) => [step, phase])).toEqual([
      [sampleModel.repository, 'download'],
      ['sample-bf16', 'quantize'],
      ['sample-nf4', 'quantize'],
      ['sample-bf16/evaluate', 'evaluate'],
      ['sample-nf4/evaluate', 'evaluate'],
    ]);
    for (const { done, total } of job.steps) expect(done).toBe(total);
    // Artifacts are told of as they are finished, not all at the end.
    expect(engine.seen.some(({ artifactIds }) => artifactIds.length === 1)).toBe(true);
    expect(engine.seen.map(({ state }) => state)).toContain('queued');
    expect(engine.seen.at(-1)?.state).toBe('done');

    const { artifacts } = await engine.handlers.library({}, quiet);
    const measured = new Map(artifacts.map((entry) => [entry.artifact.id, entry.evaluation]));
    expect(measured.get('sample-bf16')).toMatchObject({ referenceId: null });
    expect(measured.get('sample-nf4')).toMatchObject({ referenceId: 'sample-bf16' });
    expect(measured.get('sample-nf4')?.meanKl).toBeGreaterThan(0);
  }, 240_000);

  it('shows rates and times that fit what is left', async () => {
    // A rate needs a second of work to be told.
    fault = { kind: 'slow', pieceBytes: 1 << 20, pauseMs: 30 };
    await using engine = await open(await scratchFolder());
    const { id } = await engine.make(REPOSITORY, []);
    await engine.done(id);
    const told = engine.seen.flatMap(({ steps }) => steps).filter(({ rate }) => rate !== null);
    expect(told.length).toBeGreaterThan(0);
    for (const { rate, secondsLeft, done, total } of told) {
      expect(rate).toBeGreaterThan(0);
      expect(secondsLeft).toBeCloseTo(((total ?? 0) - done) / (rate ?? 1), 5);
    }
    // What holds still has no speed.
    expect((await engine.job(id)).steps.every(({ rate }) => rate === null)).toBe(true);
  });

  it('makes things of a folder of the person and finds that they are made already', async () => {
    await using engine = await open(await scratchFolder());
    const folder = await scratchFolder();
    await writeTinyCheckpoint(folder);
    const first = await engine.done((await engine.make(folder, ['nf4', 'int4'])).id);
    const again = await engine.done((await engine.make(folder, ['nf4', 'int4', 'nf4'])).id);
    expect(again.artifactIds).toEqual(first.artifactIds);
    expect(again.checkpointId).toBe(first.checkpointId);
  });

  it('is refused at once when it could never be done', async () => {
    await using engine = await open(await scratchFolder());
    await expect(engine.make('./nowhere', ['nf4'])).rejects.toMatchObject({ code: 'not-found' });
    await expect(engine.make(REPOSITORY, ['nf4', 'int4'], { name: 'one' })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    await expect(
      engine.handlers.startJob({ request: { kind: 'verify', id: 'nothing' } }, quiet),
    ).rejects.toMatchObject({ code: 'not-found' });
    expect(await engine.handlers.jobs({}, quiet)).toEqual([]);
  });

  it('fails with words when the hub is gone, and goes on when it is back', async () => {
    fault = { kind: 'answer', status: 404 };
    await using engine = await open(await scratchFolder());
    const { id } = await engine.make(REPOSITORY, ['nf4']);
    const failed = await engine.until(id, ({ state }) => state === 'failed');
    expect(failed.error?.message).toContain('model.safetensors');
    expect(failed.endedAt).not.toBeNull();
    fault = undefined;
    await engine.handlers.resumeJob({ jobId: id }, quiet);
    expect(await engine.done(id)).toMatchObject({ error: null, artifactIds: ['model-nf4'] });
  });
});

describe('stopping', () => {
  it('pauses in mid-download and resumes to the same bytes', async () => {
    holdDownloads();
    await using engine = await open(await scratchFolder());
    const { id } = await engine.make(REPOSITORY, ['nf4']);
    await engine.until(id, isDownloading);
    const paused = await engine.handlers.pauseJob({ jobId: id }, quiet);
    expect(paused).toMatchObject({ state: 'paused', endedAt: null, error: null });
    expect(await engine.job(id)).toEqual(paused);

    letGo();
    await engine.handlers.resumeJob({ jobId: id }, quiet);
    const job = await engine.done(id);
    const checkpoint = await directoryOf(engine, job.checkpointId ?? '');
    expect(sha256(path.join(checkpoint, 'model.safetensors'))).toBe(weightsSha256);
    const artifact = await directoryOf(engine, job.artifactIds[0]);
    expect(sha256(path.join(artifact, 'model.safetensors'))).toBe(artifactSha256);
    expect(
      engine.seen.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]),
    ).toEqual(['queued', 'running', 'paused', 'queued', 'running', 'done']);
  });

  it('pauses in mid-quantize and resumes to the same bytes', async () => {
    await using engine = await open(await scratchFolder());
    const id = await heldQuantizing(engine, ['nf4']);
    const paused = await engine.handlers.pauseJob({ jobId: id }, quiet);
    expect(paused.state).toBe('paused');
    letGo();
    const { unfinished } = await engine.handlers.library({}, quiet);
    expect(unfinished.map(({ name }) => name)).toEqual(['artifacts/model-nf4.partial']);
    await engine.handlers.resumeJob({ jobId: id }, quiet);
    const job = await engine.done(id);
    const artifact = await directoryOf(engine, job.artifactIds[0]);
    expect(sha256(path.join(artifact, 'model.safetensors'))).toBe(artifactSha256);
  });

  it('cancels and keeps what is there, or discards it and nothing else', async () => {
    holdDownloads();
    const home = await scratchFolder();
    await using engine = await open(home);
    const { id } = await engine.make(REPOSITORY, ['nf4']);
    await engine.until(id, isDownloading);
    const cancelled = await engine.handlers.cancelJob({ jobId: id, discard: false }, quiet);
    expect(cancelled.state).toBe('cancelled');
    expect(cancelled.endedAt).not.toBeNull();
    const kept = (await engine.handlers.library({}, quiet)).unfinished;
    expect(kept).toHaveLength(1);
    expect(kept[0]?.sizeBytes).toBeGreaterThan(0);

    // It can be discarded afterwards too.
    await engine.handlers.cancelJob({ jobId: id, discard: true }, quiet);
    expect((await engine.handlers.library({}, quiet)).unfinished).toEqual([]);
    expect(readdirSync(path.join(home, 'checkpoints'))).toEqual([]);

    // In mid-quantize the finished download stays.
    letGo();
    gate.close(TENSORS);
    await engine.handlers.resumeJob({ jobId: id }, quiet);
    await gate.reached;
    await engine.until(id, isQuantizing);
    await engine.handlers.cancelJob({ jobId: id, discard: true }, quiet);
    const library = await engine.handlers.library({}, quiet);
    expect(library.unfinished).toEqual([]);
    expect(readdirSync(path.join(home, 'artifacts'))).toEqual([]);
    const [entry] = library.checkpoints;
    expect(sha256(path.join(entry?.checkpoint.directory ?? '', 'model.safetensors'))).toBe(
      weightsSha256,
    );

    await engine.handlers.forgetJob({ jobId: id }, quiet);
    expect(await engine.handlers.jobs({}, quiet)).toEqual([]);
  });

  it('closes in an orderly way: what ran and what waited is interrupted and can be resumed', async () => {
    holdDownloads();
    const home = await scratchFolder();
    const engine = await open(home);
    const running = await engine.make(REPOSITORY, ['nf4']);
    const waiting = await engine.make(sampleModel.repository, []);
    await engine.until(running.id, isDownloading);
    await engine.close();

    letGo();
    await using next = await open(home);
    for (const { id } of [running, waiting]) expect((await next.job(id)).state).toBe('interrupted');
    await next.handlers.resumeJob({ jobId: running.id }, quiet);
    const job = await next.done(running.id);
    const artifact = await directoryOf(next, job.artifactIds[0]);
    expect(sha256(path.join(artifact, 'model.safetensors'))).toBe(artifactSha256);
  });

  it('refuses to remove what a running job works on', async () => {
    await using engine = await open(await scratchFolder());
    const id = await heldQuantizing(engine, ['nf4', 'int4', 'fp4']);
    await expect(
      engine.handlers.remove({ id: 'model', forever: true }, quiet),
    ).rejects.toMatchObject({ code: 'busy' });
    await engine.handlers.cancelJob({ jobId: id, discard: true }, quiet);
  });
});

const childFile = fileURLToPath(new URL('../../../fixtures/job-child.ts', import.meta.url));

function startChild(home: string, killAt?: string): ChildProcess {
  const args = [childFile, home, hub.endpoint, REPOSITORY, 'nf4'];
  return spawn(process.execPath, killAt === undefined ? args : [...args, killAt], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function exitOf(child: ChildProcess): Promise<NodeJS.Signals | null> {
  return new Promise((resolve) => {
    child.once('exit', (_, signal) => {
      resolve(signal);
    });
  });
}

describe('kill -9', () => {
  for (const moment of ['download', 'quantize'])
    it(`in mid-${moment} leaves a job that the next engine finds and resumes to the same bytes`, async () => {
      if (moment === 'download') holdDownloads();
      const home = await scratchFolder();
      expect(await exitOf(startChild(home, moment))).toBe('SIGKILL');

      letGo();
      await using engine = await open(home);
      const [job] = await engine.handlers.jobs({}, quiet);
      expect(job).toMatchObject({ state: 'interrupted', error: null, waitsForDisk: false });
      const id = job?.id ?? 0;
      await engine.handlers.resumeJob({ jobId: id }, quiet);
      const done = await engine.done(id);
      const artifact = await directoryOf(engine, done.artifactIds[0]);
      expect(sha256(path.join(artifact, 'model.safetensors'))).toBe(artifactSha256);
    });

  it('is told apart from a living engine on the same home', async () => {
    holdDownloads();
    const home = await scratchFolder();
    const child = startChild(home);
    const gone = exitOf(child);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await using engine = await open(home);
    const [job] = await engine.handlers.jobs({}, quiet);
    expect(['queued', 'running']).toContain(job?.state);
    const jobId = job?.id ?? 0;
    for (const call of ['pauseJob', 'resumeJob'] as const)
      await expect(engine.handlers[call]({ jobId }, quiet)).rejects.toMatchObject({ code: 'busy' });
    await expect(engine.handlers.cancelJob({ jobId, discard: true }, quiet)).rejects.toMatchObject({
      code: 'busy',
    });

    child.kill('SIGKILL');
    await gone;
    // No new engine is needed: the next look finds it out.
    expect((await engine.job(jobId)).state).toBe('interrupted');
    await engine.handlers.cancelJob({ jobId, discard: true }, quiet);
    expect((await engine.handlers.library({}, quiet)).unfinished).toEqual([]);
    expect(existsSync(path.join(home, 'catalog.sqlite'))).toBe(true);
  });
});

describe('a verify job', () => {
  it('tells what became of every file', async () => {
    fault = undefined;
    await using engine = await open(await scratchFolder());
    await engine.done((await engine.make(REPOSITORY, [])).id);
    const started = await engine.handlers.startJob(
      { request: { kind: 'verify', id: 'model' } },
      quiet,
    );
    const { files, steps } = await engine.done(started.id);
    expect(files?.find(({ name }) => name === 'model.safetensors')?.state).toBe('ok');
    expect(steps.map(({ phase }) => phase)).toEqual(['verify']);
  });
});
