import { expect, it } from 'vitest';
import type { TensorStatistics } from '../../../app/contract/checkpoint.ts';
import { artifactTotals } from '../../../app/quantize/totals.ts';

/** Statistics of a tensor whose weights all have magnitude `weight` and whose errors all have magnitude `error`. */
function tensor(numel: number, weight: number, error: number, bits: number): TensorStatistics {
  return {
    name: 't',
    dtype: 'F32',
    shape: [numel],
    treatment: bits === 32 ? 'kept' : 'quantized',
    reason: null,
    blockSize: null,
    numel,
    storedBytes: (numel * bits) / 8,
    bitsPerWeight: bits,
    rmsError: error,
    relativeError: error / weight,
    maxError: error,
    sqnrDb: null,
    cosine: 1,
    sha256: '',
  };
}

it('adds squares over all quantized weights', () => {
  const totals = artifactTotals([
    tensor(100, 1, 0.1, 4),
    tensor(300, 2, 0.1, 8),
    tensor(600, 1, 0, 32),
  ]);
  expect(totals.parameters).toBe(1000);
  expect(totals.quantizedParameters).toBe(400);
  expect(totals.quantizedBitsPerWeight).toBe(7);
  expect(totals.bitsPerWeight).toBeCloseTo(22, 10);
  expect(totals.relativeError).toBeCloseTo(Math.sqrt(4 / 1300), 10);
  expect(totals.sqnrDb).toBeCloseTo(10 * Math.log10(1300 / 4), 10);
});

it('has no ratio where there is no error', () => {
  expect(artifactTotals([tensor(10, 1, 0, 32)])).toMatchObject({ sqnrDb: null, relativeError: 0 });
  expect(artifactTotals([])).toMatchObject({ bitsPerWeight: 0, quantizedBitsPerWeight: 0 });
});
