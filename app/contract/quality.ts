/**
 * Words for the mean KL divergence (in nats per token) between a quantized model and its reference. The steps are
 * powers of ten as quantizations of one model spread: 8 bit lies near 1e-4, good 4 bit near 1e-2, and above 0.5 the
 * text visibly falls apart.
 */
export const divergenceSteps = [
  { below: 0.001, word: 'indistinguishable' },
  { below: 0.03, word: 'slight' },
  { below: 0.5, word: 'noticeable' },
  { below: Number.POSITIVE_INFINITY, word: 'strong' },
] as const;

export type DivergenceWord = (typeof divergenceSteps)[number]['word'];

/** The word for a mean KL divergence in nats per token. */
export function divergenceWord(meanKl: number): DivergenceWord {
  return divergenceSteps.find((step) => meanKl < step.below)?.word ?? 'strong';
}
