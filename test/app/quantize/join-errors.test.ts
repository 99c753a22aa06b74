// Errors of a matrix from the errors of its pieces.
import { expect, it } from 'vitest';
import { joinErrors } from '../../../app/quantize/statistics.ts';
import { quantizeAffine } from '../../../native-kernels/index.ts';
import type { ErrorStatistics } from '../../../native-kernels/index.ts';

const columns = 128;

async function errorsOf(values: Float32Array): Promise<ErrorStatistics> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const { statistics } = await quantizeAffine(
    { bytes, type: 'f32' },
    { rows: values.length / columns, columns },
    { mode: 'absmax', bits: 8, granularity: { kind: 'block', blockSize: 64 } },
  );
  return statistics;
}

it('joins pieces of different sizes and magnitudes as if they had been one', async () => {
  const values = Float32Array.from({ length: 30 * columns }, (_, i) => (Math.random() - 0.5) * i);
  const whole = await errorsOf(values);
  const cuts = [0, 1, 4, 17, 30];
  const pieces = await Promise.all(
    cuts.slice(1).map((end, i) => errorsOf(values.slice((cuts[i] ?? 0) * columns, end * columns))),
  );
  const joined = joinErrors(pieces);
  expect(joined.numel).toBe(whole.numel);
  expect(joined.maxError).toBe(whole.maxError);
  for (const key of ['rmsError', 'relativeError', 'sqnrDb'] as const)
    expect((joined[key] ?? Number.NaN) / whole[key]).toBeCloseTo(1, 9);
});

it('has no ratio where there is no error', async () => {
  const zeros = await errorsOf(new Float32Array(2 * columns));
  expect(joinErrors([zeros, zeros])).toEqual({
    numel: 4 * columns,
    rmsError: 0,
    relativeError: 0,
    maxError: 0,
    sqnrDb: null,
  });
});
