import { isEnded, type Job } from '../../app/contract/job.ts';

/** What the dock or taskbar shows: a share 0..1, 2 for 'busy, of unknown length' (as Electron has it), -1 for nothing. */
export type BarValue = number;
const NOTHING = -1;
const BUSY = 2;

/** Which jobs are under way, from the changes that the engine tells. */
export class JobActivity {
  readonly #jobs = new Map<number, Job>();

  update(job: Job): void {
    if (isEnded(job.state)) this.#jobs.delete(job.id);
    else this.#jobs.set(job.id, job);
  }

  /** Forgets all of them: after a restart the engine tells anew. */
  clear(): void {
    this.#jobs.clear();
  }

  get running(): readonly Job[] {
    return [...this.#jobs.values()].filter((job) => job.state === 'running');
  }

  /** True while the computer must not fall asleep: a job that holds still for want of space needs no power. */
  get keepsAwake(): boolean {
    return this.running.some((job) => !job.waitsForDisk);
  }

  /** The share that is done of the step that the running job is at. */
  get bar(): BarValue {
    const [job] = this.running;
    if (job === undefined) return NOTHING;
    const step = job.steps.at(-1);
    if (step === undefined || step.total === null || step.total === 0) return BUSY;
    return Math.min(1, step.done / step.total);
  }
}
