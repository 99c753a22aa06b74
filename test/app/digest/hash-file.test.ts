import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hashFile, hashTensorsFile } from '../../../app/digest/index.ts';
import { tensorsHashOf, treeHashOf } from '../../fixtures/tensors-hash.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-digest-'));
  await writeTinyCheckpoint(directory, { hiddenSize: 48, intermediateSize: 112 });
  file = path.join(directory, 'model.safetensors');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

it('hashes header and tensors as the README says', async () => {
  const bytes = await readFile(file);
  let counted = 0;
  const hash = await hashFile(file, 'sha256-tensors-1', { onBytes: (count) => (counted += count) });
  expect(hash).toBe(tensorsHashOf(bytes));
  expect(counted).toBe(bytes.byteLength);
});

it('still makes the sha256 of earlier artifacts', async () => {
  const plain = createHash('sha256').update(await readFile(file));
  expect(await hashFile(file, 'sha256')).toBe(plain.digest('hex'));
});

it('changes with any byte of the header and of a tensor', async () => {
  const { byteLength } = await readFile(file);
  const before = await hashFile(file, 'sha256-tensors-1');
  for (const position of [60, byteLength - 1, byteLength >> 1]) {
    const handle = await open(file, 'r+');
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, position);
    const changed = Buffer.from([(byte[0] ?? 0) ^ 1]);
    await handle.write(changed, 0, 1, position);
    const after = await hashFile(file, 'sha256-tensors-1').catch((error: unknown) => String(error));
    expect(after).not.toBe(before);
    await handle.write(byte, 0, 1, position);
    await handle.close();
  }
  expect(await hashFile(file, 'sha256-tensors-1')).toBe(before);
});

it('takes hashes that are known instead of reading those tensors', async () => {
  const bytes = await readFile(file);
  const known = new Map([['model.norm.weight', treeHashOf(Buffer.from('other'))]]);
  expect(await hashTensorsFile(file, { known })).not.toBe(tensorsHashOf(bytes));
});

it('refuses what is cut short or no safetensors file', async () => {
  const refused = { code: 'malformed-file' };
  await truncate(file, (await readFile(file)).byteLength - 1);
  await expect(hashFile(file, 'sha256-tensors-1')).rejects.toMatchObject(refused);
  await writeFile(file, 'short');
  await expect(hashFile(file, 'sha256-tensors-1')).rejects.toMatchObject(refused);
  await expect(hashFile(path.join(directory, 'x'), 'sha256-tensors-1')).rejects.toMatchObject({
    code: 'not-found',
  });
});
