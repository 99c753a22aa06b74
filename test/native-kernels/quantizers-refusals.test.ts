import { describe, expect, it } from 'vitest';
import {
  codebook,
  dequantize4bit,
  dequantizeAffine,
  dequantizeInt8Rows,
  processorFeatures,
  quantize4bit,
  quantizeAffine,
  quantizeInt8Rows,
} from '../../native-kernels/index.ts';
import { quantizerIsas, sourceOf } from './quantizers-data.ts';

const nf4 = { type: 'nf4', blockSize: 64, doubleQuant: false } as const;
const good = sourceOf(new Float32Array(64).fill(0.5), 'f32');

/** A value of a type that the compiler would refuse. */
function wrong(value: unknown): never {
  return value as never;
}

describe('weights that are no numbers', () => {
  const bad = [NaN, Infinity, -Infinity];

  it.each(quantizerIsas())('are refused with the place of the first, %s', async (isa) => {
    for (const value of bad) {
      for (const [numel, index] of [
        [200, 0],
        [200, 70],
        [200, 199],
        [300_000, 262_200],
      ] as const) {
        const weights = new Float32Array(numel).fill(0.25);
        weights[index] = value;
        weights[numel - 1] = value;
        for (const type of ['bf16', 'f16', 'f32'] as const) {
          const source = sourceOf(weights, type);
          const shape = { rows: 2, columns: numel / 2 };
          const wanted = { code: 'invalid-weights', index };
          const options = { isa, threads: 2 };
          const row = { mode: 'zero-point', bits: 4, granularity: { kind: 'row' } } as const;
          const tensor = { ...row, granularity: { kind: 'tensor' } } as const;
          await expect(quantize4bit(source, nf4, options)).rejects.toMatchObject(wanted);
          await expect(
            quantize4bit(source, { ...nf4, blockSize: 32, doubleQuant: true }, options),
          ).rejects.toMatchObject(wanted);
          await expect(quantizeInt8Rows(source, shape, options)).rejects.toMatchObject(wanted);
          await expect(quantizeAffine(source, shape, row, options)).rejects.toMatchObject(wanted);
          await expect(quantizeAffine(source, shape, tensor, options)).rejects.toMatchObject(
            wanted,
          );
        }
      }
    }
  });

  it('are also those that float16 cannot hold, for LLM.int8 alone', async () => {
    const source = sourceOf(Float32Array.of(1, 70000, 1, 1), 'bf16');
    const shape = { rows: 1, columns: 4 };
    await expect(quantizeInt8Rows(source, shape)).rejects.toMatchObject({
      code: 'invalid-weights',
      index: 1,
      message: expect.stringContaining('float16') as unknown,
    });
    const spec = { mode: 'absmax', bits: 8, granularity: { kind: 'row' } } as const;
    await expect(quantizeAffine(source, shape, spec)).resolves.toBeDefined();
  });
});

