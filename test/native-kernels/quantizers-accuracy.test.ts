import { describe, expect, it } from 'vitest';
import {
  codebook,
  dequantize4bit,
  dequantizeAffine,
  dequantizeInt8Rows,
  histogram,
  quantize4bit,
  quantizeAffine,
  quantizeInt8Rows,
} from '../../native-kernels/index.ts';
import type { AffineSpec, ErrorStatistics, Source } from '../../native-kernels/index.ts';
import { gaussianFrom, sourceOf, uniformFrom, weightsOf } from './quantizers-data.ts';

const perTensor = { kind: 'tensor' } as const;

function gaussianWeights(length: number, deviation: number, seed = 1): Float32Array {
  const gaussian = gaussianFrom(uniformFrom(seed));
  return Float32Array.from({ length }, () => deviation * gaussian());
}

/** The statistics by their definition, in double. */
function statisticsByDefinition(source: Source, dequantized: Float32Array): ErrorStatistics {
  const weights = weightsOf(source);
  let ee = 0;
  let ww = 0;
  let dd = 0;
  let dot = 0;
  let maxError = 0;
  weights.forEach((w, i) => {
    const d = dequantized[i] ?? NaN;
    ee += (w - d) ** 2;
    ww += w * w;
    dd += d * d;
    dot += w * d;
    maxError = Math.max(maxError, Math.abs(w - d));
  });
  const numel = weights.length;
  return {
    numel,
    rmsError: Math.sqrt(ee / numel),
    relativeError: Math.sqrt(ee / ww),
    maxError,
    sqnrDb: 10 * Math.log10(ww / ee),
    cosine: dot / Math.sqrt(ww * dd),
  };
}

function expectStatistics(actual: ErrorStatistics, wanted: ErrorStatistics): void {
  expect(actual.numel).toBe(wanted.numel);
  // Lanes add up to 256 float32 values each.
  expect(Math.abs(actual.rmsError / wanted.rmsError - 1)).toBeLessThan(3e-6);
  expect(Math.abs(actual.relativeError / wanted.relativeError - 1)).toBeLessThan(3e-6);
  // In code units an error next to the end of the range has lost some bits: 127 * 2^-24 of a step.
  expect(actual.maxError / wanted.maxError).toBeCloseTo(1, 4);
  expect(actual.sqnrDb).toBeCloseTo(wanted.sqnrDb, 4);
  expect(actual.cosine).toBeCloseTo(wanted.cosine, 7);
}

describe('error of Gaussian weights', () => {
  const numel = 1 << 20;
  const source = sourceOf(gaussianWeights(numel, 0.02), 'f32');

  // Measured with bitsandbytes on 16.8 million weights, RMSE over standard deviation.
  it.each([
    ['nf4', 32, 0.0873],
    ['nf4', 64, 0.092],
    ['nf4', 128, 0.0956],
    ['nf4', 256, 0.0987],
    ['fp4', 64, 0.1219],
  ] as const)('of %s in blocks of %i is that of bitsandbytes', async (type, blockSize, error) => {
    for (const doubleQuant of [false, true]) {
      const { statistics } = await quantize4bit(source, { type, blockSize, doubleQuant });
      expect(statistics.rmsError / 0.02).toBeCloseTo(error, 3);
    }
  });

  it('of int8 rows is that of bitsandbytes', async () => {
    const { statistics } = await quantizeInt8Rows(source, { rows: 256, columns: 4096 });
    expect(statistics.rmsError / 0.02).toBeCloseTo(0.0087, 3);
  });

  it('is nowhere above half the gap between codes', async () => {
    const spec = { type: 'nf4', blockSize: 64 } as const;
    const quantized = await quantize4bit(source, { ...spec, doubleQuant: false });
    const back = await dequantize4bit(quantized, { ...spec, numel });
    const table = codebook('nf4');
    let worst = 0;
    weightsOf(source).forEach((weight, i) => {
      const pair = quantized.codes[i >> 1] ?? 0;
      const code = i % 2 === 0 ? pair >> 4 : pair & 15;
      const value = table[code] ?? NaN;
      const neighbour = table[weight > (back[i] ?? NaN) ? code + 1 : code - 1] ?? value;
      const halfGap = (Math.abs(neighbour - value) / 2) * (quantized.absmax[i >> 6] ?? NaN);
      worst = Math.max(worst, Math.abs(weight - (back[i] ?? NaN)) - halfGap);
    });
    expect(worst).toBeLessThan(1e-8);
  });
});

