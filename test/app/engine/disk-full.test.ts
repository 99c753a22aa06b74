import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../app/contract/error.ts';
import { DiskReserve } from '../../../app/engine/disk-reserve.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { canMount } from '../../fixtures/small-disk.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

/** Room for the reserve, its margin and a tiny model. */
const DISK_BYTES = 96 * 1024 * 1024;

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

  /** Leaves not one free byte, whatever others give up meanwhile. */
  function fill(): void {
    const { bavail, bsize } = statfsSync(home);
    let bytes = bavail * bsize;
    for (let i = 0; bytes > 0; i++) {
      const size = Math.min(bytes, 8 * 1024 * 1024);
      try {
        writeFileSync(`${ballast()}-${i}`, Buffer.alloc(size));
      } catch {
        // What did not fit was written as far as it did.
      }
      const now = statfsSync(home);
      bytes = now.bavail * now.bsize;
    }
  }

  function empty(): void {
    for (const name of readdirSync(home))
      if (name.startsWith('ballast')) rmSync(path.join(home, name));
  }

  beforeAll(async () => {
    home = await scratchFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', home]);
    source = await scratchFolder();
    await writeTinyCheckpoint(source, { layers: 2, hiddenSize: 128, intermediateSize: 256 });
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
          emit: ({ kind }) => {
            if (kind === 'paused') paused.resolve(undefined);
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
});
