import { SAMPLE_SOURCE } from '../../app/contract/inspection.ts';
import type { Job } from '../../app/contract/job.ts';
import type { Progress } from '../../app/contract/progress.ts';
import type { SchemeName } from '../../app/contract/scheme.ts';

export type StepKind = 'download' | 'quantize' | 'evaluate' | 'verify';
export type StepState = 'waiting' | 'running' | 'held' | 'done';

/** One thing that a job does, whether it has begun or not, so that the list keeps its length while the job goes on. */
export interface PlannedStep {
  readonly key: string;
  readonly kind: StepKind;
  /** What is made or measured; null for a download or a check. */
  readonly scheme: SchemeName | null;
  /** Null until it begins. */
  readonly progress: Progress | null;
  readonly state: StepState;
}

function isFinished({ done, total }: Progress): boolean {
  return total !== null && done >= total;
}

function stateOf(job: Job, progress: Progress | null, isOver: boolean): StepState {
  if (job.state === 'done' || isOver || (progress !== null && isFinished(progress))) return 'done';
  if (progress === null) return 'waiting';
  return job.state === 'running' && !job.waitsForDisk ? 'running' : 'held';
}

/** Whether a source is fetched first: a repository by its name, or the sample. Ids and absolute paths look otherwise. */
function comesFromAfar(source: string): boolean {
  return source === SAMPLE_SOURCE || /^[\w.-]+\/[\w.-]+(@.*)?$/.test(source);
}

function stepsOfMake(
  job: Job,
  request: Extract<Job['request'], { kind: 'make' }>,
): readonly PlannedStep[] {
  const { schemes } = request;
  const measuring = job.steps.filter(({ phase }) => phase === 'evaluate');
  const making = job.steps.filter(({ phase, format }) => phase !== 'evaluate' && format !== null);
  const download =
    job.steps.find(({ phase, format }) => phase !== 'evaluate' && format === null) ?? null;
  const planned: PlannedStep[] = [];
  // A folder needs no download; neither does a checkpoint that is here already.
  const expected = job.checkpointId === null && comesFromAfar(request.source);
  if (download !== null || expected || schemes.length === 0)
    planned.push({
      key: 'download',
      kind: 'download',
      scheme: null,
      progress: download,
      state: stateOf(job, download, job.checkpointId !== null),
    });
  const find = (list: readonly Progress[], scheme: SchemeName): Progress | null =>
    list.find(({ format }) => format === scheme) ?? null;
  for (const [index, scheme] of schemes.entries()) {
    const progress = find(making, scheme);
    planned.push({
      key: `make-${scheme}`,
      kind: 'quantize',
      scheme,
      progress,
      state: stateOf(job, progress, index < job.artifactIds.length),
    });
  }
  if (request.measure)
    for (const scheme of schemes) {
      const progress = find(measuring, scheme);
      planned.push({
        key: `measure-${scheme}`,
        kind: 'evaluate',
        scheme,
        progress,
        state: stateOf(job, progress, false),
      });
    }
  return planned;
}

/** Everything that a job does, in order. */
export function plannedSteps(job: Job): readonly PlannedStep[] {
  const { request } = job;
  if (request.kind === 'make') return stepsOfMake(job, request);
  const kind = request.kind;
  const known = job.steps.map((progress) => ({
    key: progress.step,
    kind,
    scheme: null,
    progress,
    state: stateOf(job, progress, false),
  }));
  return known.length > 0
    ? known
    : [{ key: kind, kind, scheme: null, progress: null, state: stateOf(job, null, false) }];
}

/** How far a whole job is, 0..1, every step counting alike; null until its first step has begun. */
export function jobShare(job: Job): number | null {
  const steps = plannedSteps(job);
  if (job.state === 'done') return 1;
  if (steps.every(({ state }) => state === 'waiting')) return null;
  const shares = steps.map(({ state, progress }) =>
    state === 'done'
      ? 1
      : progress === null || progress.total === null || progress.total === 0
        ? 0
        : Math.min(1, progress.done / progress.total),
  );
  return shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
}
