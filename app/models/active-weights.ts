import type { Decoder, Matrix } from './decoder.ts';

function elements(matrix: Matrix | null): number {
  return matrix === null ? 0 : matrix.inFeatures * matrix.outFeatures;
}

/** Weights of the experts that a token does not go through; 0 for a model without experts. */
export function restingWeights({ layers }: Decoder): number {
  return layers.reduce((sum, { feedForward }) => {
    if (feedForward?.kind !== 'experts') return sum;
    const { experts, routing } = feedForward;
    const [first] = experts;
    if (first === undefined) return sum;
    const each = elements(first.gate) + elements(first.up) + elements(first.down);
    return sum + (experts.length - routing.expertsPerToken) * each;
  }, 0);
}
