/** The door of app/jobs. */
export { JobQueue } from './job-queue.ts';
export type { JobCall, JobPlace, JobQueueOptions, JobStore } from './work.ts';
