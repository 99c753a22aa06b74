// Every instruction set gives the bits of the plain code: codes, scales, statistics. Fresh random inputs each run; a
// failure names the seed, and NIBBLE_TEST_SEED repeats it.
import { describe, expect, it } from 'vitest';
import {
  codebook,
  dequantize4bit,
  quantize4bit,
  quantizeAffine,
  quantizeInt8Rows,
} from '../../native-kernels/index.ts';
import type { AffineSpec, InstructionSet } from '../../native-kernels/index.ts';
import { bytesOf, gaussianFrom, quantizerIsas, sourceOf, uniformFrom } from './quantizers-data.ts';

const seed = Number(process.env['NIBBLE_TEST_SEED'] ?? Date.now() % 2 ** 31);
const others = quantizerIsas().filter((isa) => isa !== 'reference');
const blockSizes = [32, 64, 128, 256, 512, 1024, 2048, 4096];
const lengths = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 1023];
const long = 2 ** 20 + 1;
const types = ['bf16', 'f16', 'f32'] as const;

/** Midpoints between neighbouring values of a 4-bit table. */
function thresholds(type: 'nf4' | 'fp4'): number[] {
  const values = codebook(type).toSorted();
  return Array.from(values.subarray(1), (value, i) =>
    Math.fround(Math.fround(value + (values[i] ?? 0)) / 2),
  );
}

/** Runs of everything that has its own path: plain, tiny, denormal, zero, one outlier, thresholds, huge, constant. */
function difficultWeights(length: number, from: number): Float32Array {
  const uniform = uniformFrom(from);
  const gaussian = gaussianFrom(uniform);
  const ties = [...thresholds('nf4'), ...thresholds('fp4')];
  const weights = new Float32Array(length);
  const words = new Int32Array(weights.buffer);
  for (let start = 0; start < length;) {
    const end = Math.min(length, start + 1 + Math.floor(uniform() * 300));
    const kind = Math.floor(uniform() * 9);
    const scale = Math.exp(gaussian());
    for (let i = start; i < end; i++) {
      if (kind < 3) weights[i] = 0.02 * scale * gaussian();
      if (kind === 3) weights[i] = 1e-7 * gaussian();
      if (kind === 4) weights[i] = 2 ** -140 * gaussian();
      if (kind === 5) weights[i] = uniform() < 0.5 ? -0 : 0;
      if (kind === 6) weights[i] = (i === start ? 30 : 0.001) * gaussian();
      if (kind === 7) {
        weights[i] = i === start ? 1 : (ties[Math.floor(uniform() * ties.length)] ?? 0);
        if (i > start) words[i] = (words[i] ?? 0) + Math.floor(uniform() * 3) - 1;
        // A step down from zero is no number.
        if (!Number.isFinite(weights[i])) weights[i] = 0;
      }
      if (kind === 8) weights[i] = Math.max(-60000, Math.min(60000, 20000 * gaussian()));
    }
    if (uniform() < 0.1) weights.fill(weights[start] ?? 0, start, end);
    start = end;
  }
  return weights;
}

/**
 * Blocks of 64 bfloat16 in which every significand meets every other as the largest, with both signs and down to where
 * NF4 has one code left.
 *
 * @param exponent Biased, of the largest weight of each block; 0 is denormal.
 */
function everyQuotient(exponent: number): Uint8Array {
  const bits: number[] = [];
  for (let largest = (exponent << 7) | 1; largest < (exponent + 1) << 7; largest++) {
    for (let weight = Math.max(0, largest - 6 * 128); weight <= largest; weight++) {
      if (bits.length % 64 === 0) bits.push(largest);
      bits.push(weight);
      if (bits.length % 64 === 0) bits.push(largest);
      bits.push(weight | 0x8000);
    }
    while (bits.length % 64 !== 0) bits.push(0);
  }
  return new Uint8Array(Uint16Array.from(bits).buffer);
}

/** All of a result, each array by its bytes. */
function fingerprint(result: object): unknown {
  return JSON.parse(
    JSON.stringify(result, (_key, value: unknown) => {
      if (ArrayBuffer.isView(value)) return bytesOf(value).toString('base64');
      return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
    }),
  );
}

async function expectParity(
  what: string,
  run: (isa: InstructionSet) => Promise<object>,
): Promise<void> {
  const wanted = fingerprint(await run('reference'));
  for (const isa of others) {
    expect(fingerprint(await run(isa)), `${what}, ${isa}, seed ${seed}`).toEqual(wanted);
  }
}

