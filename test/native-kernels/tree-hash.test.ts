import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { processorFeatures, treeHash, treeHashFile } from '../../native-kernels/index.ts';
import { treeHashOf } from '../fixtures/tensors-hash.ts';

const { available } = processorFeatures();

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-hash-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** Around every place where a piece, a group of lanes, a task or a level of the tree ends. */
const lengths = [
  0,
  1,
  55,
  56,
  63,
  64,
  65,
  4095,
  4096,
  4097,
  8192,
  7 * 4096,
  8 * 4096,
  8 * 4096 + 1,
  9 * 4096,
  15 * 4096,
  16 * 4096,
  17 * 4096 + 5,
  31 * 4096,
  64 * 4096,
  64 * 4096 + 1,
  128 * 4096,
  129 * 4096,
  200 * 4096 + 77,
];

it.each(available)('%s equals sha256 of node:crypto piece by piece', async (isa) => {
  for (const length of [...lengths, randomInt(1 << 20), randomInt(1 << 20)]) {
    // An odd start: memory need not be aligned.
    const bytes = randomBytes(length + 3).subarray(3);
    expect([length, await treeHash(bytes, { isa })]).toEqual([length, treeHashOf(bytes)]);
  }
});

it.each([1, 2, 5])('gives the same with %d threads', async (threads) => {
  const bytes = randomBytes(5_000_001);
  expect(await treeHash(bytes, { threads })).toBe(treeHashOf(bytes));
});

it('tells a list of digests from the bytes that it stands for', async () => {
  const bytes = randomBytes(2 * 4096);
  const hash = await treeHash(bytes);
  const digests = [0, 4096].map((start) =>
    createHash('sha256')
      .update(bytes.subarray(start, start + 4096))
      .digest(),
  );
  expect(await treeHash(Buffer.concat(digests))).not.toBe(hash);
});

it('hashes parts of files, also odd ones', async () => {
  const file = path.join(directory, 'ünï code');
  const bytes = randomBytes(3_000_000);
  await writeFile(file, bytes);
  for (const [byteOffset, byteLength] of [
    [0, 3_000_000],
    [17, 2_500_001],
    [2_999_999, 1],
    [3_000_000, 0],
  ] as const) {
    const expected = treeHashOf(bytes.subarray(byteOffset, byteOffset + byteLength));
    expect(await treeHashFile({ path: file, byteOffset, byteLength })).toBe(expected);
  }
});

it('says what is wrong with a file', async () => {
  const range = { byteOffset: 0, byteLength: 100 };
  const file = path.join(directory, 'short');
  await writeFile(file, randomBytes(100));
  await truncate(file, 99);
  await expect(treeHashFile({ path: file, ...range })).rejects.toMatchObject({
    code: 'malformed-file',
    message: expect.stringContaining('became shorter') as string,
  });
  const missing = path.join(directory, 'missing');
  await expect(treeHashFile({ path: missing, ...range })).rejects.toMatchObject({
    code: 'not-found',
  });
  await expect(treeHashFile({ path: directory, ...range })).rejects.toMatchObject({
    code: 'invalid-input',
  });
  await expect(treeHashFile({ path: file, byteOffset: -1, byteLength: 1 })).rejects.toMatchObject({
    code: 'invalid-input',
  });
});

it('stops when it is cancelled', async () => {
  const signal = AbortSignal.abort();
  await expect(treeHash(randomBytes(1 << 20), { signal })).rejects.toMatchObject({
    code: 'aborted',
  });
});
