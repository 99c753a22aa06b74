import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { listAuxiliaryFiles } from '../../../app/quantize/auxiliary-files.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

let root: string;
let folder: string;

beforeEach(async () => {
  root = await scratchFolder();
  folder = path.join(root, 'model');
  await mkdir(folder);
  await writeFile(path.join(root, 'secret'), 'a key of the person');
});

// Windows asks for a right of its own before it makes links.
describe.skipIf(process.platform === 'win32')('auxiliary files that are links', () => {
  it.each(['chat_template.jinja', 'tokenizer.json', 'LICENSE'])(
    'are refused by name when %s leads out of the folder',
    async (name) => {
      await symlink(path.join(root, 'secret'), path.join(folder, name));
      await expect(listAuxiliaryFiles(folder)).rejects.toMatchObject({
        code: 'invalid-input',
        reason: 'link-leaves-folder',
        facts: { file: name, folder },
      });
    },
  );

  it('are refused when they lead out by way of another link', async () => {
    await symlink(path.join(root, 'secret'), path.join(folder, 'inner'));
    await symlink('inner', path.join(folder, 'tokenizer.json'));
    await expect(listAuxiliaryFiles(folder)).rejects.toMatchObject({
      reason: 'link-leaves-folder',
    });
  });

  it('are taken within the folder, and from the blobs of a hub cache', async () => {
    await writeFile(path.join(folder, 'real.json'), '{}');
    await symlink('real.json', path.join(folder, 'tokenizer.json'));
    expect(await listAuxiliaryFiles(folder)).toEqual([{ name: 'tokenizer.json', sizeBytes: 2 }]);
    const cache = path.join(root, 'models--a--b');
    const snapshot = path.join(cache, 'snapshots', 'c0ffee');
    await mkdir(snapshot, { recursive: true });
    await mkdir(path.join(cache, 'blobs'));
    await writeFile(path.join(cache, 'blobs', 'hash'), '{}');
    await symlink('../../blobs/hash', path.join(snapshot, 'tokenizer.json'));
    expect(await listAuxiliaryFiles(snapshot)).toHaveLength(1);
    await writeFile(path.join(cache, 'refs'), '{}');
    await symlink('../../refs', path.join(snapshot, 'vocab.json'));
    await expect(listAuxiliaryFiles(snapshot)).rejects.toThrow('vocab.json');
  });

  it('are passed over where they lead nowhere', async () => {
    await symlink('nothing', path.join(folder, 'tokenizer.json'));
    expect(await listAuxiliaryFiles(folder)).toEqual([]);
  });
});
