import type { ErrorStatistics } from '../../native-kernels/index.ts';
import { tensorBytes } from '../checkpoint/index.ts';
import type { TensorStatistics } from '../contract/checkpoint.ts';
import type { PlannedTensor } from './plan.ts';

/**
 * What the catalog keeps of one tensor.
 *
 * @param errors Null for a tensor that was kept: it has none.
 * @param quantStateBytes Real length of a text whose length the plan could only bound; null where there is none.
 */
export function tensorStatistics(
  tensor: PlannedTensor,
  errors: ErrorStatistics | null,
  sha256: string,
  quantStateBytes: number | null,
): TensorStatistics {
  const { name, dtype, shape } = tensor.source;
  const storedBytes = tensor.outputs.reduce(
    (sum, output) =>
      sum +
      (output.part === 'quant_state' && quantStateBytes !== null
        ? quantStateBytes
        : (tensorBytes(output.dtype, output.shape) ?? 0)),
    0,
  );
  return {
    name,
    dtype,
    shape,
    treatment: tensor.treatment,
    reason: tensor.treatment === 'kept' ? tensor.reason : null,
    blockSize: tensor.treatment === 'kept' ? null : tensor.blockSize,
    numel: tensor.numel,
    storedBytes,
    bitsPerWeight: tensor.bitsPerWeight,
    rmsError: errors?.rmsError ?? 0,
    relativeError: errors?.relativeError ?? 0,
    maxError: errors?.maxError ?? 0,
    // JSON and SQLite have no infinity: no error to speak of is null.
    sqnrDb: errors === null || !Number.isFinite(errors.sqnrDb) ? null : errors.sqnrDb,
    cosine: errors?.cosine ?? 1,
    sha256,
  };
}
