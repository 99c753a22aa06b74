import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { planQuantization, quantizeCheckpoint } from '../../../app/quantize/index.ts';
import type { QuantizationPlan, QuantizeOptions } from '../../../app/quantize/index.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';
import { canMount } from '../../fixtures/small-disk.ts';

/** Small enough to be full after some tensors, large enough for the whole artifact once the ballast is gone. */
const DISK_BYTES = 4 * 1024 * 1024;
const BALLAST_BYTES = 3 * 1024 * 1024;

describe.skipIf(!canMount)('on a small disk of its own (needs root on Linux, to mount it)', () => {
  let directory: string;
  let disk: string;
  let source: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'nibble-disk-'));
    source = path.join(directory, 'checkpoint');
    await writeTinyCheckpoint(source, { layers: 6, hiddenSize: 256, intermediateSize: 512 });
    disk = await mkdtemp(path.join(directory, 'disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', disk]);
  });
  afterAll(async () => {
    execFileSync('umount', [disk]);
    await rm(directory, { recursive: true });
  });

  async function run(name: string, changes: Partial<QuantizeOptions>): Promise<string> {
    const checkpoint = await openCheckpoint(source);
    const { tensors, config } = checkpoint;
    const plan = planQuantization({ tensors, config, scheme: 'nf4-dq' });
    expect(plan.weightsBytes).toBeGreaterThan(DISK_BYTES - BALLAST_BYTES);
    // The check before the start has tests of its own; here the disk is found full afterwards.
    const modest: QuantizationPlan = { ...plan, weightsBytes: 0 };
    try {
      const made = await quantizeCheckpoint({
        checkpoint,
        origin: { repository: null, revision: null, commit: null, endpoint: null },
        plan: modest,
        directory: path.join(disk, name),
        toolVersion: '0.0.0-test',
        room: { pollMs: 20, resumeBytes: 64 * 1024, marginBytes: 0 },
        ...changes,
      });
      return made.weightsSha256;
    } finally {
      await checkpoint.close();
    }
  }

  it('pauses when it is full and goes on when there is room', async () => {
    const ballast = path.join(disk, 'ballast');
    const expected = await run('expected', { directory: path.join(directory, 'expected') });
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    const pauses: Progress['isPaused'][] = [];
    let freed: Promise<void> | null = null;
    const sha256 = await run('paused', {
      onProgress: ({ isPaused, detail }) => {
        pauses.push(isPaused);
        if (!isPaused) return;
        expect(detail).toContain('full');
        freed ??= rm(ballast);
      },
    });
    expect(sha256).toBe(expected);
    expect(pauses).toContain(true);
    expect(pauses.at(-1)).toBe(false);
    await rm(path.join(disk, 'paused'), { recursive: true });
  });

  it('fails where nobody can wait, and goes on from there in the next run', async () => {
    const ballast = path.join(disk, 'ballast');
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    await expect(run('failed', { onDiskFull: 'fail' })).rejects.toMatchObject({
      code: 'disk-full',
    });
    await rm(ballast);
    let skipped = 0;
    await run('failed', { onProgress: ({ done }) => (skipped ||= done) });
    expect(skipped).toBeGreaterThan(0);
    await rm(path.join(disk, 'failed'), { recursive: true });
  });

  it('says that it may not write to a read-only disk', async () => {
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    try {
      await expect(run('x', {})).rejects.toMatchObject({ code: 'permission-denied' });
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', disk]);
    }
  });
});
