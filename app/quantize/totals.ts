import type { ArtifactTotals, TensorStatistics } from '../contract/checkpoint.ts';
import { joinErrors } from './statistics.ts';

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
  const { sqnrDb, relativeError } = joinErrors(
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
