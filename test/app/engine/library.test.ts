import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openCatalog } from '../../../app/catalog/index.ts';
import { sampleModel } from '../../../app/engine.ts';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import type { LocalHub } from '../../../app/local-hub/index.ts';
import { startFaultyHub } from '../../fixtures/hub/faulty-hub.ts';
import { Gate } from '../../fixtures/gate.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { canMount } from '../../fixtures/small-disk.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

let hub: LocalHub;
/** A folder of the person's own with one checkpoint in it. */
let tiny: string;
let home: string;
let engine: TestEngine;
/** Nothing may get into the real trash of whoever runs the tests. */
let dataHome: string;
const realDataHome = process.env['XDG_DATA_HOME'];

beforeAll(async () => {
  // Once for the whole file: where the trash is, is looked up when it is first used.
  dataHome = await scratchFolder();
  process.env['XDG_DATA_HOME'] = dataHome;
  tiny = path.join(await scratchFolder(), 'tiny');
  await writeTinyCheckpoint(tiny);
  hub = await startFaultyHub({ repositories: { 'test/tiny': { directory: tiny } } });
});
afterAll(async () => {
  await hub.close();
  if (realDataHome === undefined) delete process.env['XDG_DATA_HOME'];
  else process.env['XDG_DATA_HOME'] = realDataHome;
});
beforeEach(async () => {
  home = await scratchFolder();
  engine = await TestEngine.open(home, { hubEndpoint: hub.endpoint });
});
afterEach(async () => {
  await engine.close();
});

const library = () => engine.handlers.library({}, quiet);
const made = async (
  source = 'test/tiny',
  schemes: Parameters<TestEngine['make']>[1] = ['nf4'],
): Promise<void> => {
  await engine.done((await engine.make(source, schemes)).id);
};

