import type { Artifact } from '../../app/contract/checkpoint.ts';
import { isEnded, type Job, type JobRequest } from '../../app/contract/job.ts';
import type { Library } from '../../app/contract/library.ts';
import { engine } from '../bridge.ts';
import { toast } from '../design/toasts.tsx';
import { errorText } from '../errors/error-words.ts';

/** The newest jobs about one checkpoint or artifact. */
export interface ModelWork {
  readonly verify: Job | null;
  readonly evaluate: Job | null;
}

/** The newest verification and measurement per id. `jobs`: newest first, as the store holds them. */
export function workPerModel(jobs: readonly Job[]): ReadonlyMap<string, ModelWork> {
  const all = new Map<string, ModelWork>();
  for (const job of jobs) {
    const { request } = job;
    if (request.kind === 'make') continue;
    const known = all.get(request.id) ?? { verify: null, evaluate: null };
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
export function isBusy(work: ModelWork | undefined, kind: keyof ModelWork): boolean {
  const job = work?.[kind];
  return job !== undefined && job !== null && (job.state === 'queued' || job.state === 'running');
}

/** Files that a finished verification found changed or missing; null where none has finished. */
export function damagedFiles(job: Job | null | undefined): readonly string[] | null {
  if (job === null || job === undefined || job.files === null || !isEnded(job.state)) return null;
  return job.files
    .filter(({ state }) => state === 'changed' || state === 'missing')
    .map(({ name }) => name);
}

/** The checkpoints and artifacts whose files were damaged when they were last checked. `jobs`: newest first. */
export function damagedModels(jobs: readonly Job[]): ReadonlySet<string> {
  return new Set(
    [...workPerModel(jobs)]
      .filter(([, { verify }]) => (damagedFiles(verify) ?? []).length > 0)
      .map(([id]) => id),
  );
}

/** The 16-bit artifact of the same checkpoint to measure against; null where there is none but itself. */
export function referenceFor(library: Library | undefined, artifact: Artifact): Artifact | null {
  if (artifact.scheme === 'bf16') return null;
  const found = library?.artifacts.find(
    (other) =>
      other.available &&
      other.artifact.scheme === 'bf16' &&
      other.artifact.checkpointId === artifact.checkpointId,
  );
  return found?.artifact ?? null;
}

async function start(request: JobRequest): Promise<void> {
  try {
    await engine.startJob({ request });
  } catch (error) {
    toast({ text: errorText(error), look: 'danger' });
  }
}

/** Queues a check of every file; the jobs' store tells what became of it. */
export function startVerify(id: string): void {
  void start({ kind: 'verify', id });
}

/** Queues a measurement on the held-out text, against the 16-bit artifact where there is one. */
export function startMeasure(library: Library | undefined, artifact: Artifact): void {
  const reference = referenceFor(library, artifact);
  void start({
    kind: 'evaluate',
    id: artifact.id,
    text: null,
    textName: 'held-out text',
    mode: 'fast',
    ...(reference === null ? {} : { referenceId: reference.id }),
  });
}
