// Names and folders mean one thing each.
import { readFileSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startLocalHub, type LocalHub } from '../../../app/local-hub/index.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

let tiny: string;
let hub: LocalHub;
let mirror: LocalHub;
let home: string;
let engine: TestEngine;

beforeAll(async () => {
  tiny = path.join(await scratchFolder(), 'tiny');
  await writeTinyCheckpoint(tiny);
  const repositories = { 'test/tiny': { directory: tiny } };
  hub = await startLocalHub({ repositories });
  mirror = await startLocalHub({ repositories });
});
afterAll(async () => {
  await Promise.all([hub.close(), mirror.close()]);
});
beforeEach(async () => {
  home = await scratchFolder();
  engine = await TestEngine.open(home, { hubEndpoint: hub.endpoint });
});
afterEach(async () => {
  await engine.close();
});

const pull = (): ReturnType<typeof engine.handlers.pull> =>
  engine.handlers.pull({ source: 'test/tiny' }, quiet);

describe('a download', () => {
  it('is another one from another hub, though name and commit are the same', async () => {
    const first = await pull();
    await engine.close();
    engine = await TestEngine.open(home, { hubEndpoint: mirror.endpoint });
    const second = await pull();
    expect(second.origin.commit).toBe(first.origin.commit);
    expect(second.origin.endpoint).toBe(mirror.endpoint);
    expect(second.id).not.toBe(first.id);
    expect(second.directory).not.toBe(first.directory);
    expect(first.directory).toContain(first.origin.commit ?? 'no commit');
    for (const { id } of [first, second])
      expect((await engine.handlers.verify({ id }, quiet)).ok).toBe(true);
    expect((await pull()).id).toBe(second.id);
  });
});

describe('a folder of the person', () => {
  it('holds another checkpoint once other weights are in it, though size and time are the same', async () => {
    const own = path.join(await scratchFolder(), 'own');
    await writeTinyCheckpoint(own);
    await engine.done((await engine.make(own, ['nf4'])).id);
    const file = path.join(own, 'model.safetensors');
    const { atime, mtime } = statSync(file);
    await writeTinyCheckpoint(own, { seed: 2 });
    utimesSync(file, atime, mtime);
    expect((await engine.handlers.verify({ id: 'own' }, quiet)).ok).toBe(false);
    const byId = await engine.make('own', ['nf4']);
    expect((await engine.until(byId.id, ({ state }) => state === 'failed')).error).toMatchObject({
      reason: 'checkpoint-changed',
    });
    await engine.done((await engine.make(own, ['nf4'])).id);
    const { checkpoints, artifacts } = await engine.handlers.list({}, quiet);
    expect(checkpoints.map(({ id }) => id).sort()).toEqual(['own', 'own-2']);
    expect(new Set(artifacts.map(({ checkpointId }) => checkpointId)).size).toBe(2);
    expect(new Set(artifacts.map(({ weightsSha256 }) => weightsSha256)).size).toBe(2);
    const old = checkpoints.find(({ id }) => id === 'own');
    expect(old?.directory).not.toBe(own);
    // The old weights are gone: nothing of the new ones is shown as theirs.
    expect((await engine.handlers.verify({ id: 'own-2' }, quiet)).ok).toBe(true);
    await engine.done((await engine.make(own, ['nf4'])).id);
    expect((await engine.handlers.list({}, quiet)).artifacts).toHaveLength(2);
  });

  it('is forgotten where nothing was made of what was in it', async () => {
    const own = path.join(await scratchFolder(), 'own');
    await writeTinyCheckpoint(own);
    await engine.done((await engine.make(own, [])).id);
    await writeTinyCheckpoint(own, { seed: 2 });
    await engine.done((await engine.make(own, ['int4'])).id);
    expect((await engine.handlers.list({}, quiet)).checkpoints).toHaveLength(1);
  });
});

describe('the name of an artifact', () => {
  it('is its id where the checkpoint is listed in the same breath', async () => {
    await engine.done((await engine.make(tiny, ['nf4'], { name: 'tiny' })).id);
    expect((await engine.handlers.locate({ id: 'tiny' }, quiet)).scheme).toBe('nf4');
    const [checkpoint] = (await engine.handlers.list({}, quiet)).checkpoints;
    expect(checkpoint).toMatchObject({ id: 'tiny-2', name: 'tiny' });
  });

  it('finds it where the id belongs to a checkpoint already', async () => {
    await pull();
    await engine.done((await engine.make('test/tiny', ['nf4'], { name: 'tiny' })).id);
    expect(await engine.handlers.locate({ id: 'tiny' }, quiet)).toMatchObject({
      id: 'tiny-2',
      name: 'tiny',
    });
  });

  it('cannot be given to two', async () => {
    await engine.done((await engine.make(tiny, ['nf4'], { name: 'mine' })).id);
    const { id } = await engine.make(tiny, ['int4'], { name: 'mine' });
    const job = await engine.until(id, ({ state }) => state === 'failed');
    expect(job.error).toMatchObject({
      code: 'invalid-input',
      reason: 'name-taken',
      facts: { name: 'mine', id: 'mine' },
    });
    expect(readFileSync(path.join(tiny, 'config.json'), 'utf8')).toContain('llama');
  });
});
