import { storedWeightsBytes } from '../../../../app/contract/checkpoint.ts';
import type { ComparedAnswer, Comparison } from '../../../../app/contract/comparison.ts';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import type { Progress } from '../../../../app/contract/progress.ts';
import type { GeneratedToken } from '../../../../app/contract/sampling.ts';
import type { SchemeName } from '../../../../app/contract/scheme.ts';
import type { ColumnPhase, PromptRun } from '../logic/run-state.ts';

/** Everything one column shows, from a run or from a saved comparison. */
export interface ColumnModel {
  readonly artifactId: string;
  readonly name: string;
  /** Null for an artifact that is neither in the library nor has answered. */
  readonly scheme: SchemeName | null;
  readonly blockSize: number | null;
  readonly weightsBytes: number | null;
  readonly weightsSha256: string | null;
  readonly phase: ColumnPhase;
  readonly loading: Progress | null;
  readonly tokens: readonly GeneratedToken[];
  readonly answer: ComparedAnswer | null;
  /** Its entry in the library; null when it was deleted since. */
  readonly entry: LibraryArtifact | null;
}

function columnOf(
  artifactId: string,
  entry: LibraryArtifact | null,
  answer: ComparedAnswer | null,
): Omit<ColumnModel, 'phase' | 'loading' | 'tokens'> {
  const artifact = entry?.artifact;
  return {
    artifactId,
    name: artifact?.name ?? artifactId,
    scheme: answer?.scheme ?? artifact?.scheme ?? null,
    blockSize: artifact?.blockSize ?? null,
    weightsBytes:
      answer?.weightsBytes ?? (artifact === undefined ? null : storedWeightsBytes(artifact)),
    // The runner's own word where it spoke; before that the catalog's, which the runner is held to.
    weightsSha256: answer?.weightsSha256 ?? artifact?.weightsSha256 ?? null,
    answer,
    entry,
  };
}

function entryOf(library: readonly LibraryArtifact[], id: string): LibraryArtifact | null {
  return library.find(({ artifact }) => artifact.id === id) ?? null;
}

export function columnsOfRun(
  prompt: PromptRun,
  library: readonly LibraryArtifact[],
): ColumnModel[] {
  return prompt.columns.map((column, i) => ({
    ...columnOf(
      column.artifactId,
      entryOf(library, column.artifactId),
      prompt.comparison?.answers[i] ?? null,
    ),
    phase: column.phase,
    loading: column.loading,
    tokens: column.tokens,
  }));
}

export function columnsOfComparison(
  comparison: Comparison,
  library: readonly LibraryArtifact[],
): ColumnModel[] {
  return comparison.answers.map((answer) => ({
    ...columnOf(answer.artifactId, entryOf(library, answer.artifactId), answer),
    phase: 'done',
    loading: null,
    tokens: answer.tokens,
  }));
}