describe('statistics', () => {
  const rows = 67;
  const columns = 1031;
  const shape = { rows, columns };
  const numel = rows * columns;

  describe.each(['bf16', 'f16', 'f32'] as const)('from %s', (type) => {
    const source = sourceOf(gaussianWeights(numel, 0.03, 5), type);

    it.each([
      ['nf4', 64, false],
      ['nf4', 32, true],
      ['fp4', 128, true],
      ['fp4', 4096, false],
    ] as const)('of %s, %i, double %s are those of the definition', async (kind, size, double) => {
      const spec = { type: kind, blockSize: size };
      const quantized = await quantize4bit(source, { ...spec, doubleQuant: double });
      const back = await dequantize4bit(quantized, { ...spec, numel });
      expectStatistics(quantized.statistics, statisticsByDefinition(source, back));
    });

    it('of int8 rows are those of the definition', async () => {
      const quantized = await quantizeInt8Rows(source, shape);
      const back = await dequantizeInt8Rows(quantized, shape);
      expectStatistics(quantized.statistics, statisticsByDefinition(source, back));
    });

    const specs: AffineSpec[] = [
      { mode: 'absmax', bits: 8, granularity: perTensor },
      { mode: 'absmax', bits: 8, granularity: { kind: 'row' } },
      { mode: 'zero-point', bits: 8, granularity: { kind: 'block', blockSize: 128 } },
      { mode: 'zero-point', bits: 4, granularity: { kind: 'block', blockSize: 64 } },
      { mode: 'absmax', bits: 4, granularity: { kind: 'row' } },
    ];
    it.each(specs)(
      'of $mode, $bits bits, $granularity are those of the definition',
      async (spec) => {
        const quantized = await quantizeAffine(source, shape, spec);
        const back = await dequantizeAffine(quantized, shape, spec);
        expectStatistics(quantized.statistics, statisticsByDefinition(source, back));
      },
    );
  });

  it('of a tensor of zeros are zeros', async () => {
    const source = sourceOf(new Float32Array(130), 'f32');
    const spec = { type: 'nf4', blockSize: 64, doubleQuant: false } as const;
    const { statistics } = await quantize4bit(source, spec);
    expect(statistics).toEqual({
      numel: 130,
      rmsError: 0,
      relativeError: 0,
      maxError: 0,
      sqnrDb: Infinity,
      cosine: 1,
    });
  });

  it('count weights that float16 rounds to nothing as lost', async () => {
    const source = sourceOf(new Float32Array(64).fill(1e-8), 'f32');
    const { statistics, rowAbsmax } = await quantizeInt8Rows(source, { rows: 1, columns: 64 });
    expect(rowAbsmax[0]).toBe(0);
    expect(statistics.relativeError).toBeCloseTo(1, 6);
    expect(statistics.maxError / 1e-8).toBeCloseTo(1, 6);
  });
});

describe('zeros', () => {
  it('have the code of zero in full blocks', async () => {
    const source = sourceOf(new Float32Array(64), 'f32');
    for (const [type, code] of [
      ['nf4', 0x77],
      ['fp4', 0x00],
    ] as const) {
      const spec = { type, blockSize: 64, doubleQuant: false } as const;
      const { codes, absmax } = await quantize4bit(source, spec);
      expect([...new Set(codes)]).toEqual([code]);
      expect([...absmax]).toEqual([0]);
    }
  });

  it('in an incomplete block have the smallest scale that bitsandbytes divides by', async () => {
    const source = sourceOf(new Float32Array(3), 'f32');
    const spec = { type: 'nf4', blockSize: 64, doubleQuant: false } as const;
    const { codes, absmax } = await quantize4bit(source, spec);
    expect([...codes]).toEqual([0x77, 0x77]);
    expect([...absmax]).toEqual([Math.fround(1e-38)]);
  });

  it('make rows and groups of scale 0', async () => {
    const source = sourceOf(new Float32Array(8), 'bf16');
    const shape = { rows: 2, columns: 4 };
    const rows = await quantizeInt8Rows(source, shape);
    expect([...rows.codes, ...rows.rowAbsmax]).toEqual(new Array(10).fill(0));
    const spec = { mode: 'zero-point', bits: 8, granularity: { kind: 'row' } } as const;
    const affine = await quantizeAffine(source, shape, spec);
    expect([...affine.codes, ...affine.scales, ...(affine.zeroPoints ?? [])]).toEqual(
      new Array(12).fill(0),
    );
    expect([...(await dequantizeAffine(affine, shape, spec))]).toEqual(new Array(8).fill(0));
  });

  it('come out of an empty tensor as nothing', async () => {
    const source = sourceOf(new Float32Array(0), 'f32');
    const spec = { type: 'nf4', blockSize: 64 } as const;
    const quantized = await quantize4bit(source, { ...spec, doubleQuant: true });
    expect(quantized.codes.length + quantized.absmax.length).toBe(0);
    expect(await dequantize4bit(quantized, { ...spec, numel: 0 })).toHaveLength(0);
    expect((await quantizeInt8Rows(source, { rows: 0, columns: 4 })).codes).toHaveLength(0);
  });
});

