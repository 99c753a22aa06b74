// What is known to be damaged is kept with the model, whoever finds it and however the list of jobs looks.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startLocalHub, type LocalHub } from '../../../app/local-hub/index.ts';
import type { DamagedFile } from '../../../app/contract/library.ts';
import { runCli, runJson } from '../../fixtures/run-cli.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

const WEIGHTS = 'model.safetensors';
const DOWNLOAD = 'tiny';
const ARTIFACT = 'tiny-nf4';

let hub: LocalHub;
let engine: TestEngine;
let home: string;

beforeAll(async () => {
  const tiny = path.join(await scratchFolder(), DOWNLOAD);
  await writeTinyCheckpoint(tiny);
  hub = await startLocalHub({ repositories: { 'test/tiny': { directory: tiny } } });
  return () => hub.close();
});
beforeEach(async () => {
  home = await scratchFolder();
  engine = await TestEngine.open(home, { hubEndpoint: hub.endpoint });
  await make();
});
afterEach(async () => {
  await engine.close();
});

async function make(): Promise<void> {
  await engine.done((await engine.make('test/tiny', ['nf4'])).id);
}

async function fileOf(id: string, name = WEIGHTS): Promise<string> {
  const { checkpoints, artifacts } = await engine.handlers.library({}, quiet);
  const entries = [
    ...checkpoints.map(({ checkpoint }) => checkpoint),
    ...artifacts.map(({ artifact }) => artifact),
  ];
  return path.join(entries.find((entry) => entry.id === id)?.directory ?? '', name);
}

