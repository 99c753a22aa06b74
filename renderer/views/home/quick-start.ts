import type { ConversationSummary } from '../../../app/contract/conversation.ts';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import type { Library } from '../../../app/contract/library.ts';

/** Where a person who has models most likely wants to go. */
export interface QuickStart {
  readonly chatWith: Artifact;
  /** Whether it answered the last chat; else it is simply the newest. */
  readonly isLastUsed: boolean;
  /** Two versions of one checkpoint, the newest such pair; null where there is none. */
  readonly compare: readonly [Artifact, Artifact] | null;
}

function newestFirst(a: Artifact, b: Artifact): number {
  return b.createdAt.localeCompare(a.createdAt);
}

/** What to offer first; null where nothing sound can be reached that answers. */
export function quickStart(
  library: Library,
  conversations: readonly ConversationSummary[],
): QuickStart | null {
  const artifacts = library.artifacts
    .filter(({ available, damagedFiles }) => available && damagedFiles.length === 0)
    .map(({ artifact }) => artifact)
    .sort(newestFirst);
  const [newest] = artifacts;
  if (newest === undefined) return null;
  const lastId = conversations[0]?.artifactId;
  const last = artifacts.find(({ id }) => id === lastId);
  const chatWith = last ?? newest;
  const versionsOf = ({ checkpointId }: Artifact): Artifact[] =>
    artifacts.filter((other) => other.checkpointId === checkpointId);
  // The model that is used comes before others that also have two versions.
  const family = [chatWith, ...artifacts].map(versionsOf).find((list) => list.length > 1) ?? [];
  const [first, second] = family;
  const other = family.find((artifact) => artifact.scheme !== first?.scheme) ?? second;
  return {
    chatWith,
    isLastUsed: last !== undefined,
    compare: first === undefined || other === undefined ? null : [first, other],
  };
}
