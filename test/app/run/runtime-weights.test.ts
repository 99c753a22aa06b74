// nibble-runtime.tensors may come from anywhere: what is wrong with it is said with a way out, and exact mode does not care.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ensureGraph } from '../../../app/run/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { encodeSafetensors, writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';
import type { FixtureTensor } from '../../fixtures/tiny-checkpoint.ts';

let root: string;
let folder: string;
let copy: string;
let sound: Buffer;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'nibble-runtime-weights-'));
  folder = path.join(root, 'artifact');
  copy = path.join(folder, 'nibble-runtime.tensors');
  await writeTinyCheckpoint(path.join(root, 'source'));
  await quantizeFolder(path.join(root, 'source'), folder, 'nf4');
  sound = await readFile(copy);
});
beforeEach(async () => {
  await rm(copy, { recursive: true, force: true });
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const usesCopy = async (mode: 'fast' | 'exact'): Promise<boolean> =>
  (await readFile((await ensureGraph(folder, mode)).graphPath)).includes('nibble-runtime.tensors');

function tensor(name: string, dtype: 'I8' | 'F32', shape: readonly number[]): FixtureTensor {
  const numel = shape.reduce((product, size) => product * size, 1);
  return { name, dtype, shape, bytes: new Uint8Array(numel * (dtype === 'I8' ? 1 : 4)) };
}

// The tiny model has 160 tokens and 64 columns.
const weight = tensor('lm_head.weight', 'I8', [160, 64]);
const scales = tensor('lm_head.weight.scales', 'F32', [160, 1]);
const holding = (...tensors: FixtureTensor[]): (() => Promise<void>) => {
  return () => writeFile(copy, encodeSafetensors(tensors));
};

it('is used by the fast mode alone, and not missed where an older artifact has none', async () => {
  await writeFile(copy, sound);
  expect([await usesCopy('fast'), await usesCopy('exact')]).toEqual([true, false]);
  await rm(copy);
  expect([await usesCopy('fast'), await usesCopy('exact')]).toEqual([false, false]);
});

it.each<[string, () => Promise<unknown>]>([
  ['an empty file', () => writeFile(copy, '')],
  ['a file that was cut off', () => writeFile(copy, sound.subarray(0, sound.byteLength - 1))],
  ['a file that is longer than it says', () => writeFile(copy, Buffer.concat([sound, sound]))],
  ['noise', () => writeFile(copy, Buffer.alloc(5000, 0xa5))],
  ['a header longer than the file', () => writeFile(copy, Buffer.alloc(100, 1))],
  ['a folder', () => mkdir(copy)],
  [
    'a link to another folder',
    async () => {
      await writeFile(path.join(root, 'elsewhere'), sound);
      await symlink(path.join(root, 'elsewhere'), copy);
    },
  ],
  ['no tensors', holding()],
  ['codes without scales', holding(weight)],
  ['another layer beside them', holding(weight, scales, tensor('model.norm.weight', 'F32', [64]))],
  ['another layer instead', holding(tensor('model.embed_tokens.weight', 'I8', [160, 64]))],
  ['too few rows', holding(tensor(weight.name, 'I8', [159, 64]), scales)],
  ['too many columns', holding(tensor(weight.name, 'I8', [160, 65]), scales)],
  ['codes of another type', holding(tensor(weight.name, 'F32', [160, 64]), scales)],
  ['scales of too few rows', holding(weight, tensor(scales.name, 'F32', [159, 1]))],
  ['scales of no columns', holding(weight, tensor(scales.name, 'F32', [160, 0]))],
  ['scales that divide no row', holding(weight, tensor(scales.name, 'F32', [160, 3]))],
  ['scales in one dimension', holding(weight, tensor(scales.name, 'F32', [160]))],
])('is refused with a way out when it is or holds %s', async (_, make) => {
  await make();
  await expect(ensureGraph(folder, 'fast')).rejects.toMatchObject({
    code: 'malformed-file',
    message: expect.stringContaining(`nibble-runtime.tensors in ${folder}`) as string,
    remedy: expect.stringContaining('16-bit output layer') as string,
  });
  expect(await usesCopy('exact')).toBe(false);
});

it.skipIf(process.platform === 'win32')(
  'is not waited for when it is a pipe (which Windows does not have in folders)',
  async () => {
    execFileSync('mkfifo', [copy]);
    await expect(ensureGraph(folder, 'fast')).rejects.toMatchObject({ code: 'malformed-file' });
    expect(await usesCopy('exact')).toBe(false);
  },
);
