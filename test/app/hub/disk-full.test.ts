import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../../app/contract/progress.ts';
import { requireSpace } from '../../../app/disk/index.ts';
import { Gate } from '../../fixtures/gate.ts';
import { contentOf } from '../../fixtures/hub/hub-faults.ts';
import { ScratchFolder, sha256File, SHARDS } from '../../fixtures/hub-model.ts';
import { LocalSession } from './local-session.ts';

const DISK_BYTES = 4 * 1024 * 1024;

/** A disk of 4 MiB. */
class TinyDisk implements Disposable {
  readonly #folder = new ScratchFolder();
  readonly directory = this.#folder.join('disk');

  constructor() {
    mkdirSync(this.directory);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', this.directory], {
      stdio: 'ignore',
    });
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['-l', this.directory]);
    this.#folder[Symbol.dispose]();
  }
}

/** Why no small disk can be made here; empty where one can. */
function obstacle(): string {
  if (process.platform !== 'linux') return ' (skipped: needs Linux)';
  if (process.getuid?.() !== 0) return ' (skipped: needs root to mount a small disk)';
  try {
    new TinyDisk()[Symbol.dispose]();
    return '';
  } catch {
    return ' (skipped: mounting is not allowed here)';
  }
}

/** A session whose weights come as far as this, and further once the gate is opened. */
async function startHeld(gate: Gate): Promise<LocalSession> {
  gate.close();
  return LocalSession.start({
    shardBytes: 1_200_000,
    intercept: (request) =>
      contentOf('.safetensors')(request) ? gate.holdFile(65_536) : undefined,
  });
}

/** Someone else fills a part of the disk, once the download has begun; then it goes on. */
function fill(ballast: string, bytes: number, gate: Gate): void {
  writeFileSync(ballast, Buffer.alloc(bytes));
  gate.open();
}

const why = obstacle();

describe.skipIf(why !== '')(`a disk that fills up${why}`, () => {
  it('pauses the download, which goes on when there is room', async () => {
    using disk = new TinyDisk();
    const gate = new Gate();
    await using session = await startHeld(gate);
    const ballast = `${disk.directory}/ballast`;
    const seen: Progress[] = [];
    const pulling = session.pull({
      directory: `${disk.directory}/model`,
      // Less than all files leave free: what the other shards write meanwhile would keep a paused one waiting for ever.
      room: { pollMs: 20, resumeBytes: 400_000 },
      onProgress: (progress) => {
        if (seen.length === 0) fill(ballast, 2_500_000, gate);
        if (progress.isPaused) rmSync(ballast, { force: true });
        seen.push(progress);
      },
    });
    await pulling;
    const paused = seen.filter(({ isPaused }) => isPaused);
    expect(paused[0]?.detail).toMatch(/is full/);
    expect(seen.at(-1)).toMatchObject({ phase: 'download', isPaused: false });
    const done = seen.map((progress) => progress.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    for (const shard of SHARDS)
      expect(sha256File(`${disk.directory}/model/${shard}`)).toBe(
        sha256File(session.source.join(shard)),
      );
  });

  it('can be cancelled while it is paused, and loses nothing', async () => {
    using disk = new TinyDisk();
    const gate = new Gate();
    await using session = await startHeld(gate);
    const ballast = `${disk.directory}/ballast`;
    const cancel = new AbortController();
    const directory = `${disk.directory}/model`;
    let isFirst = true;
    await expect(
      session.pull({
        directory,
        signal: cancel.signal,
        room: { pollMs: 20, resumeBytes: 3_000_000 },
        onProgress: ({ isPaused }) => {
          if (isFirst) fill(ballast, 3_000_000, gate);
          isFirst = false;
          if (isPaused) cancel.abort();
        },
      }),
    ).rejects.toMatchObject({ code: 'aborted' });
    rmSync(ballast);
    await session.pull({ directory });
    for (const shard of SHARDS)
      expect(sha256File(`${directory}/${shard}`)).toBe(sha256File(session.source.join(shard)));
  });

  it('ends the download with numbers for the person where pausing is not wanted', async () => {
    using disk = new TinyDisk();
    const gate = new Gate();
    await using session = await startHeld(gate);
    let isFirst = true;
    const directory = `${disk.directory}/model`;
    await expect(
      session.pull({
        directory,
        onDiskFull: 'fail',
        onProgress: () => {
          if (isFirst) fill(`${disk.directory}/ballast`, 3_000_000, gate);
          isFirst = false;
        },
      }),
    ).rejects.toMatchObject({ code: 'disk-full' });
    await expect(requireSpace(directory, 10_000_000, 0)).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/10\.0\sMB needed.*free/) as string,
    });
  });

  it('that has room for what is missing is enough to go on', async () => {
    using disk = new TinyDisk();
    await using session = await LocalSession.start({ shardBytes: 1_200_000 });
    const directory = `${disk.directory}/model`;
    await session.pull({ directory });
    // All that is missing is one shard; the whole would not fit a second time.
    rmSync(`${directory}/${SHARDS[0] ?? ''}`);
    await session.pull({ directory });
    expect(sha256File(`${directory}/${SHARDS[0] ?? ''}`)).toBe(
      sha256File(session.source.join(SHARDS[0] ?? '')),
    );
  });
});