/** Flips a bit of a file. @param at Where; from the end where negative */
function damage(file: string, at = -1): void {
  const bytes = readFileSync(file);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** What the library knows of the damage of a model. */
async function known(id = ARTIFACT): Promise<DamagedFile[]> {
  const { checkpoints, artifacts } = await engine.handlers.library({}, quiet);
  const found =
    artifacts.find(({ artifact }) => artifact.id === id) ??
    checkpoints.find(({ checkpoint }) => checkpoint.id === id);
  if (found === undefined) throw new Error(`There is no ${id} in the library.`);
  return found.damagedFiles;
}

const verify = (id = ARTIFACT) => engine.handlers.verify({ id }, quiet);

describe('damage', () => {
  it('that a check found stays until a check finds none, whatever becomes of the jobs', async () => {
    const file = await fileOf(ARTIFACT);
    const sound = readFileSync(file);
    damage(file);
    const job = await engine.handlers.startJob(
      { request: { kind: 'verify', id: ARTIFACT } },
      quiet,
    );
    await engine.done(job.id);
    const found = [{ name: WEIGHTS, state: 'changed', foundBy: 'verify' }];
    expect(await known()).toMatchObject(found);
    await engine.handlers.forgetJob({ jobId: job.id }, quiet);
    expect(await known()).toMatchObject(found);

    // A check that is stopped has found nothing, neither good nor bad.
    const stopped = AbortSignal.abort();
    await expect(
      engine.handlers.verify({ id: ARTIFACT }, { ...quiet, signal: stopped }),
    ).rejects.toThrow('abort');
    expect(await known()).toMatchObject(found);

    // Another process on the same home knows it.
    await engine.close();
    engine = await TestEngine.open(home, { hubEndpoint: hub.endpoint });
    expect(await known()).toMatchObject(found);
    writeFileSync(file, sound);
    expect((await verify()).ok).toBe(true);
    expect(await known()).toEqual([]);
  });

  it('is what the last whole check says: files that were mended leave, others come', async () => {
    damage(await fileOf(ARTIFACT));
    await verify();
    damage(await fileOf(ARTIFACT));
    rmSync(await fileOf(ARTIFACT, 'config.json'));
    await verify();
    expect(await known()).toMatchObject([{ name: 'config.json', state: 'missing' }]);
  });

  it('leaves with the model: one that is made again is sound', async () => {
    damage(await fileOf(ARTIFACT));
    await verify();
    await engine.handlers.remove({ id: ARTIFACT, forever: true }, quiet);
    damage(await fileOf(DOWNLOAD));
    await verify(DOWNLOAD);
    await engine.handlers.remove({ id: DOWNLOAD, forever: true }, quiet);
    // The damaged files are not what Nibble wrote, so they were left; they are in nobody's way.
    await make();
    const { artifacts, checkpoints } = await engine.handlers.library({}, quiet);
    expect(artifacts).toMatchObject([{ damagedFiles: [] }]);
    expect(checkpoints).toMatchObject([{ damagedFiles: [] }]);
    for (const id of [artifacts[0]?.artifact.id, checkpoints[0]?.checkpoint.id])
      expect((await verify(id)).ok).toBe(true);
  });

  it.each([
    ['a weight', -1],
    ['a name in the header, so that a tensor is missing', 12],
  ])('that shows when the model is loaded is kept: %s', async (_, at) => {
    damage(await fileOf(ARTIFACT), at);
    const watching = new AbortController();
    const failed = new Promise<void>((resolve) => {
      void engine.handlers.watchModels(
        {},
        {
          signal: watching.signal,
          emit: ([model]) => {
            if (model?.state === 'crashed') resolve();
          },
        },
      );
    });
    await engine.handlers.loadModel({ artifactId: ARTIFACT }, quiet).catch(() => undefined);
    await failed;
    watching.abort();
    expect(await known()).toMatchObject([{ name: WEIGHTS, state: 'changed', foundBy: 'use' }]);
  });

  it('that is another whole model in the folder is kept, too', async () => {
    await engine.done((await engine.make('test/tiny', ['int4'])).id);
    const [own, other] = await Promise.all([fileOf(ARTIFACT, ''), fileOf('tiny-int4', '')]);
    for (const name of readdirSync(other)) cpSync(path.join(other, name), path.join(own, name));
    await expect(engine.handlers.loadModel({ artifactId: ARTIFACT }, quiet)).rejects.toMatchObject({
      reason: 'weights-of-another',
    });
    expect((await known()).map(({ name }) => name)).toContain(WEIGHTS);
  });

  it('of what the model speaks by shows at load, too, and is known beside the rest', async () => {
    damage(await fileOf(ARTIFACT));
    await verify();
    rmSync(await fileOf(ARTIFACT, 'config.json'));
    await expect(engine.handlers.loadModel({ artifactId: ARTIFACT }, quiet)).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await known()).toMatchObject([
      { name: 'config.json', state: 'missing', foundBy: 'use' },
      { name: WEIGHTS, state: 'changed', foundBy: 'verify' },
    ]);
  });

  it('keeps a model from being taken for made, and a download from being made into others', async () => {
    damage(await fileOf(ARTIFACT));
    await verify();
    const again = await engine.make('test/tiny', ['nf4']);
    await expect(engine.done(again.id)).rejects.toThrow('artifact-damaged');

    damage(await fileOf(DOWNLOAD));
    await verify(DOWNLOAD);
    expect(await known(DOWNLOAD)).toMatchObject([{ name: WEIGHTS, state: 'changed' }]);
    const other = await engine.make('test/tiny', ['int4']);
    await expect(engine.done(other.id)).rejects.toThrow('checkpoint-damaged');
  });

  it('that a command line comes upon is marked in the list', async () => {
    damage(await fileOf(ARTIFACT));
    const generated = await runCli(['generate', ARTIFACT, '--ids', '1,2', '--max-tokens', '2'], {
      home,
    });
    expect(generated.code).toBe(1);
    expect(await known()).toMatchObject([{ name: WEIGHTS, foundBy: 'use' }]);
    expect((await runCli(['list'], { home })).stdout).toContain(`${ARTIFACT}  ${WEIGHTS} changed`);
    expect(await runJson(['list'], { home })).toMatchObject({
      damaged: { [ARTIFACT]: [{ name: WEIGHTS }] },
    });
  });
});
