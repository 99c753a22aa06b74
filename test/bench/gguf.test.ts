import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dequantizeGguf, GGUF_BLOCK, quantizeQ4, quantizeQ8 } from './gguf-blocks.ts';
import { GGUF_ALIGNMENT, ggufTensors, writeGguf } from './gguf-writer.ts';
import { MATMUL_BLOCK, packMatMulNBits } from './onnx-blocks.ts';
import { shapeNamed, weightsOf, type Shape } from './shapes.ts';
import { roundToBf16, valuesOf } from './synthetic-weights.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'nibble-gguf-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Fresh ones each time, of magnitudes that trained weights have. */
function randomWeights(count: number): Float32Array {
  return Float32Array.from(
    { length: count },
    () => 10 ** (3 * Math.random() - 4) * (2 * Math.random() - 1),
  );
}

const tiny: Shape = {
  key: 'tiny',
  title: 'Tiny',
  hiddenSize: 64,
  layers: 1,
  heads: 2,
  kvHeads: 1,
  headDim: 32,
  intermediateSize: 96,
  vocabularySize: 320,
  contextLength: 128,
  ropeTheta: 500000,
  ropeScaling: {
    factor: 32,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContextLength: 8192,
  },
};

describe('GGUF blocks', () => {
  it('Q8_0 restores every weight within half a step', () => {
    const weights = randomWeights(100 * GGUF_BLOCK);
    const restored = dequantizeGguf('q8_0', quantizeQ8(weights));
    for (let block = 0; block < 100; block++) {
      const part = weights.subarray(block * GGUF_BLOCK, (block + 1) * GGUF_BLOCK);
      const step = Math.max(...part.map(Math.abs)) / 127;
      for (const [i, weight] of part.entries()) {
        const error = Math.abs(weight - (restored[block * GGUF_BLOCK + i] ?? Number.NaN));
        // The scale itself is rounded to float16, subnormal ones to a fixed step.
        expect(error).toBeLessThanOrEqual(step * (0.5 + 127 * 2 ** -11) + 127 * 2 ** -25);
      }
    }
  });

  it('Q4_0 restores the largest weight and everything else within a step', () => {
    const weights = randomWeights(100 * GGUF_BLOCK);
    const restored = dequantizeGguf('q4_0', quantizeQ4(weights));
    for (let block = 0; block < 100; block++) {
      const part = weights.subarray(block * GGUF_BLOCK, (block + 1) * GGUF_BLOCK);
      const largest = Math.max(...part.map(Math.abs));
      for (const [i, weight] of part.entries()) {
        const error = Math.abs(weight - (restored[block * GGUF_BLOCK + i] ?? Number.NaN));
        expect(error).toBeLessThanOrEqual((largest / 8) * 1.01 + 8 * 2 ** -25);
        if (Math.abs(weight) === largest)
          expect(error).toBeLessThanOrEqual(largest * 2 ** -10 + 8 * 2 ** -25);
      }
    }
  });

  it('keeps a block of zeros', () => {
    const zeros = new Float32Array(GGUF_BLOCK);
    for (const restored of [
      dequantizeGguf('q4_0', quantizeQ4(zeros)),
      dequantizeGguf('q8_0', quantizeQ8(zeros)),
    ]) {
      expect(restored.length).toBe(GGUF_BLOCK);
      // Minus zero is one, too.
      expect(restored.every((weight) => weight === 0)).toBe(true);
    }
  });
});

describe('MatMulNBits', () => {
  it.each([
    [4, 'q4_0', quantizeQ4],
    [8, 'q8_0', quantizeQ8],
  ] as const)('stands for the same weights in %s bits as %s', (bits, type, quantize) => {
    const weights = randomWeights(20 * MATMUL_BLOCK);
    const { codes, scales } = packMatMulNBits(weights, bits);
    const middle = 2 ** (bits - 1);
    const restored = Float32Array.from(weights, (_, i) => {
      const byte = codes[(i * bits) >> 3] ?? 0;
      const code = bits === 8 ? byte : i % 2 === 0 ? byte & 15 : byte >> 4;
      return (code - middle) * (scales[Math.floor(i / MATMUL_BLOCK)] ?? 0);
    });
    const expected = dequantizeGguf(type, quantize(weights));
    expect(restored.every((weight, i) => weight === expected[i])).toBe(true);
  });
});

describe('GGUF files', () => {
  it('end with the tensors of the shape, aligned', () => {
    const bytes = readFileSync(writeGguf(folder, tiny, 'q8_0'));
    expect(bytes.toString('latin1', 0, 4)).toBe('GGUF');
    const tensors = ggufTensors(tiny, 'q8_0');
    expect(bytes.readBigUInt64LE(8)).toBe(BigInt(tensors.length));
    expect(bytes.length % GGUF_ALIGNMENT).toBe(0);
    const last = tensors.at(-1);
    expect(last?.name).toBe('rope_freqs.weight');
    const factors = last?.values() ?? new Float32Array();
    // The fastest rotation is kept, the slowest is stretched in full.
    expect([factors[0], factors.at(-1)]).toEqual([1, 32]);
    expect(factors).toEqual(factors.toSorted());
    const end = bytes.subarray(bytes.length - factors.byteLength);
    expect(new Float32Array(Uint8Array.from(end).buffer)).toEqual(factors);
  });

  it('hold query rows with the halves that rotate together side by side', () => {
    const specs = weightsOf(tiny);
    const index = specs.findIndex(({ ggufName }) => ggufName === 'blk.0.attn_q.weight');
    const spec = specs[index];
    if (spec === undefined) throw new Error('no query matrix');
    const before = roundToBf16(valuesOf(spec, index));
    const after = ggufTensors(tiny, 'q4_0')[index]?.values() ?? new Float32Array();
    const row = (matrix: Float32Array, at: number): Float32Array =>
      matrix.subarray(at * tiny.hiddenSize, (at + 1) * tiny.hiddenSize);
    for (let head = 0; head < tiny.heads; head++)
      for (let pair = 0; pair < tiny.headDim / 2; pair++) {
        const first = head * tiny.headDim;
        expect(row(after, first + 2 * pair)).toEqual(row(before, first + pair));
        expect(row(after, first + 2 * pair + 1)).toEqual(
          row(before, first + pair + tiny.headDim / 2),
        );
      }
  });
});

describe('shapes', () => {
  // As the models' cards say: 135 M, 362 M, 1.24 B and 3.21 B.
  it.each([
    ['135m', 134_515_008],
    ['360m', 361_821_120],
    ['1b', 1_235_814_400],
    ['3b', 3_212_749_824],
  ])('%s has as many parameters as the published model', (key, parameters) => {
    const sum = weightsOf(shapeNamed(key)).reduce(
      (total, { shape }) => total + shape.reduce((product, size) => product * size, 1),
      0,
    );
    expect(sum).toBe(parameters);
  });
});
