import type { Artifact } from '../../app/contract/checkpoint.ts';
import type { Job } from '../../app/contract/job.ts';
import type { DamagedFile, Library } from '../../app/contract/library.ts';
import { keepsWeights, type Schemes } from '../../app/contract/scheme.ts';

/** The newest jobs about one checkpoint or artifact, and what is known to be wrong with its files. */
export interface ModelWork {
  readonly verify: Job | null;
  readonly evaluate: Job | null;
  /** As the library has it: no job can hide it, and clearing the list of jobs leaves it. */
  readonly damagedFiles: readonly DamagedFile[];
}

export const NO_WORK: ModelWork = { verify: null, evaluate: null, damagedFiles: [] };

/** The files of each checkpoint and artifact that are known to be damaged; those without any have no entry. */
export function damagedModels(
  library: Library | undefined,
): ReadonlyMap<string, readonly DamagedFile[]> {
  const all = [
    ...(library?.checkpoints ?? []).map(
      ({ checkpoint, damagedFiles }) => [checkpoint.id, damagedFiles] as const,
    ),
    ...(library?.artifacts ?? []).map(
      ({ artifact, damagedFiles }) => [artifact.id, damagedFiles] as const,
    ),
  ];
  return new Map(all.filter(([, files]) => files.length > 0));
}

/** The newest verification and measurement per id, and the damage. `jobs`: newest first, as the store holds them. */
export function workPerModel(
  jobs: readonly Job[],
  library: Library | undefined,
): ReadonlyMap<string, ModelWork> {
  const all = new Map<string, ModelWork>();
  for (const [id, damagedFiles] of damagedModels(library))
    all.set(id, { ...NO_WORK, damagedFiles });
  for (const job of jobs) {
    const { request } = job;
    if (request.kind === 'make') continue;
    const known = all.get(request.id) ?? NO_WORK;
    all.set(request.id, { ...known, [request.kind]: known[request.kind] ?? job });
  }
  return all;
}

/** Share of a job that is done over all of its steps, 0..1; null while that is unknown. */
export function shareDone({ steps }: Job): number | null {
  const known = steps.filter(({ total }) => total !== null && total > 0);
  if (known.length === 0) return null;
  const shares = known.map(({ done, total }) => Math.min(1, done / (total ?? 1)));
  return shares.reduce((sum, share) => sum + share, 0) / known.length;
}

/** Whether something about the model is being worked on now. */
export function isBusy(work: ModelWork | undefined, kind: 'verify' | 'evaluate'): boolean {
  const job = work?.[kind];
  return job !== undefined && job !== null && (job.state === 'queued' || job.state === 'running');
}

/** Whether the newest check read every file and nothing is known to be damaged. */
export function isVerified({ verify, damagedFiles }: ModelWork): boolean {
  return verify?.state === 'done' && verify.files !== null && damagedFiles.length === 0;
}

/** The 16-bit artifact of the same checkpoint to measure against; null where there is none but itself. */
export function referenceFor(
  library: Library | undefined,
  artifact: Artifact,
  schemes: Schemes,
): Artifact | null {
  if (keepsWeights(schemes, artifact.scheme)) return null;
  const found = library?.artifacts.find(
    (other) =>
      other.available &&
      keepsWeights(schemes, other.artifact.scheme) &&
      other.artifact.checkpointId === artifact.checkpointId,
  );
  return found?.artifact ?? null;
}
