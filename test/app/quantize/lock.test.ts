import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireLock } from '../../../app/quantize/index.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-lock-'));
  file = path.join(directory, 'model.lock');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Lays down a lock as a process would have left it. */
async function leaveLock(changes: object): Promise<void> {
  const owner = {
    pid: process.pid,
    host: hostname(),
    processStart: null,
    createdAtMs: Date.now(),
    token: 'left',
  };
  await writeFile(file, JSON.stringify({ ...owner, ...changes }));
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

it('lets one in and tells the next who is there', async () => {
  const lock = await acquireLock(file, 'model-nf4');
  await expect(acquireLock(file, 'model-nf4')).rejects.toMatchObject({
    code: 'busy',
    message: `model-nf4 is being worked on by process ${process.pid}.`,
  });
  await lock.release();
  expect(await readdir(directory)).toEqual([]);
  await (await acquireLock(file, 'model-nf4')).release();
});

it('takes over from a process that is gone', async () => {
  await leaveLock({ pid: await deadPid() });
  const lock = await acquireLock(file, 'm');
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid });
  await lock.release();
});

it.skipIf(process.platform !== 'linux')(
  'takes over from a process whose id was given to another one',
  async () => {
    await leaveLock({ processStart: '1' });
    await (await acquireLock(file, 'm')).release();
  },
);

it('takes over a lock from before the computer was started', async () => {
  await leaveLock({ createdAtMs: 0 });
  await (await acquireLock(file, 'm')).release();
});

it('takes over what no process can have written completely', async () => {
  for (const text of ['', '{"pid":', '[]']) {
    await writeFile(file, text);
    await (await acquireLock(file, 'm')).release();
  }
});

it('respects a lock of another computer on a shared folder', async () => {
  await leaveLock({ host: 'elsewhere', pid: 1 });
  await expect(acquireLock(file, 'm')).rejects.toThrow('process 1 on elsewhere');
});

it('does not take away a lock that somebody else has taken over', async () => {
  const lock = await acquireLock(file, 'm');
  await leaveLock({ token: 'other' });
  await lock.release();
  expect(await readdir(directory)).toEqual(['model.lock']);
});

it('lets exactly one of many in', async () => {
  await leaveLock({ pid: await deadPid() });
  const attempts = await Promise.allSettled(
    Array.from({ length: 20 }, () => acquireLock(file, 'm')),
  );
  expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});
