import type { ArtifactTotals, TensorStatistics } from '../contract/checkpoint.ts';
import { joinErrors } from './statistics.ts';

/** The errors of all; null where that of one is unknown. */
function joinedErrors(
  tensors: readonly TensorStatistics[],
): Pick<ArtifactTotals, 'sqnrDb' | 'relativeError'> {
  const measured = tensors.flatMap(({ numel, rmsError, relativeError, maxError }) =>
    rmsError === null || relativeError === null || maxError === null
      ? []
      : [{ numel, rmsError, relativeError, maxError }],
  );
  return measured.length === tensors.length
    ? joinErrors(measured)
    : { sqnrDb: null, relativeError: null };
}

/** Totals over an artifact from the statistics of its tensors. */
export function artifactTotals(tensors: readonly TensorStatistics[]): ArtifactTotals {
  let parameters = 0;
  let bits = 0;
  let quantizedParameters = 0;
  let quantizedBits = 0;
  for (const tensor of tensors) {
    parameters += tensor.numel;
    bits += tensor.bitsPerWeight * tensor.numel;
    if (tensor.treatment === 'kept') continue;
    quantizedParameters += tensor.numel;
    quantizedBits += tensor.bitsPerWeight * tensor.numel;
  }
  const { sqnrDb, relativeError } = joinedErrors(
    tensors.filter(({ treatment }) => treatment !== 'kept'),
  );
  return {
    parameters,
    quantizedParameters,
    quantizedBitsPerWeight: quantizedParameters === 0 ? 0 : quantizedBits / quantizedParameters,
    bitsPerWeight: parameters === 0 ? 0 : bits / parameters,
    sqnrDb,
    relativeError,
  };
}
