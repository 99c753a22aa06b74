/** Enough for 16 digits of any share that a model says. */
const MAX_TERMS = 500;
const MAX_STEPS = 100;

/** Which share of the normal distribution lies below z (Marsaglia 2004). */
function shareBelow(z: number, density: number): number {
  let term = z;
  let sum = z;
  for (let i = 1; i < MAX_TERMS && term > sum * Number.EPSILON; i++) {
    term *= (z * z) / (2 * i + 1);
    sum += term;
  }
  return 0.5 + density * sum;
}

/** The number that this share of the normal distribution lies below. @param share Above 0, below 1. */
export function quantile(share: number): number {
  if (share < 0.5) return -quantile(1 - share);
  // Newton's steps from 0 on stay below the answer: the share grows ever more slowly.
  let z = 0;
  for (let i = 0; i < MAX_STEPS; i++) {
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    const step = (share - shareBelow(z, density)) / density;
    if (step <= 0) break;
    z += step;
  }
  return z;
}
