import type { GeneratedToken } from '../../../../app/contract/sampling.ts';

type TokenIds = readonly Pick<GeneratedToken, 'id'>[];

/**
 * The first place where two answers differ, an answer that ended earlier included.
 *
 * @param isComplete False while either still grows: a place that only one has reached is no difference yet.
 * @returns null where there is none
 */
export function firstDifference(
  reference: TokenIds,
  other: TokenIds,
  isComplete = true,
): number | null {
  const shorter = Math.min(reference.length, other.length);
  for (let i = 0; i < shorter; i++) if (reference[i]?.id !== other[i]?.id) return i;
  return isComplete && reference.length !== other.length ? shorter : null;
}

/**
 * For each answer the place to mark in it: where it departs from the first, and in the first itself where the
 * earliest of the others departs.
 */
export function differenceMarks(
  answers: readonly TokenIds[],
  isComplete = true,
): (number | null)[] {
  const [reference, ...others] = answers;
  if (reference === undefined) return [];
  const marks = others.map((other) => firstDifference(reference, other, isComplete));
  const known = marks.filter((mark) => mark !== null);
  return [known.length === 0 ? null : Math.min(...known), ...marks];
}

/** Places with the same judgement beside each other. */
export interface StripRun {
  readonly start: number;
  readonly length: number;
  readonly isEqual: boolean;
}

export interface AgreementStrip {
  readonly runs: readonly StripRun[];
  /** Tokens of the longer answer: the width of the strip. */
  readonly places: number;
  readonly equal: number;
}

/** Place by place, whether two answers have the same token there; places that only one has are different. */
export function agreementStrip(reference: TokenIds, other: TokenIds): AgreementStrip {
  const places = Math.max(reference.length, other.length);
  const runs: StripRun[] = [];
  let equal = 0;
  let start = 0;
  for (let i = 1; i <= places; i++) {
    const isEqual = reference[start]?.id === other[start]?.id;
    if (i < places && (reference[i]?.id === other[i]?.id) === isEqual) continue;
    runs.push({ start, length: i - start, isEqual });
    if (isEqual) equal += i - start;
    start = i;
  }
  return { runs, places, equal };
}

/** The share of places that are equal, 0..1; null for two empty answers. */
export function agreementShare({ equal, places }: AgreementStrip): number | null {
  return places === 0 ? null : equal / places;
}
