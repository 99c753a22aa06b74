import { AppError } from '../contract/error.ts';

/** Runs tasks one after another, in the order they came. A failed task does not stop those behind it. */
export class CallQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws AppError `aborted` when `signal` fired while the task was waiting; whatever the task throws */
  async run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      if (signal.aborted) throw new AppError('aborted', 'Cancelled.');
      return task();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
