import { AppError } from '../contract/error.ts';
import type { SchemeDescription } from '../contract/scheme.ts';
import { affineFormats } from './affine/schemes.ts';
import { bitsandbytesFormats } from './bitsandbytes/schemes.ts';
import { published } from './floats/floats.ts';
import type { WeightFormat } from './format.ts';

/** Every scheme, those with most bits first. A new one is a folder beside this file, and a line here. */
export const weightFormats: readonly WeightFormat[] = [
  published,
  ...bitsandbytesFormats,
  ...affineFormats,
].sort((a, b) => b.bits - a.bits);

const byName = new Map(weightFormats.map((format) => [format.name, format]));

/** Null for a scheme that only a newer Nibble knows. */
export function findFormat(scheme: string): WeightFormat | null {
  return byName.get(scheme) ?? null;
}

/** @throws AppError `invalid-input` for a scheme that this version does not have */
export function formatOf(scheme: string): WeightFormat {
  const format = findFormat(scheme);
  if (format !== null) return format;
  throw new AppError('invalid-input', `This version has no scheme '${scheme}'.`, {
    remedy: `Schemes: ${[...byName.keys()].join(', ')}. A newer Nibble may have more.`,
  });
}

function describe(format: WeightFormat): SchemeDescription {
  const { name, label, explanation, family, bits, blockSizes } = format;
  const { recommendation, isReadElsewhere, quantizer, bitsPerWeight } = format;
  return {
    ...{ name, label, explanation, family, bits, blockSizes: [...blockSizes] },
    bitsPerWeight: bitsPerWeight(blockSizes[0] ?? null),
    ...{ isQuantized: quantizer !== null, recommendation, isReadElsewhere },
  };
}

/** What everybody may know of every scheme. */
export function schemeDescriptions(): SchemeDescription[] {
  return weightFormats.map(describe);
}

/** Whether the weights are the published ones; not of a scheme that this version does not have. */
export function keepsWeights(scheme: string): boolean {
  return findFormat(scheme)?.quantizer === null;
}

/** The scheme that is made where nobody chose one. */
export function usualScheme(): WeightFormat {
  return weightFormats.find(({ recommendation }) => recommendation === 0) ?? published;
}