describe('linear quantization as the textbooks give it', () => {
  async function affine(weights: number[], spec: AffineSpec) {
    const source = sourceOf(Float32Array.from(weights), 'f32');
    const shape = { rows: 1, columns: weights.length };
    const quantized = await quantizeAffine(source, shape, spec);
    return { ...quantized, back: await dequantizeAffine(quantized, shape, spec) };
  }

  it('absmax: 0.1 beside an absmax of 3.2 is 4, and 0.1008 again', async () => {
    const spec = { mode: 'absmax', bits: 8, granularity: perTensor } as const;
    const { codes, back, scales } = await affine([0.1, 3.2], spec);
    expect([...codes]).toEqual([4, 127]);
    expect(scales[0]).toBeCloseTo(3.2 / 127, 8);
    expect(back[0]).toBeCloseTo(0.1008, 4);
  });

  it('zero-point: 0.3 in [-1, 1] is 38, and 0.2992 again: the range is symmetric', async () => {
    const spec = { mode: 'zero-point', bits: 8, granularity: perTensor } as const;
    const { codes, back, zeroPoints } = await affine([0.3, -1, 1], spec);
    expect([...codes]).toEqual([38, -127, 127]);
    expect([...(zeroPoints ?? [])]).toEqual([0]);
    expect(back[0]).toBeCloseTo(0.2992, 4);
  });

  it('zero-point: [-1, 3] is mapped to [-128, 127], a step being 4 / 255', async () => {
    const spec = { mode: 'zero-point', bits: 8, granularity: perTensor } as const;
    const { codes, scales, zeroPoints, back } = await affine([-1, 0, 3], spec);
    expect(scales[0]).toBeCloseTo(4 / 255, 8);
    expect([...(zeroPoints ?? [])]).toEqual([-64]);
    expect([...codes]).toEqual([-128, -64, 127]);
    expect(back[1]).toBe(0);
  });

  it('zero-point: four bits map [-1, 3] to [-8, 7], stored eight higher, two to a byte', async () => {
    const spec = { mode: 'zero-point', bits: 4, granularity: perTensor } as const;
    const { codes, scales, zeroPoints } = await affine([-1, 0, 3], spec);
    expect(scales[0]).toBeCloseTo(4 / 15, 7);
    expect([...(zeroPoints ?? [])]).toEqual([-4]);
    // Codes -8, -4, 7; the last low nibble is code 0.
    expect([...codes]).toEqual([0x04, 0xf8]);
  });

  it.each([2.5, -2.5])('zero-point: a constant %f comes back', async (constant) => {
    const spec = { mode: 'zero-point', bits: 8, granularity: perTensor } as const;
    const { codes, back } = await affine([constant, constant], spec);
    expect([...codes]).toEqual(constant > 0 ? [127, 127] : [-128, -128]);
    expect(back[0]).toBeCloseTo(constant, 6);
  });

  it('ties go to even', async () => {
    const spec = { mode: 'absmax', bits: 8, granularity: perTensor } as const;
    const { codes } = await affine([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 127], spec);
    expect([...codes]).toEqual([0, 2, 2, 0, -2, -2, 127]);
  });

  it('gives each row, or each block of a row, its own scale, the last block being shorter', async () => {
    const source = sourceOf(Float32Array.of(1, 2, 3, 4, 5, 6), 'bf16');
    const shape = { rows: 2, columns: 3 };
    const rows = { mode: 'absmax', bits: 8, granularity: { kind: 'row' } } as const;
    expect((await quantizeAffine(source, shape, rows)).scales).toHaveLength(2);
    const blocks = { ...rows, granularity: { kind: 'block', blockSize: 2 } } as const;
    const { scales, codes } = await quantizeAffine(source, shape, blocks);
    expect([...scales]).toEqual([2, 3, 5, 6].map((absmax) => Math.fround(absmax / 127)));
    expect([...codes]).toEqual([64, 127, 127, 102, 127, 127]);
  });

  it('bears weights at the ends of float32', async () => {
    const largest = 3.4028234663852886e38;
    const spec = { mode: 'zero-point', bits: 8, granularity: perTensor } as const;
    const { back } = await affine([largest, -largest / 2, 0], spec);
    expect((back[0] ?? 0) / largest).toBeCloseTo(1, 2);
    const tiny = await affine([1e-40, -2e-40], spec);
    expect([...tiny.back]).toEqual([0, 0]);
  });
});

describe('histogram', () => {
  it('counts every weight once, in equal bins', async () => {
    const source = sourceOf(Float32Array.of(-1, -0.9, 0, 0.1, 1, 1), 'f32');
    const { counts, min, max, absmax } = await histogram(source, 4);
    expect([...counts]).toEqual([2, 0, 2, 2]);
    expect([min, max, absmax]).toEqual([-1, 1, 1]);
    const wide = await histogram(sourceOf(gaussianWeights(300_001, 1), 'bf16'), 100);
    expect(wide.counts.reduce((sum, count) => sum + count, 0)).toBe(300_001);
  });
});
