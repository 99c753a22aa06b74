import type { ErrorStatistics } from '../../native-kernels/index.ts';
import { tensorBytes } from '../checkpoint/index.ts';
import type { TensorStatistics } from '../contract/checkpoint.ts';
import type { PlannedTensor } from './planned-tensor.ts';

/** What is needed of each part to know the errors of all. */
export type PartErrors = Pick<ErrorStatistics, 'numel' | 'rmsError' | 'relativeError' | 'maxError'>;

/** Of a whole from those of its parts. */
export type JoinedErrors = PartErrors & {
  /** Null without any error: JSON and SQLite have no infinity. */
  readonly sqnrDb: number | null;
};

/**
 * Joins the errors of the pieces of a matrix, or of all matrices. Squares are added, not ratios averaged: a part's
 * squares follow from its figures, Σ(w-d)² = rmsError² · numel and Σw² = (rmsError / relativeError)² · numel. A part
 * without any error does not tell its Σw² and adds nothing to the ratio's denominator, so that the relative error is
 * never told too small.
 */
export function joinErrors(parts: readonly PartErrors[]): JoinedErrors {
  let numel = 0;
  let errorSquares = 0;
  let sourceSquares = 0;
  let maxError = 0;
  for (const part of parts) {
    numel += part.numel;
    maxError = Math.max(maxError, part.maxError);
    if (part.relativeError === 0) continue;
    errorSquares += part.rmsError ** 2 * part.numel;
    sourceSquares += (part.rmsError / part.relativeError) ** 2 * part.numel;
  }
  return {
    numel,
    rmsError: numel === 0 ? 0 : Math.sqrt(errorSquares / numel),
    relativeError: sourceSquares === 0 ? 0 : Math.sqrt(errorSquares / sourceSquares),
    maxError,
    sqnrDb: errorSquares === 0 ? null : 10 * Math.log10(sourceSquares / errorSquares),
  };
}

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
