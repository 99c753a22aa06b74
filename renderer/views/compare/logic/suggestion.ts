import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { bitsClassOf, type BitsClass, type Schemes } from '../../../../app/contract/scheme.ts';

/** Columns that fit on a screen, and models that fit in a memory: the engine's own limit for 'together'. */
export const MOST_COLUMNS = 4;

function newest(
  artifacts: readonly LibraryArtifact[],
  bits: BitsClass,
  schemes: Schemes,
): LibraryArtifact | undefined {
  return artifacts
    .filter(({ artifact: { scheme } }) => {
      const known = schemes.get(scheme);
      return known !== undefined && bitsClassOf(known) === bits;
    })
    .sort((a, b) => b.artifact.createdAt.localeCompare(a.artifact.createdAt))[0];
}

/**
 * The pair that shows what 4 bit loses: the newest 8-bit and 4-bit versions of the checkpoint that was worked on last and
 * has both and is not damaged. Else any two versions of one checkpoint, the finer first; else what there is.
 */
export function suggestPair(library: readonly LibraryArtifact[], schemes: Schemes): string[] {
  const bitsOf = ({ artifact }: LibraryArtifact): number => schemes.get(artifact.scheme)?.bits ?? 0;
  const available = library.filter((entry) => entry.available);
  const sound = available.filter(({ damagedFiles }) => damagedFiles.length === 0);
  const usable = sound.length > 1 ? sound : available;
  const byCheckpoint = new Map<string, LibraryArtifact[]>();
  const latestFirst = [...usable].sort((a, b) =>
    b.artifact.createdAt.localeCompare(a.artifact.createdAt),
  );
  for (const entry of latestFirst) {
    const { checkpointId } = entry.artifact;
    byCheckpoint.set(checkpointId, [...(byCheckpoint.get(checkpointId) ?? []), entry]);
  }
  for (const versions of byCheckpoint.values()) {
    const eight = newest(versions, 8, schemes);
    const four = newest(versions, 4, schemes);
    if (eight !== undefined && four !== undefined) return [eight.artifact.id, four.artifact.id];
  }
  const several = [...byCheckpoint.values()].find((versions) => versions.length > 1);
  return (several ?? latestFirst)
    .slice(0, 2)
    .sort((a, b) => bitsOf(b) - bitsOf(a))
    .map(({ artifact }) => artifact.id);
}

/** Which sound one to add next: another version of the first one's checkpoint, else any other; null where all are chosen. */
export function suggestNext(
  library: readonly LibraryArtifact[],
  chosen: readonly string[],
): string | null {
  const free = library.filter(
    ({ available, artifact, damagedFiles }) =>
      available && damagedFiles.length === 0 && !chosen.includes(artifact.id),
  );
  const first = library.find(({ artifact }) => artifact.id === chosen[0]);
  const sibling = free.find(
    ({ artifact }) => artifact.checkpointId === first?.artifact.checkpointId,
  );
  return (sibling ?? free[0])?.artifact.id ?? null;
}
