import { randomBytes, randomInt } from 'node:crypto';
import { truncateSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  copyHashed,
  processorFeatures,
  quantize4bit,
  quantize4bitFile,
  quantizeAffine,
  quantizeAffineFile,
  quantizeInt8Rows,
  quantizeInt8RowsFile,
} from '../../native-kernels/index.ts';
import type { FloatType } from '../../native-kernels/index.ts';
import { treeHashOf } from '../fixtures/tensors-hash.ts';

/** In front of the weights, so that they are not aligned, and between what is written. */
const GAP_BYTES = 13;

let directory: string;
let sourceFile: string;
let targetFile: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-files-'));
  sourceFile = path.join(directory, 'source');
  targetFile = path.join(directory, 'target');
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** Random weights of a type, small ones among them. */
function weightsOf(numel: number, type: FloatType): Uint8Array {
  const values = Float32Array.from({ length: numel }, () => (Math.random() - 0.5) * 0.1);
  if (type === 'f32') return new Uint8Array(values.buffer);
  if (type === 'f16') return new Uint8Array(Float16Array.from(values).buffer);
  const bits = new Uint32Array(values.buffer);
  return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

function bytesOf(array: ArrayBufferView): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

// Around the 131,072 weights of a task, incomplete last blocks, odd numbers, and nothing.
const sizes = [0, 1, 31, 64, 131_071, 131_072, 131_073, 300_001, 262_144];

describe.each(processorFeatures().available)('%s', (isa) => {
  it.each(['bf16', 'f16', 'f32'] as const)(
    'makes of %s in a file what it makes in memory',
    async (type) => {
      for (const numel of [...sizes, randomInt(400_000)])
        for (const doubleQuant of [true, false]) {
          const bytes = weightsOf(numel, type);
          const spec = { type: doubleQuant ? ('nf4' as const) : ('fp4' as const), blockSize: 64 };
          const expected = await quantize4bit({ bytes, type }, { ...spec, doubleQuant }, { isa });
          const gap = randomBytes(GAP_BYTES);
          await writeFile(sourceFile, Buffer.concat([gap, bytes]));
          await writeFile(targetFile, '');
          const codes = GAP_BYTES;
          const absmax = codes + expected.codes.byteLength + GAP_BYTES;
          const nested = absmax + expected.absmax.byteLength + GAP_BYTES;
          const made = await quantize4bitFile(
            { path: sourceFile, byteOffset: GAP_BYTES, numel, type },
            { path: targetFile, codes, absmax, nestedAbsmax: doubleQuant ? nested : null },
            spec,
            { isa, threads: randomInt(1, 4) },
          );
          const written = await readFile(targetFile);
          const parts: [Buffer, number, string | undefined][] = [
            [bytesOf(expected.codes), codes, made.codes],
            [bytesOf(expected.absmax), absmax, made.absmax],
          ];
          if (expected.nested !== null)
            parts.push([bytesOf(expected.nested.absmax), nested, made.nested?.absmax]);
          for (const [part, position, hash] of parts) {
            const found = written.subarray(position, position + part.byteLength);
            expect(Buffer.compare(found, part), `${numel} weights at ${position}`).toBe(0);
            expect(hash).toBe(treeHashOf(part));
          }
          expect(made.nested?.offset).toBe(expected.nested?.offset);
          expect(made.statistics).toEqual(expected.statistics);
        }
    },
  );
});

// Rows whose codes fill pieces of a hash evenly, now and then, and never; more rows than a task has.
const shapes = [
  [0, 64],
  [5, 0],
  [1, 1],
  [3, 131_071],
  [300, 576],
  [70, 2048],
  [257, 1027],
] as const;

describe.each(processorFeatures().available)('integers, %s', (isa) => {
  it.each([
    ['absmax', 8, 'block'],
    ['zero-point', 8, 'row'],
    ['absmax', 4, 'row'],
    ['zero-point', 4, 'block'],
  ] as const)('%s, %i bits, a scale per %s', async (mode, bits, kind) => {
    for (const [rows, columns] of shapes) {
      const type = (['bf16', 'f16', 'f32'] as const)[randomInt(3)] ?? 'bf16';
      const bytes = weightsOf(rows * columns, type);
      const granularity = kind === 'row' ? { kind } : { kind, blockSize: 64 };
      const shape = { rows, columns };
      const spec = { mode, bits, granularity };
      const expected = await quantizeAffine({ bytes, type }, shape, spec, { isa });
      await writeFile(sourceFile, Buffer.concat([randomBytes(GAP_BYTES), bytes]));
      await writeFile(targetFile, '');
      const codes = GAP_BYTES;
      const scales = codes + expected.codes.byteLength + GAP_BYTES;
      const zeroPoints = scales + expected.scales.byteLength + GAP_BYTES;
      const made = await quantizeAffineFile(
        { path: sourceFile, byteOffset: GAP_BYTES, type },
        shape,
        { path: targetFile, codes, scales, zeroPoints: mode === 'absmax' ? null : zeroPoints },
        spec,
        { isa, threads: randomInt(1, 4) },
      );
      const written = await readFile(targetFile);
      const parts: [Buffer, number, string | null][] = [
        [bytesOf(expected.codes), codes, made.codes],
        [bytesOf(expected.scales), scales, made.scales],
      ];
      if (expected.zeroPoints !== null)
        parts.push([bytesOf(expected.zeroPoints), zeroPoints, made.zeroPoints]);
      for (const [part, position, hash] of parts) {
        const found = written.subarray(position, position + part.byteLength);
        expect(Buffer.compare(found, part), `${rows} x ${columns} at ${position}`).toBe(0);
        expect(hash).toBe(treeHashOf(part));
      }
      expect(made.zeroPoints === null).toBe(mode === 'absmax');
      // Tasks are cut differently, so squares are added up in another order.
      const { rmsError, maxError } = made.statistics;
      expect(maxError).toBe(expected.statistics.maxError);
      expect(rmsError).toBeCloseTo(expected.statistics.rmsError, 12);
    }
  });
});

describe.each(processorFeatures().available)('LLM.int8, %s', (isa) => {
  it('makes of a matrix in a file what it makes in memory', async () => {
    for (const [rows, columns] of shapes) {
      const type = (['bf16', 'f16', 'f32'] as const)[randomInt(3)] ?? 'bf16';
      const bytes = weightsOf(rows * columns, type);
      const shape = { rows, columns };
      const expected = await quantizeInt8Rows({ bytes, type }, shape, { isa });
      await writeFile(sourceFile, Buffer.concat([randomBytes(GAP_BYTES), bytes]));
      await writeFile(targetFile, '');
      const rowAbsmax = expected.codes.byteLength + GAP_BYTES;
      const made = await quantizeInt8RowsFile(
        { path: sourceFile, byteOffset: GAP_BYTES, type },
        shape,
        { path: targetFile, codes: 0, rowAbsmax },
        { isa, threads: randomInt(1, 4) },
      );
      const written = await readFile(targetFile);
      for (const [array, position, hash] of [
        [expected.codes, 0, made.codes],
        [expected.rowAbsmax, rowAbsmax, made.rowAbsmax],
      ] as const) {
        const found = written.subarray(position, position + array.byteLength);
        expect(Buffer.compare(found, bytesOf(array)), `${rows} x ${columns} at ${position}`).toBe(
          0,
        );
        expect(hash).toBe(treeHashOf(bytesOf(array)));
      }
      // Tasks are cut differently, so squares are added up in another order.
      expect(made.statistics.maxError).toBe(expected.statistics.maxError);
      expect(made.statistics.rmsError).toBeCloseTo(expected.statistics.rmsError, 12);
    }
  });
});

it('names the first weight of a matrix that is no number, and refuses one scale for all', async () => {
  const values = new Float32Array(400 * 1000);
  values[262_999] = Number.NaN;
  values[300_000] = Number.POSITIVE_INFINITY;
  await writeFile(sourceFile, bytesOf(values));
  await writeFile(targetFile, '');
  const source = { path: sourceFile, byteOffset: 0, type: 'f32' as const };
  const shape = { rows: 400, columns: 1000 };
  const target = { path: targetFile, codes: 0, scales: 400_000, zeroPoints: null };
  const row = { bits: 8, granularity: { kind: 'row' } } as const;
  await expect(quantizeAffineFile(source, shape, target, row)).rejects.toMatchObject({
    code: 'invalid-weights',
    index: 262_999,
  });
  const whole = { bits: 8, granularity: { kind: 'tensor' } } as const;
  await expect(quantizeAffineFile(source, shape, target, whole)).rejects.toThrow(/granularity/);
});

const places = { codes: 0, absmax: 1 << 20, nestedAbsmax: 1 << 21 };
const spec = { type: 'nf4' as const, blockSize: 64 };

it('names the first weight that is no number', async () => {
  const values = new Float32Array(400_000);
  values[262_999] = Number.NaN;
  values[300_000] = Number.POSITIVE_INFINITY;
  await writeFile(sourceFile, bytesOf(values));
  const source = { path: sourceFile, byteOffset: 0, numel: 400_000, type: 'f32' as const };
  const target = { path: targetFile, ...places };
  await expect(quantize4bitFile(source, target, spec)).rejects.toMatchObject({
    code: 'invalid-weights',
    index: 262_999,
  });
});

it('says what is wrong with the files, and stops when it is cancelled', async () => {
  await writeFile(sourceFile, weightsOf(100_000, 'bf16'));
  await writeFile(targetFile, '');
  const target = { path: targetFile, ...places };
  const source = { path: sourceFile, byteOffset: 0, numel: 100_000, type: 'bf16' as const };
  await expect(quantize4bitFile({ ...source, numel: 100_001 }, target, spec)).rejects.toMatchObject(
    { code: 'malformed-file' },
  );
  const missing = path.join(directory, 'missing');
  await expect(quantize4bitFile(source, { ...target, path: missing }, spec)).rejects.toMatchObject({
    code: 'not-found',
  });
  await expect(
    quantize4bitFile(source, target, spec, { signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: 'aborted' });
});

it('survives a source that another process cuts off while it is read', async () => {
  // It was just written and lies in memory, where systems that map files leave it. The slow kernels are sure to be in
  // the middle of a piece when it is cut off.
  const numel = 2 ** 22;
  const bytes = Buffer.alloc(numel * 2, weightsOf(2 ** 16, 'bf16'));
  const whole = { path: sourceFile, byteOffset: 0, numel, type: 'bf16' as const };
  const target = { path: targetFile, codes: 0, absmax: numel / 2, nestedAbsmax: numel };
  const spec = { type: 'nf4' as const, blockSize: 64 };
  await writeFile(targetFile, '');
  for (let round = 0; round < 3; round++) {
    await writeFile(sourceFile, bytes);
    let cuts = 0;
    const made = quantize4bitFile(whole, target, spec, {
      threads: 1,
      isa: 'reference',
      onProgress: () => {
        if (cuts++ === 0) truncateSync(sourceFile, 5000);
      },
    });
    await expect(made).rejects.toMatchObject({ code: 'malformed-file' });
    expect(cuts).toBeGreaterThan(0);
  }
  const short = { ...whole, numel: 2500 };
  expect((await quantize4bitFile(short, target, spec)).codes).toMatch(/^[0-9a-f]{64}$/);
});

it('copies bytes and hashes them', async () => {
  const bytes = randomBytes(1_000_003);
  await writeFile(sourceFile, bytes);
  await writeFile(targetFile, '');
  for (const [start, byteLength] of [
    [0, 1_000_003],
    [77, 262_144 * 2],
    [5, 0],
  ] as const) {
    const from = { path: sourceFile, byteOffset: start, byteLength };
    const hash = await copyHashed(from, { path: targetFile, byteOffset: 11 });
    const wanted = bytes.subarray(start, start + byteLength);
    const found = (await readFile(targetFile)).subarray(11, 11 + byteLength);
    expect(Buffer.compare(found, wanted)).toBe(0);
    expect(hash).toBe(treeHashOf(wanted));
  }
  const tooFar = { path: sourceFile, byteOffset: 1_000_000, byteLength: 4 };
  await expect(copyHashed(tooFar, { path: targetFile, byteOffset: 0 })).rejects.toMatchObject({
    code: 'malformed-file',
  });
});

// More pieces of 1 MB than a writer holds in memory, and an end that is no multiple of anything.
it.each([0, 4096, 4097])(
  'writes large parts to their place at %i, and nothing else',
  async (byteOffset) => {
    const bytes = randomBytes(11 * 2 ** 20 + 1234);
    const before = randomBytes(byteOffset + bytes.byteLength + 4096);
    await writeFile(sourceFile, bytes);
    await writeFile(targetFile, before);
    const source = { path: sourceFile, byteOffset: 0, byteLength: bytes.byteLength };
    const hash = await copyHashed(source, { path: targetFile, byteOffset }, { threads: 3 });
    bytes.copy(before, byteOffset);
    expect(Buffer.compare(await readFile(targetFile), before)).toBe(0);
    expect(hash).toBe(treeHashOf(bytes));
  },
);

it('ends a part that cannot be read to its end', async () => {
  await writeFile(sourceFile, weightsOf(3_000_000, 'bf16'));
  await writeFile(targetFile, '');
  const source = { path: sourceFile, byteOffset: 0, numel: 3_100_000, type: 'bf16' as const };
  const target = { path: targetFile, codes: 0, absmax: 2_000_000, nestedAbsmax: null };
  const spec = { type: 'nf4' as const, blockSize: 64 };
  await expect(quantize4bitFile(source, target, spec, { threads: 2 })).rejects.toMatchObject({
    code: 'malformed-file',
  });
});

it('refuses what is no regular file', async () => {
  await writeFile(sourceFile, weightsOf(1000, 'bf16'));
  const source = { path: sourceFile, byteOffset: 0, byteLength: 2000 };
  const refused = copyHashed(source, { path: '/dev/null', byteOffset: 0 });
  await expect(refused).rejects.toHaveProperty('code');
});
