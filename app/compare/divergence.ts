import type { Divergence } from '../contract/comparison.ts';
import type { GeneratedToken } from '../contract/sampling.ts';

/**
 * Where an answer first departs from the baseline, token by token.
 *
 * @returns null when they are equal
 */
export function findDivergence(
  artifactId: string,
  baseline: readonly GeneratedToken[],
  other: readonly GeneratedToken[],
): Divergence | null {
  const longer = Math.max(baseline.length, other.length);
  const isSame = (i: number): boolean => baseline[i]?.id === other[i]?.id;
  const places = Array.from({ length: longer }, (_, i) => i);
  const token = places.find((i) => !isSame(i));
  if (token === undefined) return null;
  return {
    artifactId,
    token,
    character: baseline.slice(0, token).reduce((sum, { text }) => sum + text.length, 0),
    agreement: places.filter(isSame).length / longer,
    // Null where that answer had ended.
    baselineToken: baseline[token] ?? null,
    otherToken: other[token] ?? null,
  };
}