describe(`parity with the plain code (seed ${seed})`, () => {
  it('has vector code to compare, or says so', ({ skip }) => {
    if (others.length === 0) skip('this processor has only the plain code');
  });

  for (const type of ['nf4', 'fp4'] as const) {
    it(`${type}: every length, block size and source type`, async () => {
      for (const length of lengths) {
        const weights = difficultWeights(length, seed + length);
        for (const sourceType of types) {
          const source = sourceOf(weights, sourceType);
          for (const blockSize of blockSizes) {
            for (const doubleQuant of [false, true]) {
              const spec = { type, blockSize, doubleQuant };
              const what = `${type} ${length} ${sourceType} ${blockSize} ${doubleQuant}`;
              await expectParity(what, (isa) => quantize4bit(source, spec, { isa }));
            }
          }
        }
      }
    });

    it.each(types)(`${type}: a million weights and one, %s`, async (sourceType) => {
      const source = sourceOf(difficultWeights(long, seed + 7), sourceType);
      for (const blockSize of [32, 64, 4096]) {
        const spec = { type, blockSize, doubleQuant: blockSize !== 64 };
        const what = `${type} ${long} ${sourceType} ${blockSize}`;
        await expectParity(what, (isa) => quantize4bit(source, spec, { isa }));
        const quantized = await quantize4bit(source, spec);
        await expectParity(`${what} back`, (isa) =>
          dequantize4bit(quantized, { type, blockSize, numel: long }, { isa }),
        );
      }
    });
  }

  // Vector code may move thresholds where it knows that no weight comes between; see FourBitTables.
  it.each([0, 1, 127, 253, 254])(
    'every quotient of two bfloat16, exponent %i',
    async (exponent) => {
      const source = { bytes: everyQuotient(exponent), type: 'bf16' as const };
      for (const type of ['nf4', 'fp4'] as const) {
        const spec = { type, blockSize: 64, doubleQuant: false };
        await expectParity(type, (isa) => quantize4bit(source, spec, { isa }));
      }
    },
  );

  const affine: AffineSpec[] = (['absmax', 'zero-point'] as const).flatMap((mode) =>
    ([8, 4] as const).flatMap((bits) =>
      ([{ kind: 'tensor' }, { kind: 'row' }, { kind: 'block', blockSize: 32 }] as const).map(
        (granularity) => ({ mode, bits, granularity }),
      ),
    ),
  );

  it('integers: every length and source type', async () => {
    for (const columns of [...lengths, 4096 + 17]) {
      const shape = { rows: 3, columns };
      const weights = difficultWeights(3 * columns, seed + columns);
      for (const sourceType of types) {
        const source = sourceOf(weights, sourceType);
        const what = `${columns} ${sourceType}`;
        await expectParity(what, (isa) => quantizeInt8Rows(source, shape, { isa }));
        for (const spec of affine) {
          const whatElse = `${what} ${JSON.stringify(spec)}`;
          await expectParity(whatElse, (isa) => quantizeAffine(source, shape, spec, { isa }));
        }
      }
    }
  });

  it.each(types)('integers: whole groups of a multiple of 64, %s', async (sourceType) => {
    // Group counts around what a kernel takes at once (16), and groups that are cut into segments.
    for (const blockSize of [64, 128, 192, 4096, 8192]) {
      for (const groups of [1, 3, 4, 15, 16, 17, 35]) {
        const shape = { rows: 3, columns: blockSize * groups };
        const weights = difficultWeights(3 * shape.columns, seed + blockSize + groups);
        const source = sourceOf(weights, sourceType);
        for (const mode of ['absmax', 'zero-point'] as const) {
          const spec = { mode, bits: 8, granularity: { kind: 'block', blockSize } } as const;
          await expectParity(`${groups} of ${blockSize} ${sourceType} ${mode}`, (isa) =>
            quantizeAffine(source, shape, spec, { isa }),
          );
        }
      }
    }
  });

  it.each(types)('integers: a million weights and one, %s', async (sourceType) => {
    const source = sourceOf(difficultWeights(long, seed + 9), sourceType);
    const shape = { rows: 1, columns: long };
    await expectParity('llm-int8', (isa) => quantizeInt8Rows(source, shape, { isa }));
    for (const spec of affine) {
      await expectParity(JSON.stringify(spec), (isa) =>
        quantizeAffine(source, shape, spec, { isa }),
      );
    }
  });

  it('does not depend on the number of threads', async () => {
    const source = sourceOf(difficultWeights(long, seed + 11), 'bf16');
    const shape = { rows: 1021, columns: 1027 };
    const matrix = { ...source, bytes: source.bytes.subarray(0, 1021 * 1027 * 2) };
    const nf4 = { type: 'nf4', blockSize: 64, doubleQuant: true } as const;
    const int4 = { mode: 'zero-point', bits: 4, granularity: { kind: 'row' } } as const;
    const run = async (threads: number) =>
      fingerprint({
        nf4: await quantize4bit(source, nf4, { threads }),
        rows: await quantizeInt8Rows(matrix, shape, { threads }),
        int4: await quantizeAffine(matrix, shape, int4, { threads }),
      });
    const wanted = await run(1);
    for (const threads of [2, 3, 8]) expect(await run(threads), `seed ${seed}`).toEqual(wanted);
  });
});
