import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../app/contract/error.ts';
import { sampleModel } from '../../../app/engine.ts';
import { DiskReserve } from '../../../app/engine/jobs/disk-reserve.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { canMount } from '../../fixtures/small-disk.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

/** Room for the reserve, its margin and a tiny model. */
const DISK_BYTES = 96 * 1024 * 1024;

/** Less than any job asks for beforehand, and enough for the catalog to be written. */
const ROOM_FOR_CATALOG_BYTES = 8 * 1024 * 1024;

it('gives its room up where the disk is full, and does the work once more', async () => {
  const home = await scratchFolder();
  const reserve = new DiskReserve(home);
  await reserve.fill();
  expect(readdirSync(home)).toEqual(['.reserve']);
  let tries = 0;
  const work = (): string => {
    tries++;
    if (existsSync(path.join(home, '.reserve'))) throw new AppError('disk-full', 'Full.');
    return 'removed';
  };
  expect(await reserve.use(work)).toBe('removed');
  expect(tries).toBe(2);
  await expect(
    reserve.use(() => {
      throw new AppError('busy', 'Busy.');
    }),
  ).rejects.toMatchObject({ code: 'busy' });
});

describe.skipIf(!canMount)('on a small disk of its own (needs root on Linux, to mount it)', () => {
  let home: string;
  let source: string;
  const ballast = (): string => path.join(home, 'ballast');

  /** Leaves not one free byte more than `left`, whatever others give up meanwhile. */
  function fill(left = 0): void {
    const { bavail, bsize } = statfsSync(home);
    let bytes = bavail * bsize - left;
    for (let i = 0; bytes > 0; i++) {
      const size = Math.min(bytes, 8 * 1024 * 1024);
      try {
        writeFileSync(`${ballast()}-${i}`, Buffer.alloc(size));
      } catch {
        // What did not fit was written as far as it did.
      }
      const now = statfsSync(home);
      bytes = now.bavail * now.bsize - left;
    }
  }

  function empty(): void {
    for (const name of readdirSync(home))
      if (name.startsWith('ballast')) rmSync(path.join(home, name));
  }

  async function made(engine: TestEngine): Promise<string> {
    const request = { source, schemes: ['nf4' as const], device: 'cpu' as const };
    const [artifact] = await engine.handlers.quantize(request, quiet);
    return artifact?.id ?? '';
  }

  beforeAll(async () => {
    home = await scratchFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', home]);
    source = await scratchFolder();
    await writeTinyCheckpoint(source, {
      layers: 2,
      hiddenSize: 128,
      intermediateSize: 256,
      vocabularySize: 4096,
    });
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      copyFileSync(path.join(sampleModel.directory, file), path.join(source, file));
  });
  afterAll(() => {
    execFileSync('umount', [home]);
  });

  it('removes, pauses a job that cannot be written down, and opens', async () => {
    {
      await using engine = await TestEngine.open(home);
      const schemes = ['nf4', 'int4'] as const;
      await engine.handlers.quantize({ source, schemes: [...schemes], device: 'cpu' }, quiet);
      const { artifacts } = await engine.handlers.list({}, quiet);
      const ids = artifacts.map(({ id }) => id);
      fill();
      await engine.handlers.remove({ id: ids[0] ?? '', forever: true }, quiet);
      expect((await engine.handlers.list({}, quiet)).artifacts).toHaveLength(1);
      fill();
      const paused = Promise.withResolvers<undefined>();
      const making = engine.handlers.quantize(
        { source, schemes: ['int8-absmax'], device: 'cpu' },
        {
          ...quiet,
          emit: ({ isPaused }) => {
            if (isPaused) paused.resolve(undefined);
          },
        },
      );
      // Where it is refused beforehand there was nothing to lose.
      const refused = await Promise.race([
        paused.promise,
        making.then(
          () => 'made',
          (error: unknown) => (error instanceof AppError ? error.reason : error),
        ),
      ]);
      expect([undefined, 'not-enough-space']).toContain(refused);
      empty();
      if (refused === undefined) expect(await making).toHaveLength(1);
      fill();
    }
    await using again = await TestEngine.open(home);
    expect((await again.handlers.list({}, quiet)).artifacts.length).toBeGreaterThan(0);
  });

  it('pauses a job whose next step is refused for want of space, and goes on with it', async () => {
    empty();
    await using engine = await TestEngine.open(home);
    const job = await engine.make(source, ['nf4-dq', 'int4'], { device: 'cpu' });
    await engine.until(job.id, ({ artifactIds }) => artifactIds.length === 1);
    fill(ROOM_FOR_CATALOG_BYTES);
    const paused = await engine.until(job.id, ({ waitsForDisk }) => waitsForDisk);
    expect(paused.state).toBe('running');
    empty();
    expect((await engine.done(job.id)).artifactIds).toHaveLength(2);
  });

  it('pauses a measurement on a full disk, and goes on with it', async () => {
    empty();
    await using engine = await TestEngine.open(home);
    const job = await engine.handlers.startJob(
      {
        request: {
          kind: 'evaluate',
          id: await made(engine),
          text: 'A b c d.',
          textName: 'a text',
          mode: 'fast',
        },
      },
      quiet,
    );
    await engine.until(job.id, ({ state }) => state === 'running');
    fill();
    const paused = await engine.until(job.id, ({ waitsForDisk }) => waitsForDisk);
    expect(paused.state).toBe('running');
    empty();
    expect((await engine.done(job.id)).error).toBeNull();
  });

  it('checks files on a full disk, and writes down what came of it when there is room', async () => {
    empty();
    let jobId: number;
    {
      await using engine = await TestEngine.open(home);
      const job = await engine.handlers.startJob(
        { request: { kind: 'verify', id: await made(engine) } },
        quiet,
      );
      jobId = job.id;
      await engine.until(jobId, ({ state }) => state === 'running');
      fill();
      expect((await engine.done(jobId)).files).not.toHaveLength(0);
      empty();
    }
    await using again = await TestEngine.open(home);
    const job = await again.job(jobId);
    expect(job.state).toBe('done');
    expect(job.files?.every(({ state }) => state === 'ok')).toBe(true);
  });
});
