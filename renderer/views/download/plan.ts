import type { Inspection, SchemeSize } from '../../../app/contract/inspection.ts';
import type { Checkpoint } from '../../../app/contract/checkpoint.ts';
import type { Library } from '../../../app/contract/library.ts';
import {
  bitsClassOf,
  byRecommendation,
  keepsWeights,
  type SchemeName,
  type Schemes,
} from '../../../app/contract/scheme.ts';

/** What the disk must hold for a choice of schemes. Bytes. */
export interface DiskNeed {
  readonly downloadBytes: number;
  readonly madeBytes: number;
  readonly totalBytes: number;
}

/**
 * The checkpoint of the library that an inspection is about: by its id, its folder, or the repository and commit that it
 * came from. Null where it is not there, or on a disk that is not connected: then it would be downloaded.
 */
export function checkpointIn(
  library: Library | undefined,
  inspection: Inspection,
): Checkpoint | null {
  const { source, directory, repository, commit } = inspection;
  const found = library?.checkpoints.find(
    ({ checkpoint: { id, directory: own, origin }, available }) =>
      available &&
      (id === source ||
        (directory !== null && own === directory) ||
        (repository !== null &&
          origin.repository === repository &&
          // The sample is known before it has a commit.
          (commit === null || origin.commit === commit))),
  );
  return found?.checkpoint ?? null;
}

/** The sizes with the copy of the output layer, as they come, or without it. */
export function sizesFor(
  sizes: readonly SchemeSize[],
  outputLayerCopy: boolean,
): readonly SchemeSize[] {
  if (outputLayerCopy) return sizes;
  return sizes.map((size) => ({ ...size, ...size.withoutCopy, outputLayerCopyBytes: 0 }));
}

/**
 * Room that a choice takes: the download where there is one, and every version with the small files that go with its
 * weights. A 16-bit version of a download shares its weights and takes nothing but those files.
 */
export function diskNeed(
  inspection: Omit<Inspection, 'schemes'> & { readonly schemes: readonly SchemeSize[] },
  chosen: readonly SchemeName[],
  known: Schemes,
): DiskNeed {
  const isHere = inspection.directory !== null;
  const downloadBytes = isHere ? 0 : inspection.downloadBytes;
  const auxiliaryBytes = Math.max(0, inspection.downloadBytes - inspection.weightsBytes);
  const sharesWeights = inspection.repository !== null;
  let madeBytes = 0;
  for (const { scheme, weightsBytes, outputLayerCopyBytes } of inspection.schemes)
    if (chosen.includes(scheme))
      madeBytes +=
        auxiliaryBytes +
        outputLayerCopyBytes +
        (keepsWeights(known, scheme) && sharesWeights ? 0 : weightsBytes);
  return { downloadBytes, madeBytes, totalBytes: downloadBytes + madeBytes };
}

/** Below this share of what is free, a disk with that much on it is no longer comfortable for the rest of the system. */
const COMFORTABLE_SHARE = 0.9;

/** Whether it fits the disk; `unknown` where the free space is. */
export function diskVerdict(
  needBytes: number,
  freeBytes: number | null,
): 'roomy' | 'tight' | 'short' | 'unknown' {
  if (freeBytes === null) return 'unknown';
  if (needBytes > freeBytes) return 'short';
  return needBytes > freeBytes * COMFORTABLE_SHARE ? 'tight' : 'roomy';
}

/** Four bits first: what most people come for; within the same bits in the order of the contract's list. */
export function orderedSizes(sizes: readonly SchemeSize[], known: Schemes): readonly SchemeSize[] {
  return [...sizes].sort((one, other) => {
    const [a, b] = [known.get(one.scheme), known.get(other.scheme)];
    return a === undefined || b === undefined ? 0 : a.bits - b.bits || byRecommendation(a, b);
  });
}

/** What is ticked first: the defaults of the settings that this model can have and that are not made yet. */
export function firstChoice(
  defaults: readonly SchemeName[],
  sizes: readonly SchemeSize[],
  made: readonly SchemeName[],
): readonly SchemeName[] {
  return defaults.filter(
    (scheme) => sizes.some((size) => size.scheme === scheme) && !made.includes(scheme),
  );
}

/** What the main button says. */
export type Go = 'download' | 'nothing' | 'bits4' | 'bits8' | 'bits16' | 'many';

/** The main button's words for a choice; `nothing` where there is neither a version nor a download to be had. */
export function goFor(chosen: readonly SchemeName[], isHere: boolean, known: Schemes): Go {
  const [only] = chosen;
  if (only === undefined) return isHere ? 'nothing' : 'download';
  if (chosen.length > 1) return 'many';
  const description = known.get(only);
  return description === undefined ? 'many' : `bits${bitsClassOf(description)}`;
}

/** Block sizes that all chosen schemes with blocks can have, best first; empty where there is none. */
export function commonBlockSizes(chosen: readonly SchemeName[], known: Schemes): readonly number[] {
  const lists = chosen
    .map((scheme) => known.get(scheme)?.blockSizes ?? [])
    .filter(({ length }) => length > 0);
  const [first, ...rest] = lists;
  if (first === undefined) return [];
  return first.filter((size) => rest.every((list) => list.includes(size)));
}