describe('folders', () => {
  it('begin with the home, which is the default and cannot be taken out', async () => {
    const { folders, totalBytes } = await library();
    expect(folders).toMatchObject([
      { id: 1, directory: home, isDefault: true, available: true, usedBytes: 0 },
    ]);
    expect(folders[0]?.freeBytes).toBeGreaterThan(0);
    expect(totalBytes).toBe(0);
    await expect(engine.handlers.removeFolder({ folderId: 1 }, quiet)).rejects.toMatchObject({
      code: 'invalid-input',
    });
    await expect(engine.handlers.removeFolder({ folderId: 9 }, quiet)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('list what lies in them, at the depths that people use, and pass over what is no model', async () => {
    const folder = await scratchFolder();
    cpSync(tiny, path.join(folder, 'flat'), { recursive: true });
    cpSync(tiny, path.join(folder, 'owner', 'nested'), { recursive: true });
    mkdirSync(path.join(folder, 'broken'));
    writeFileSync(path.join(folder, 'broken', 'config.json'), '{');
    mkdirSync(path.join(folder, 'half'));
    cpSync(tiny, path.join(folder, 'half'), { recursive: true });
    writeFileSync(path.join(folder, 'half', 'tokenizer.json.part'), '');
    const { folderId, found } = await engine.handlers.addFolder({ directory: folder }, quiet);
    expect(found).toEqual(['flat', 'nested']);
    const { folders, checkpoints } = await library();
    expect(folders[1]).toMatchObject({ id: folderId, isDefault: false, available: true });
    expect(folders[1]?.usedBytes).toBeGreaterThan(0);
    expect(checkpoints.every(({ checkpoint }) => !checkpoint.owned)).toBe(true);

    // Adding it again finds what came since.
    cpSync(tiny, path.join(folder, 'later'), { recursive: true });
    const again = await engine.handlers.addFolder({ directory: folder }, quiet);
    expect(again).toEqual({ folderId, found: ['flat', 'later', 'nested'] });

    await engine.handlers.removeFolder({ folderId }, quiet);
    expect((await library()).checkpoints).toEqual([]);
    expect(existsSync(path.join(folder, 'flat', 'model.safetensors'))).toBe(true);
  });

  it('are refused when they are missing, files, or inside one another', async () => {
    const folder = await scratchFolder();
    const inner = path.join(folder, 'inner');
    mkdirSync(inner);
    const add = (directory: string) => engine.handlers.addFolder({ directory }, quiet);
    await expect(add(path.join(folder, 'nothing'))).rejects.toMatchObject({ code: 'not-found' });
    writeFileSync(path.join(folder, 'file'), '');
    chmodSync(path.join(folder, 'file'), 0o755);
    await expect(add(path.join(folder, 'file'))).rejects.toMatchObject({ code: 'invalid-input' });
    await add(inner);
    await expect(add(folder)).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(add(path.join(home, 'artifacts'))).rejects.toMatchObject({
      code: 'invalid-input',
    });
    expect((await library()).folders).toHaveLength(2);
  });

  it('take new models when they are the default, and keep them listed while they are away', async () => {
    const disk = await scratchFolder();
    const folder = path.join(disk, 'models');
    mkdirSync(folder);
    const { folderId } = await engine.handlers.addFolder({ directory: folder }, quiet);
    await engine.handlers.setDefaultFolder({ folderId }, quiet);
    await expect(engine.handlers.removeFolder({ folderId }, quiet)).rejects.toMatchObject({
      code: 'invalid-input',
    });
    await made();
    expect(existsSync(path.join(folder, 'artifacts', 'tiny-nf4', 'model.safetensors'))).toBe(true);
    expect(readdirSync(path.join(home, 'artifacts'))).toEqual([]);

    renameSync(folder, `${folder}-away`);
    const away = await library();
    expect(away.folders[1]).toMatchObject({ available: false, freeBytes: null, isDefault: true });
    expect(away.artifacts.map(({ available }) => available)).toEqual([false]);
    expect(away.checkpoints.map(({ available }) => available)).toEqual([false]);
    const { id } = await engine.make('test/tiny', ['int4']);
    expect((await engine.until(id, ({ state }) => state === 'failed')).error?.message).toContain(
      'cannot be reached',
    );
    // Taking it off the list by way of the trash would lose track of files that are still there.
    await expect(
      engine.handlers.remove({ id: 'tiny-nf4', forever: false }, quiet),
    ).rejects.toMatchObject({ code: 'not-found' });

    // The empty place where a disk was mounted is not the disk.
    mkdirSync(folder);
    expect((await library()).folders[1]?.available).toBe(false);
    await expect(engine.handlers.setDefaultFolder({ folderId }, quiet)).rejects.toMatchObject({
      code: 'not-found',
    });
    rmSync(folder, { recursive: true });

    renameSync(`${folder}-away`, folder);
    const back = await library();
    expect(back.folders[1]?.available).toBe(true);
    expect(back.artifacts.map(({ available }) => available)).toEqual([true]);
    await engine.handlers.resumeJob({ jobId: id }, quiet);
    await engine.done(id);
  });
});

describe('artifacts that lie in a folder already', () => {
  it('are listed with all that their manifest says, and can be verified', async () => {
    await made(tiny, ['nf4']);
    const before = await engine.handlers.show({ id: 'tiny-nf4' }, quiet);
    if (before.kind !== 'artifact') throw new Error('no artifact');
    const folder = await scratchFolder();
    cpSync(before.artifact.directory, path.join(folder, 'artifacts', 'moved'), { recursive: true });
    const { found } = await engine.handlers.addFolder({ directory: folder }, quiet);
    expect(found).toEqual(['moved']);
    const after = await engine.handlers.show({ id: 'moved' }, quiet);
    if (after.kind !== 'artifact') throw new Error('no artifact');
    const same = [
      'scheme',
      'blockSize',
      'weightsSha256',
      'outputLayerCopy',
      'sizeBytes',
      'sourceBytes',
      'totals',
    ] as const;
    for (const key of same) expect(after.artifact[key]).toEqual(before.artifact[key]);
    expect(after.tensors).toEqual(before.tensors);
    // Another model that gets this name one day is not its source.
    expect(after.artifact.checkpointId).toBe('moved@local');
    const verified = await engine.handlers.verify({ id: 'moved' }, quiet);
    expect(verified.ok).toBe(true);
    for (const name of ['model.safetensors', 'nibble-runtime.tensors'])
      expect(verified.files.find((file) => file.name === name)?.state).toBe('ok');

    const copy = path.join(after.artifact.directory, 'nibble-runtime.tensors');
    const bytes = readFileSync(copy);
    bytes[bytes.byteLength - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(copy, bytes);
    const changed = await engine.handlers.verify({ id: 'moved' }, quiet);
    expect(changed.ok).toBe(false);
    expect(changed.files.filter(({ state }) => state === 'changed')).toEqual([
      { name: 'nibble-runtime.tensors', sizeBytes: bytes.byteLength, state: 'changed' },
    ]);
    rmSync(copy);
    expect(
      (await engine.handlers.verify({ id: 'moved' }, quiet)).files.filter(
        ({ state }) => state === 'missing',
      ),
    ).toMatchObject([{ name: 'nibble-runtime.tensors' }]);
  });

  it('count the copy of the output layer, and are another artifact without it', async () => {
    await made(tiny, ['nf4']);
    const found = await engine.handlers.inspect({ source: 'tiny', contextLength: 128 }, quiet);
    const size = found.schemes.find(({ scheme }) => scheme === 'nf4');
    const start = (outputLayerCopy?: boolean): Promise<Artifact[]> =>
      engine.handlers.quantize(
        { source: 'tiny', schemes: ['nf4'], device: 'auto', outputLayerCopy },
        quiet,
      );
    const [withCopy] = await start();
    const [without] = await start(false);
    expect([withCopy?.id, without?.id]).toEqual(['tiny-nf4', 'tiny-nf4-no-copy']);
    expect(await start(false)).toEqual([{ ...without, isNew: false }]);
    const copyBytes = withCopy?.outputLayerCopy?.sizeBytes ?? 0;
    expect(copyBytes).toBe(size?.outputLayerCopyBytes);
    expect(copyBytes).toBeGreaterThan(0);
    expect(without?.outputLayerCopy).toBeNull();
    expect(withCopy?.weightsBytes).toBe(without?.weightsBytes);
    // The manifest has some lines more too.
    const more = (withCopy?.sizeBytes ?? 0) - (without?.sizeBytes ?? 0);
    expect(more).toBeGreaterThanOrEqual(copyBytes);
    expect(more).toBeLessThan(copyBytes + 4096);
    expect(size?.memoryBytes).toBe((size?.withoutCopy.memoryBytes ?? 0) + copyBytes);
  });

  it('from before hashes went over tensors are verified by their sha256', async () => {
    await made(tiny, ['nf4']);
    const [entry] = (await library()).artifacts;
    const folder = await scratchFolder();
    const old = path.join(folder, 'old');
    cpSync(entry?.artifact.directory ?? '', old, { recursive: true });
    const manifestFile = path.join(old, 'nibble.json');
    const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as {
      format: number;
      weightsSha256: string;
      outputLayerCopy?: { sha256: string };
      files: { name: string; sha256: string; hashKind?: string }[];
    };
    manifest.format = 1;
    for (const file of manifest.files) {
      delete file.hashKind;
      const bytes = readFileSync(path.join(old, file.name));
      file.sha256 = createHash('sha256').update(bytes).digest('hex');
      if (file.name === 'model.safetensors') manifest.weightsSha256 = file.sha256;
      if (file.name === 'nibble-runtime.tensors' && manifest.outputLayerCopy !== undefined)
        manifest.outputLayerCopy.sha256 = file.sha256;
    }
    writeFileSync(manifestFile, JSON.stringify(manifest));
    expect((await engine.handlers.addFolder({ directory: folder }, quiet)).found).toEqual(['old']);
    expect((await engine.handlers.verify({ id: 'old' }, quiet)).ok).toBe(true);
    const weights = path.join(old, 'model.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(weights, bytes);
    const verified = await engine.handlers.verify({ id: 'old' }, quiet);
    expect(verified.files.find(({ name }) => name === 'model.safetensors')?.state).toBe('changed');
  });

  it.each([
    ['a weight', (bytes: Buffer) => bytes.length - 1],
    ['the header', () => 9],
  ])('are found to be changed where %s was', async (_, place) => {
    await made(tiny, ['nf4']);
    const [entry] = (await library()).artifacts;
    const weights = path.join(entry?.artifact.directory ?? '', 'model.safetensors');
    const bytes = readFileSync(weights);
    const at = place(bytes);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(weights, bytes);
    const verified = await engine.handlers.verify({ id: 'tiny-nf4' }, quiet);
    expect(verified.ok).toBe(false);
    const changed = verified.files.filter(({ state }) => state === 'changed');
    expect(changed.map(({ name }) => name)).toEqual(['model.safetensors']);
  });

  it('are passed over when the manifest lies', async () => {
    await made(tiny, ['nf4']);
    const [entry] = (await library()).artifacts;
    const original = entry?.artifact.directory ?? '';
    const folder = await scratchFolder();
    const text = readFileSync(path.join(original, 'nibble.json'), 'utf8');
    const lies: Record<string, string> = {
      json: '{',
      schema: '{"format":1}',
      hash: text.replace(/"weightsSha256": "[0-9a-f]{4}/, '"weightsSha256": "no!!'),
      escape: text.replace('"name": "config.json"', '"name": "../config.json"'),
      size: text.replace(/"sizeBytes": \d+/, '"sizeBytes": 1'),
      copy: text.replace(/("blockSize": 64,\s+"sizeBytes": )\d+/, '$11'),
      scheme: text.replace('"scheme": "nf4"', '"scheme": "../nf5"'),
      negative: text.replace(/"weightsBytes": \d+/, '"weightsBytes": 0'),
    };
    for (const [name, lie] of Object.entries(lies)) {
      expect(lie).not.toBe(text);
      cpSync(original, path.join(folder, name), { recursive: true });
      writeFileSync(path.join(folder, name, 'nibble.json'), lie);
    }
    expect((await engine.handlers.addFolder({ directory: folder }, quiet)).found).toEqual([]);
    expect((await library()).artifacts).toHaveLength(1);
  });

  it('are shown with the scheme that only a newer Nibble has', async () => {
    await made(tiny, ['nf4']);
    const original = (await library()).artifacts[0]?.artifact.directory ?? '';
    const folder = await scratchFolder();
    cpSync(original, path.join(folder, 'newer'), { recursive: true });
    const file = path.join(folder, 'newer', 'nibble.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"scheme": "nf4"', '"scheme": "nf5"'));
    await engine.handlers.addFolder({ directory: folder }, quiet);
    const { artifacts } = await library();
    expect(artifacts.map(({ artifact }) => artifact.scheme).sort()).toEqual(['nf4', 'nf5']);
    expect(readFileSync(file, 'utf8')).toContain('"scheme": "nf5"');
    // What is not known is not made.
    const request = { source: 'tiny', schemes: ['nf5'], device: 'cpu' } as const;
    await expect(
      engine.handlers.quantize({ ...request, schemes: [...request.schemes] }, quiet),
    ).rejects.toMatchObject({ code: 'invalid-input' });
  });
});

describe('remove', () => {
  it('moves the files to the trash and takes the row away', async () => {
    await made();
    const [entry] = (await library()).artifacts;
    const removed = await engine.handlers.remove({ id: 'tiny-nf4', forever: false }, quiet);
    expect(removed).toMatchObject({ deletedFiles: true, directory: entry?.artifact.directory });
    expect(removed.freedBytes).toBe(entry?.artifact.sizeBytes);
    expect(existsSync(removed.directory)).toBe(false);
    expect((await library()).artifacts).toEqual([]);
    if (process.platform === 'linux') {
      const [trashed = ''] = readdirSync(path.join(dataHome, 'Trash', 'files'));
      // File managers show this name.
      expect(trashed).toBe('tiny-nf4');
      expect(readdirSync(path.join(dataHome, 'Trash', 'info'))).toEqual(['tiny-nf4.trashinfo']);
      expect(readdirSync(path.join(dataHome, 'Trash', 'files', trashed))).toEqual(
        expect.arrayContaining(['model.safetensors', 'nibble-runtime.tensors']),
      );
    }
  });

  it.skipIf(process.platform !== 'linux')(
    'changes nothing when there is no trash, and says how to do without (Linux: where the trash is can be chosen)',
    async () => {
      await made();
      const trash = path.join(dataHome, 'Trash');
      rmSync(trash, { recursive: true, force: true });
      writeFileSync(trash, '');
      const before = await library();
      const failure = await engine.handlers.remove({ id: 'tiny-nf4', forever: false }, quiet).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ remedy: expect.stringContaining('forever') as string });
      const { artifacts, unfinished } = await library();
      expect({ artifacts, unfinished }).toEqual({
        artifacts: before.artifacts,
        unfinished: before.unfinished,
      });
      expect((await engine.handlers.verify({ id: 'tiny-nf4' }, quiet)).ok).toBe(true);

      const removed = await engine.handlers.remove({ id: 'tiny-nf4', forever: true }, quiet);
      expect(existsSync(removed.directory)).toBe(false);
      expect((await library()).artifacts).toEqual([]);
    },
  );

  it.each([false, true])(
    'leaves what Nibble did not make or others changed (forever: %s)',
    async (forever) => {
      // Another test puts a file in its place.
      rmSync(path.join(dataHome, 'Trash'), { recursive: true, force: true });
      await made('test/tiny', ['nf4']);
      const { directory } = (await library()).artifacts[0]?.artifact ?? { directory: '' };
      const own = path.join(directory, 'notes', 'own.txt');
      mkdirSync(path.dirname(own));
      writeFileSync(own, 'mine');
      // Of the same size, but not what was recorded any more.
      const config = path.join(directory, 'config.json');
      const text = readFileSync(config, 'utf8').replace('llama', 'LLAMA');
      writeFileSync(config, text);
      utimesSync(config, new Date(), new Date(Date.now() + 60_000));
      // As a copy that keeps its times (`cp -p`) puts it there: by them it is older than the model.
      const weights = path.join(directory, 'model.safetensors');
      const others = readFileSync(weights);
      others.writeUInt8(255 - others.readUInt8(others.length - 1), others.length - 1);
      writeFileSync(weights, others);
      utimesSync(weights, new Date(2000, 1), new Date(2000, 1));
      const removed = await engine.handlers.remove({ id: 'tiny-nf4', forever }, quiet);
      expect(removed.deletedFiles).toBe(true);
      expect(readdirSync(directory).sort()).toEqual(['config.json', 'model.safetensors', 'notes']);
      expect(readFileSync(own, 'utf8')).toBe('mine');
      expect(readFileSync(config, 'utf8')).toBe(text);
      expect((await library()).artifacts).toEqual([]);
      rmSync(directory, { recursive: true });
    },
  );

  it.skipIf(process.platform === 'win32').each([false, true])(
    'leaves links where they are, and what they lead to (forever: %s; Windows lets few make links)',
    async (forever) => {
      rmSync(path.join(dataHome, 'Trash'), { recursive: true, force: true });
      await made('test/tiny', ['nf4']);
      const { directory } = (await library()).artifacts[0]?.artifact ?? { directory: '' };
      const own = await scratchFolder();
      writeFileSync(path.join(own, 'own.txt'), 'mine');
      // Its bytes are those of the model, under another name.
      linkSync(path.join(directory, 'model.safetensors'), path.join(own, 'model.safetensors'));
      symlinkSync(own, path.join(directory, 'folder'));
      symlinkSync(path.join(own, 'own.txt'), path.join(directory, 'file.txt'));
      const removed = await engine.handlers.remove({ id: 'tiny-nf4', forever }, quiet);
      expect(removed.keptFiles).toEqual(['file.txt', 'folder']);
      expect(readdirSync(directory).sort()).toEqual(['file.txt', 'folder']);
      expect(readdirSync(own).sort()).toEqual(['model.safetensors', 'own.txt']);
      rmSync(directory, { recursive: true });
    },
  );

  it.skipIf(process.platform === 'win32')(
    'deletes nothing through a link that stands for the whole folder (Windows lets few make links)',
    async () => {
      await made('test/tiny', ['nf4']);
      const { directory } = (await library()).artifacts[0]?.artifact ?? { directory: '' };
      const copy = `${directory}-copy`;
      cpSync(directory, copy, { recursive: true, preserveTimestamps: true });
      rmSync(directory, { recursive: true });
      symlinkSync(copy, directory);
      const before = readdirSync(copy);
      const removed = await engine.handlers.remove({ id: 'tiny-nf4', forever: true }, quiet);
      expect(removed).toMatchObject({ deletedFiles: false, freedBytes: 0 });
      expect(readdirSync(copy)).toEqual(before);
      expect((await library()).artifacts).toEqual([]);
      rmSync(directory);
      rmSync(copy, { recursive: true });
    },
  );

  it('takes off the list what lies outside of the library, and leaves its files', async () => {
    await made('test/tiny', ['nf4']);
    const outside = path.join(await scratchFolder(), 'elsewhere');
    const { directory } = (await library()).artifacts[0]?.artifact ?? { directory: '' };
    renameSync(directory, outside);
    await engine.close();
    const db = new Sqlite(path.join(home, 'catalog.sqlite'));
    db.prepare('UPDATE artifacts SET directory = ?').run(outside);
    db.close();
    engine = await TestEngine.open(home);
    const removed = await engine.handlers.remove({ id: 'tiny-nf4', forever: true }, quiet);
    expect(removed.deletedFiles).toBe(false);
    expect(existsSync(path.join(outside, 'model.safetensors'))).toBe(true);
    expect((await library()).artifacts).toEqual([]);
  });

  it('leaves a folder of the person alone', async () => {
    await made(tiny, []);
    const removed = await engine.handlers.remove({ id: 'tiny', forever: true }, quiet);
    expect(removed).toMatchObject({ deletedFiles: false, freedBytes: 0 });
    expect(existsSync(path.join(tiny, 'model.safetensors'))).toBe(true);
  });

  it('counts as freed only what no other model shares', async () => {
    await made('test/tiny', ['bf16']);
    const { artifacts, totalBytes } = await library();
    const whole = artifacts[0]?.artifact;
    const { freedBytes } = await engine.handlers.remove({ id: 'tiny-bf16', forever: true }, quiet);
    expect(freedBytes).toBe((whole?.sizeBytes ?? 0) - (whole?.weightsBytes ?? 0));
    expect(totalBytes).toBeGreaterThan(freedBytes);
    expect((await engine.handlers.verify({ id: 'tiny' }, quiet)).ok).toBe(true);
  });

  it('is finished or forgotten at the next start when a crash cut it in two', async () => {
    await made('test/tiny', ['nf4', 'int4']);
    const { artifacts } = await library();
    await engine.close();
    const catalog = openCatalog(path.join(home, 'catalog.sqlite'));
    for (const { artifact } of artifacts)
      catalog.models.beginRemoval({
        id: artifact.id,
        kind: 'artifact',
        directory: artifact.directory,
      });
    catalog.close();
    // One had left, the other had not.
    rmSync(path.join(home, 'artifacts', 'tiny-int4'), { recursive: true });
    engine = await TestEngine.open(home);
    expect((await library()).artifacts.map(({ artifact }) => artifact.id)).toEqual(['tiny-nf4']);
    await engine.close();
    engine = await TestEngine.open(home);
    expect((await library()).artifacts).toHaveLength(1);
  });
});

describe('names and leftovers', () => {
  it('renames without moving anything', async () => {
    await made();
    const [before] = (await library()).artifacts;
    await engine.handlers.rename({ id: 'tiny-nf4', name: 'My model' }, quiet);
    const [after] = (await library()).artifacts;
    expect(after?.artifact).toEqual({ ...before?.artifact, name: 'My model' });
    await engine.handlers.rename({ id: 'tiny', name: 'Source' }, quiet);
    expect((await library()).checkpoints[0]?.checkpoint.name).toBe('Source');
    await expect(engine.handlers.rename({ id: 'nothing', name: 'x' }, quiet)).rejects.toMatchObject(
      { code: 'not-found' },
    );
  });

  it('lists what this version cannot read, and takes it off the list when asked', async () => {
    await made();
    await engine.close();
    const db = new Sqlite(path.join(home, 'catalog.sqlite'));
    db.prepare("UPDATE artifacts SET scheme = ''").run();
    db.prepare('UPDATE jobs SET request = ?').run(JSON.stringify({ kind: 'distill' }));
    db.close();
    engine = await TestEngine.open(home, { hubEndpoint: hub.endpoint });
    const { unreadable } = await engine.handlers.list({}, quiet);
    expect(unreadable).toEqual((await library()).unreadable);
    expect(unreadable.map(({ kind }) => kind)).toEqual(['artifact', 'job']);
    // What can be read is no such entry.
    await expect(
      engine.handlers.forgetUnreadable({ kind: 'checkpoint', id: 'tiny' }, quiet),
    ).rejects.toMatchObject({ code: 'not-found' });
    for (const { kind, id } of unreadable)
      await engine.handlers.forgetUnreadable({ kind, id }, quiet);
    expect((await engine.handlers.list({}, quiet)).unreadable).toEqual([]);
    expect(existsSync(path.join(home, 'artifacts', 'tiny-nf4', 'model.safetensors'))).toBe(true);
    expect((await library()).checkpoints).toHaveLength(1);
  });

  it.each([
    ['a later format', { format: 3, toolVersion: '0.1.0' }, '0.1.0'],
    [
      'a field as a later version writes it',
      { blockSize: [16, 16], toolVersion: '0.10.0-beta.1' },
      '0.10.0-beta.1',
    ],
  ])('keeps an artifact with %s, and says which Nibble made it', async (_what, change, version) => {
    await made();
    const known = path.join(home, 'artifacts', 'tiny-nf4');
    const folder = path.join(home, 'artifacts', 'newer');
    cpSync(known, folder, { recursive: true });
    const manifestFile = path.join(folder, 'nibble.json');
    const manifest = z.looseObject({}).parse(JSON.parse(readFileSync(manifestFile, 'utf8')));
    writeFileSync(manifestFile, JSON.stringify({ ...manifest, ...change }));
    const bytes = (): string[] =>
      readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'base64'));
    const before = bytes();

    const { unreadable, unfinished } = await library();
    const entry = { kind: 'artifact', id: 'artifacts/newer', name: 'newer' } as const;
    expect(unreadable).toEqual([{ ...entry, directory: folder, madeBy: version }]);
    expect(unfinished).toEqual([]);
    expect((await engine.handlers.list({}, quiet)).unreadable).toEqual(unreadable);
    const newer = {
      code: 'unsupported-model',
      reason: 'artifact-newer',
      facts: { folder, version },
    };
    for (const attempt of [
      engine.handlers.add({ path: folder }, quiet),
      engine.handlers.discardUnfinished({ name: 'artifacts/newer' }, quiet),
    ])
      await expect(attempt).rejects.toMatchObject(newer);
    await expect(engine.handlers.forgetUnreadable(entry, quiet)).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(bytes()).toEqual(before);

    // The same in the manifest of this version is damage.
    writeFileSync(manifestFile, JSON.stringify({ ...manifest, blockSize: [16, 16] }));
    await expect(engine.handlers.add({ path: folder }, quiet)).rejects.toMatchObject({
      code: 'malformed-file',
    });
  });

  it('discards what is listed as unfinished, and nothing else', async () => {
    await made();
    const partial = path.join(home, 'artifacts', 'begun.partial');
    mkdirSync(partial);
    writeFileSync(path.join(partial, 'model.safetensors'), Buffer.alloc(1000));
    const { unfinished } = await library();
    expect(unfinished).toEqual([{ name: 'artifacts/begun.partial', sizeBytes: 1000 }]);
    for (const name of ['artifacts/tiny-nf4', '../home', '.', 'artifacts'])
      await expect(engine.handlers.discardUnfinished({ name }, quiet)).rejects.toMatchObject({
        code: 'not-found',
      });
    expect(
      await engine.handlers.discardUnfinished({ name: 'artifacts/begun.partial' }, quiet),
    ).toEqual({ freedBytes: 1000 });
    expect(existsSync(partial)).toBe(false);
    expect((await library()).unfinished).toEqual([]);
    expect((await library()).artifacts).toHaveLength(1);
  });
});

describe.skipIf(!canMount)('on a small disk of its own (needs root on Linux, to mount it)', () => {
  it('waits while the disk is full, says so, and goes on when there is room', async () => {
    const disk = await scratchFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'none', disk]);
    try {
      const ballast = path.join(disk, 'ballast');
      const { folderId } = await engine.handlers.addFolder({ directory: disk }, quiet);
      await engine.handlers.setDefaultFolder({ folderId }, quiet);
      const gate = new Gate();
      gate.close();
      await using slow = await startLocalSample(gate);
      await engine.close();
      engine = await TestEngine.open(home, { hubEndpoint: slow.endpoint });
      const { id } = await engine.make(sampleModel.repository, []);
      // It has begun, so the check before the start is past; now the disk fills up behind its back.
      await engine.until(id, ({ steps }) => steps.some(({ done }) => done > 0));
      fill(ballast);
      gate.open();
      const waiting = await engine.until(id, ({ waitsForDisk }) => waitsForDisk);
      expect(waiting.state).toBe('running');
      expect(waiting.steps.at(-1)?.detail).toContain('full');
      rmSync(ballast);
      const job = await engine.done(id);
      expect(job.waitsForDisk).toBe(false);
      expect((await engine.handlers.verify({ id: 'sample' }, quiet)).ok).toBe(true);
    } finally {
      await engine.close();
      execFileSync('umount', [disk]);
    }
  });
});

/** Serves the sample model, of whose files a part comes before the gate is opened. */
async function startLocalSample(gate: Gate): Promise<AsyncDisposable & { endpoint: string }> {
  const server = await startFaultyHub({
    repositories: { [sampleModel.repository]: { directory: sampleModel.directory } },
    intercept: ({ host }) => (host === 'content' ? gate.holdFile(1 << 20) : undefined),
  });
  return { endpoint: server.endpoint, [Symbol.asyncDispose]: () => server.close() };
}

/** Writes until there is no room left. */
function fill(file: string): void {
  const block = Buffer.alloc(1 << 20);
  try {
    for (;;) writeFileSync(file, block, { flag: 'a' });
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  }
}
