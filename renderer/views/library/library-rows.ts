import type { Checkpoint } from '../../../app/contract/checkpoint.ts';
import type { Library, LibraryArtifact } from '../../../app/contract/library.ts';
import { bitsClassOf, keepsWeights, type Schemes } from '../../../app/contract/scheme.ts';

export const sortKeys = ['name', 'size', 'bits', 'sqnr', 'perplexity', 'date'] as const;
export type SortKey = (typeof sortKeys)[number];

export interface LibraryFilter {
  readonly text: string;
  readonly bits: 'all' | '16' | '8' | '4';
  readonly onlyOffline: boolean;
  readonly onlyMeasured: boolean;
  readonly sort: SortKey;
  readonly descending: boolean;
}
export const noFilter: LibraryFilter = {
  text: '',
  bits: 'all',
  onlyOffline: false,
  onlyMeasured: false,
  sort: 'name',
  descending: false,
};

/** True where rows may be hidden. */
export function isFiltering(filter: LibraryFilter): boolean {
  return (
    filter.text.trim() !== '' || filter.bits !== 'all' || filter.onlyOffline || filter.onlyMeasured
  );
}

export interface GroupRow {
  readonly kind: 'group';
  readonly key: string;
  readonly name: string;
  /** Null where the checkpoint was removed and its artifacts stayed. */
  readonly checkpoint: Checkpoint | null;
  readonly available: boolean;
  /** Every artifact of it, hidden ones included. */
  readonly artifacts: readonly LibraryArtifact[];
}
export interface ArtifactRow {
  readonly kind: 'artifact';
  readonly key: string;
  readonly entry: LibraryArtifact;
  /** Bytes that the bar is drawn against: the same tensors in 16 bit. */
  readonly ofBytes: number;
}
export type LibraryRow = GroupRow | ArtifactRow;

/** What an artifact is sorted by; null where it was never measured, which comes last in both directions. */
function sortValue(entry: LibraryArtifact, key: SortKey): string | number | null {
  const { artifact, evaluation } = entry;
  switch (key) {
    case 'name':
      return artifact.name;
    case 'size':
      return artifact.sizeBytes;
    case 'bits':
      return artifact.totals.bitsPerWeight;
    case 'sqnr':
      return artifact.totals.sqnrDb;
    case 'perplexity':
      return evaluation?.perplexity ?? null;
    case 'date':
      return artifact.createdAt;
  }
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function compareValues(
  a: string | number | null,
  b: string | number | null,
  descending: boolean,
): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order =
    typeof a === 'string' || typeof b === 'string' ? collator.compare(String(a), String(b)) : a - b;
  return descending ? -order : order;
}

/** Bytes of the weights in 16 bit: two per parameter; what the artifact itself says where that is more. */
export function sixteenBitBytes({ artifact }: LibraryArtifact, schemes: Schemes): number {
  return Math.max(
    2 * artifact.totals.parameters,
    keepsWeights(schemes, artifact.scheme) ? artifact.sizeBytes : 0,
  );
}

function contains(words: readonly (string | null)[], needle: string): boolean {
  return words.some((word) => word?.toLowerCase().includes(needle) === true);
}

function groupsOf(library: Library): readonly GroupRow[] {
  const byCheckpoint = new Map<string, LibraryArtifact[]>();
  for (const entry of library.artifacts) {
    const list = byCheckpoint.get(entry.artifact.checkpointId);
    if (list === undefined) byCheckpoint.set(entry.artifact.checkpointId, [entry]);
    else list.push(entry);
  }
  const groups: GroupRow[] = library.checkpoints.map(({ checkpoint, available }) => {
    const artifacts = byCheckpoint.get(checkpoint.id) ?? [];
    byCheckpoint.delete(checkpoint.id);
    return {
      kind: 'group',
      key: `checkpoint ${checkpoint.id}`,
      name: checkpoint.name,
      checkpoint,
      available,
      artifacts,
    };
  });
  for (const [id, artifacts] of byCheckpoint)
    groups.push({
      kind: 'group',
      key: `removed ${id}`,
      name: id,
      checkpoint: null,
      available: true,
      artifacts,
    });
  return groups;
}

/**
 * The lines of the library: each checkpoint, and below it those of its artifacts that pass the filter, all in the order
 * that was asked for. Artifacts whose checkpoint was removed form groups of their own.
 */
export function libraryRows(
  library: Library,
  filter: LibraryFilter,
  schemes: Schemes,
): readonly LibraryRow[] {
  const bitsOf = (scheme: string): string => {
    const known = schemes.get(scheme);
    return known === undefined ? '' : String(bitsClassOf(known));
  };
  const needle = filter.text.trim().toLowerCase();
  const { sort, descending } = filter;
  const isAboutArtifacts = filter.bits !== 'all' || filter.onlyMeasured;
  const shown = groupsOf(library).flatMap((group) => {
    const isNamed =
      needle === '' ||
      contains(
        [
          group.name,
          group.checkpoint?.origin.repository ?? null,
          group.checkpoint?.architecture ?? null,
        ],
        needle,
      );
    const artifacts = group.artifacts.filter(
      ({ artifact, available, evaluation }) =>
        (isNamed || contains([artifact.name, artifact.scheme, artifact.directory], needle)) &&
        (filter.bits === 'all' || bitsOf(artifact.scheme) === filter.bits) &&
        (!filter.onlyOffline || !available) &&
        (!filter.onlyMeasured || evaluation !== null),
    );
    const isShownAlone = isNamed && !isAboutArtifacts && (!filter.onlyOffline || !group.available);
    if (artifacts.length === 0 && !isShownAlone) return [];
    const sorted = artifacts.sort(
      (a, b) =>
        compareValues(sortValue(a, sort), sortValue(b, sort), descending) ||
        collator.compare(a.artifact.name, b.artifact.name),
    );
    const first = sorted[0];
    // A group stands where its first artifact would; by name and without artifacts, where its own name and data say.
    const value =
      sort === 'name'
        ? group.name
        : first !== undefined
          ? sortValue(first, sort)
          : sort === 'size'
            ? (group.checkpoint?.sizeBytes ?? null)
            : sort === 'date'
              ? (group.checkpoint?.createdAt ?? null)
              : null;
    return [{ group, sorted, value }];
  });
  shown.sort(
    (a, b) =>
      compareValues(a.value, b.value, descending) || collator.compare(a.group.name, b.group.name),
  );
  return shown.flatMap(({ group, sorted }): LibraryRow[] => [
    group,
    ...sorted.map((entry): LibraryRow => ({
      kind: 'artifact',
      key: entry.artifact.id,
      entry,
      ofBytes: sixteenBitBytes(entry, schemes),
    })),
  ]);
}

/** The row that gets the focus when `gone` leave: the next one that stays, else the one before. */
export function neighbourOf(rows: readonly LibraryRow[], gone: ReadonlySet<string>): string | null {
  const at = rows.findIndex(({ key }) => gone.has(key));
  if (at < 0) return null;
  const stays = ({ key }: LibraryRow): boolean => !gone.has(key);
  return (rows.slice(at).find(stays) ?? rows.slice(0, at).findLast(stays))?.key ?? null;
}

export function nameOfRow(row: LibraryRow): string {
  return row.kind === 'group' ? row.name : row.entry.artifact.name;
}
