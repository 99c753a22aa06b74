import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { acquireLock, createFile, replaceFile, sweepFolder } from '../../../app/disk/index.ts';
import { thisProcess } from '../../../app/disk/process-identity.ts';

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
    bootId: null,
    processStart: null,
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
  await leaveLock({ ...(await thisProcess()), bootId: 'another' });
  await (await acquireLock(file, 'm')).release();
});

it('holds whatever the clocks say, and however long nobody has touched it', async () => {
  const lock = await acquireLock(file, 'm');
  const past = new Date(0);
  await utimes(file, past, past);
  vi.useFakeTimers({ now: Date.now() + 86_400_000, toFake: ['Date'] });
  try {
    await expect(acquireLock(file, 'm')).rejects.toMatchObject({ code: 'busy' });
  } finally {
    vi.useRealTimers();
  }
  await lock.release();
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

it('says who holds it as facts', async () => {
  await leaveLock({ host: 'elsewhere', pid: 1 });
  await expect(acquireLock(file, 'm')).rejects.toMatchObject({
    reason: 'in-use',
    // As text: a process is not 25,848, which no tool takes.
    facts: { subject: 'm', process: '1', computer: 'elsewhere', file },
  });
});

it('sweeps what killed processes left, and nothing else', async () => {
  const held = await acquireLock(file, 'm');
  const pid = await deadPid();
  const { processStart } = await thisProcess();
  const gone = JSON.stringify({ pid, host: hostname(), token: 'x' });
  const left = [
    'gone.lock',
    '.nibble-lock',
    'gone.lock.0f8fad5b-d9cb-469f-a165-70867728950e',
    'gone.lock.stale-0f8fad5b-d9cb-469f-a165-70867728950e',
  ];
  for (const name of left) await writeFile(path.join(directory, name), gone);
  const partials = [`graph.onnx.${pid}.partial`, `graph.onnx.${process.pid}-1.0123abcd.partial`];
  const stays = [
    'model.lock',
    'yarn.lock',
    'of.another.lock',
    `graph.onnx.${process.pid}-${processStart ?? ''}.0123abcd.partial`,
    'logits.safetensors.partial',
  ];
  await writeFile(path.join(directory, 'yarn.lock'), '# not ours');
  await writeFile(path.join(directory, 'of.another.lock'), JSON.stringify({ pid, host: 'other' }));
  for (const name of [...partials, ...stays.slice(3)])
    await writeFile(path.join(directory, name), '');
  await sweepFolder(directory);
  expect((await readdir(directory)).sort()).toEqual([...stays].sort());
  await held.release();
});

it('replaces a file whole, many at a time, and leaves nothing beside it', async () => {
  const target = path.join(directory, 'settings.json');
  await Promise.all(
    Array.from({ length: 8 }, (_, i) => replaceFile(target, `${i}`.repeat(100_000))),
  );
  expect(new Set(await readFile(target, 'utf8')).size).toBe(1);
  expect(await readdir(directory)).toEqual(['settings.json']);
});

it('makes a file whole where none is, and lets the first of many win', async () => {
  const target = path.join(directory, 'key');
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, i) => createFile(target, `${i}`.repeat(100_000))),
  );
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await readFile(target, 'utf8')).toBe(`${made.indexOf(true)}`.repeat(100_000));
  expect(await createFile(target, 'late')).toBe(false);
  expect(await readdir(directory)).toEqual(['key']);
});
