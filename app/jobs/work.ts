import type { Job, JobRequest } from '../contract/job.ts';
import type { Progress } from '../contract/progress.ts';

/** A folder that a job works in before it is finished. */
export interface JobPlace {
  readonly kind: 'download' | 'artifact';
  readonly directory: string;
}

/** Where jobs are kept; the catalog is one. Calls are synchronous and may throw AppError. */
export interface JobStore {
  add(job: { request: JobRequest; subject: string; owner: string; createdAt: string }): Job;
  /** Newest first. */
  jobs(): Job[];
  job(id: number): Job | null;
  save(job: Job, owner: string | null): void;
  /** Queues a job that nobody has. @returns false when somebody has it */
  claim(id: number, owner: string): boolean;
  owner(id: number): string | null;
  remove(id: number): boolean;
  addPlace(id: number, place: JobPlace): void;
  places(id: number): JobPlace[];
}

/** What the work gets beside the job. */
export interface JobCall {
  readonly signal: AbortSignal;
  readonly emit: (progress: Progress) => void;
  /** Notes what has come of it so far. */
  readonly note: (changes: Partial<Pick<Job, 'checkpointId' | 'artifactIds' | 'files'>>) => void;
  /** Notes a folder before anything is put there. */
  readonly claim: (place: JobPlace) => void;
}

/** What the queue needs from the engine. */
export interface JobQueueOptions {
  readonly store: JobStore;
  /** Does what the job asks for; must stop when the signal fires and go on from there when it is called again. */
  readonly work: (job: Job, call: JobCall) => Promise<void>;
  /** Deletes what lies unfinished in these folders. */
  readonly discard: (places: readonly JobPlace[]) => Promise<void>;
  /** This engine's mark, which others can find out the death of. Asked for when the first job is queued. */
  readonly owner: () => Promise<string>;
  /** Frees the jobs of engines that are gone. */
  readonly freeOrphans: () => Promise<void>;
}