describe('the addon refuses', () => {
  const refusal = (name: string) => ({
    code: 'invalid-input',
    message: expect.stringContaining(name) as unknown,
  });

  it('wrong types', async () => {
    await expect(
      quantize4bit(wrong({ bytes: [1, 2, 3, 4], type: 'f32' }), nf4),
    ).rejects.toMatchObject(refusal('source.bytes'));
    await expect(
      quantize4bit(wrong({ bytes: new Float32Array(64), type: 'f32' }), nf4),
    ).rejects.toMatchObject(refusal('source.bytes'));
    await expect(
      quantize4bit(wrong({ bytes: good.bytes, type: 'f64' }), nf4),
    ).rejects.toMatchObject(refusal('source.type'));
    await expect(quantize4bit(good, wrong({ ...nf4, type: 'nf8' }))).rejects.toMatchObject(
      refusal('type'),
    );
    await expect(quantize4bit(good, wrong({ ...nf4, doubleQuant: 1 }))).rejects.toMatchObject(
      refusal('doubleQuant'),
    );
    expect(() => codebook(wrong('nf5'))).toThrow(expect.objectContaining(refusal('name')));
  });

  it.each([0, 16, 48, 8192, 64.5, NaN, '64'])('a block size of %s', async (blockSize) => {
    await expect(quantize4bit(good, wrong({ ...nf4, blockSize }))).rejects.toMatchObject(
      refusal('blockSize'),
    );
  });

  it('bytes that hold no whole weights, or not those of the shape', async () => {
    const cut = { ...good, bytes: good.bytes.subarray(0, 63) };
    await expect(quantize4bit(cut, nf4)).rejects.toMatchObject(refusal('source.bytes'));
    await expect(quantizeInt8Rows(good, { rows: 2, columns: 33 })).rejects.toMatchObject(
      refusal('source.bytes'),
    );
    await expect(quantizeInt8Rows(good, { rows: -1, columns: 64 })).rejects.toMatchObject(
      refusal('rows'),
    );
  });

  it('a detached source, and a detached result given back', async () => {
    const source = sourceOf(new Float32Array(64), 'f32');
    structuredClone(source.bytes, { transfer: [source.bytes.buffer as ArrayBuffer] });
    await expect(quantize4bit(source, nf4)).rejects.toMatchObject(refusal('source.bytes'));
    const quantized = await quantize4bit(good, nf4);
    structuredClone(quantized.absmax, { transfer: [quantized.absmax.buffer as ArrayBuffer] });
    await expect(dequantize4bit(quantized, { ...nf4, numel: 64 })).rejects.toMatchObject(
      refusal('absmax'),
    );
  });

  it('codes and scales that are too short, each by its name', async () => {
    const quantized = await quantize4bit(good, nf4);
    const spec = { ...nf4, numel: 64 };
    await expect(
      dequantize4bit({ ...quantized, codes: quantized.codes.subarray(1) }, spec),
    ).rejects.toMatchObject(refusal('codes'));
    await expect(
      dequantize4bit({ ...quantized, absmax: new Float32Array(0) }, spec),
    ).rejects.toMatchObject(refusal('absmax'));
    const double = await quantize4bit(good, { ...nf4, doubleQuant: true });
    const nested = { absmax: new Float32Array(0), offset: 0 };
    await expect(dequantize4bit({ ...double, nested }, spec)).rejects.toMatchObject(
      refusal('nested.absmax'),
    );
    const shape = { rows: 1, columns: 64 };
    const rows = await quantizeInt8Rows(good, shape);
    await expect(
      dequantizeInt8Rows({ ...rows, rowAbsmax: new Float32Array(0) }, shape),
    ).rejects.toMatchObject(refusal('rowAbsmax'));
    const row = { mode: 'zero-point', bits: 8, granularity: { kind: 'row' } } as const;
    const affine = await quantizeAffine(good, shape, row);
    await expect(
      dequantizeAffine({ ...affine, zeroPoints: new Int8Array(2) }, shape, row),
    ).rejects.toMatchObject(refusal('zeroPoints'));
    await expect(
      dequantizeAffine({ ...affine, codes: new Uint8Array(64) }, shape, row),
    ).rejects.toMatchObject(refusal('codes'));
  });

  it('bad options', async () => {
    await expect(quantize4bit(good, nf4, { threads: 0 })).rejects.toMatchObject(refusal('threads'));
    await expect(quantize4bit(good, nf4, { isa: wrong('sse') })).rejects.toMatchObject(
      refusal('isa'),
    );
    const missing = (['neon', 'avx2'] as const).find(
      (isa) => !processorFeatures().available.includes(isa),
    );
    if (missing !== undefined) {
      await expect(quantize4bit(good, nf4, { isa: missing })).rejects.toMatchObject(refusal('isa'));
    }
    const shape = { rows: 1, columns: 64 };
    const block = { kind: 'block', blockSize: 0 } as const;
    await expect(
      quantizeAffine(good, shape, { mode: 'absmax', bits: 8, granularity: block }),
    ).rejects.toMatchObject(refusal('blockSize'));
    await expect(
      quantizeAffine(good, shape, wrong({ mode: 'absmax', bits: 5, granularity: { kind: 'row' } })),
    ).rejects.toMatchObject(refusal('bits'));
  });
});

describe('a long call', () => {
  const large = sourceOf(new Float32Array(1 << 23).fill(0.1), 'f32');
  const slow = { isa: 'reference', threads: 1 } as const;

  it('is aborted by its signal, before and while it runs', async () => {
    await expect(quantize4bit(good, nf4, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });

    // A fast machine can be done before the signal arrives; then it is tried again, and the time-out of the test decides.
    for (let reports = 0; ;) {
      const controller = new AbortController();
      const onProgress = (): void => {
        reports++;
        controller.abort();
      };
      const end = await quantize4bit(large, nf4, {
        ...slow,
        onProgress,
        signal: controller.signal,
      }).catch((error: unknown) => error);
      if (!(end instanceof Error)) continue;
      expect(end).toMatchObject({ code: 'aborted' });
      expect(reports).toBeGreaterThan(0);
      break;
    }
  });

  it('reports progress that grows from 0 to 1, and none once it has settled', async () => {
    let fractions: number[] = [];
    const onProgress = (fraction: number) => void fractions.push(fraction);
    // Reports keep a distance in time: a machine that is fast enough for one alone gets twice as much to do.
    for (let count = 1 << 23; fractions.length < 2; count *= 2) {
      fractions = [];
      const source = sourceOf(new Float32Array(count).fill(0.1), 'f32');
      await quantize4bit(source, nf4, { ...slow, onProgress });
    }
    const reports = fractions.length;
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.every((fraction) => fraction > 0 && fraction <= 1)).toBe(true);
    // A report that was still under way would arrive before the answer to a later call.
    await quantize4bit(good, nf4);
    expect(fractions).toHaveLength(reports);
  });

  it('leaves JavaScript free', async () => {
    let isSettled = false;
    const made = quantize4bit(large, nf4, slow).then(() => (isSettled = true));
    // Had the call itself done the work, its promise would be settled by the end of this turn of the event loop.
    await new Promise((resolve) => process.nextTick(resolve));
    expect(isSettled).toBe(false);
    await made;
  });
});

describe('processorFeatures', () => {
  it('names the best instruction set among those available', () => {
    const { isa, available, features } = processorFeatures();
    expect(available).toContain('reference');
    expect(available.at(-1)).toBe(isa);
    if (isa !== 'reference') expect(features.length).toBeGreaterThan(0);
  });
});
