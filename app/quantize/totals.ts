import type { ArtifactTotals, TensorStatistics } from '../contract/checkpoint.ts';

/**
 * Totals over an artifact from the statistics of its tensors.
 *
 * The errors of all quantized weights together: squares are added, not ratios averaged. A tensor's squares follow from
 * what is kept of it: Σ(w-d)² = rmsError² · numel, Σw² = (rmsError / relativeError)² · numel. A tensor without any
 * error does not tell its Σw², and is left out of the ratio.
 */
export function artifactTotals(tensors: readonly TensorStatistics[]): ArtifactTotals {
  let parameters = 0;
  let bits = 0;
  let quantizedParameters = 0;
  let quantizedBits = 0;
  let errorSquares = 0;
  let sourceSquares = 0;
  for (const tensor of tensors) {
    parameters += tensor.numel;
    bits += tensor.bitsPerWeight * tensor.numel;
    if (tensor.treatment === 'kept') continue;
    quantizedParameters += tensor.numel;
    quantizedBits += tensor.bitsPerWeight * tensor.numel;
    if (tensor.relativeError === 0) continue;
    errorSquares += tensor.rmsError ** 2 * tensor.numel;
    sourceSquares += (tensor.rmsError / tensor.relativeError) ** 2 * tensor.numel;
  }
  return {
    parameters,
    quantizedParameters,
    quantizedBitsPerWeight: quantizedParameters === 0 ? 0 : quantizedBits / quantizedParameters,
    bitsPerWeight: parameters === 0 ? 0 : bits / parameters,
    sqnrDb: errorSquares === 0 ? null : 10 * Math.log10(sourceSquares / errorSquares),
    relativeError: sourceSquares === 0 ? 0 : Math.sqrt(errorSquares / sourceSquares),
  };
}
