/** How far dequantized weights d are from their source w, over all weights of a tensor. */
export interface ErrorStatistics {
  /** Number of weights. */
  numel: number;
  /** Root of the mean of (w - d)², in units of the weights. */
  rmsError: number;
  /** Root mean square of the error over that of the source; 0 for a tensor of zeros. */
  relativeError: number;
  /** Largest |w - d|, in units of the weights. */
  maxError: number;
  /** Signal to quantization noise, 10 log10(Σw² / Σ(w - d)²), in decibels; Infinity without any error. */
  sqnrDb: number;
  /** Cosine of the angle between source and dequantized weights; 1 when both are zero. */
  cosine: number;
}

/** Sums over all weights, as the kernels add them up (double precision, in an order of their own). */
export interface ErrorSums {
  numel: number;
  errorSquares: number;
  sourceSquares: number;
  dequantizedSquares: number;
  dot: number;
  maxError: number;
}

/** Statistics of one tensor from its sums. */
export function errorStatistics(sums: ErrorSums): ErrorStatistics {
  const { numel, errorSquares, sourceSquares, dequantizedSquares, dot, maxError } = sums;
  const norms = Math.sqrt(sourceSquares) * Math.sqrt(dequantizedSquares);
  const bothZero = sourceSquares === 0 && dequantizedSquares === 0;
  return {
    numel,
    rmsError: numel === 0 ? 0 : Math.sqrt(errorSquares / numel),
    relativeError: sourceSquares === 0 ? 0 : Math.sqrt(errorSquares / sourceSquares),
    maxError,
    sqnrDb: errorSquares === 0 ? Infinity : 10 * Math.log10(sourceSquares / errorSquares),
    cosine: bothZero ? 1 : norms === 0 ? 0 : dot / norms,
  };
}
