import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCatalog, type Catalog } from '../../../app/catalog/index.ts';
import { AppError } from '../../../app/contract/error.ts';
import type { Job, JobRequest } from '../../../app/contract/job.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { JobQueue, type JobCall, type JobPlace } from '../../../app/jobs/index.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const request: JobRequest = { kind: 'verify', id: 'x' };
const progress = (step: string, done: number, more: Partial<Progress> = {}): Progress => ({
  step,
  phase: 'verify',
  isPaused: false,
  subject: step,
  artifact: null,
  format: null,
  detail: null,
  unit: 'bytes',
  done,
  total: 10,
  rate: 5,
  secondsLeft: 1,
  ...more,
});

let catalog: Catalog;
let queue: JobQueue;
/** What the next job that is run does. */
let work: (job: Job, call: JobCall) => Promise<void>;
let discarded: JobPlace[];
let told: Job[];
let failsToSave: boolean;

/** Works until it is stopped. */
const untilStopped = (_: Job, { signal }: JobCall): Promise<void> =>
  new Promise((_resolve, reject) => {
    const stop = (): void => {
      reject(new AppError('aborted', 'Cancelled.'));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
  });

/** The states that a watcher was told of for one job, each once. */
const statesOf = (id: number): string[] =>
  told
    .filter((job) => job.id === id)
    .map(({ state }) => state)
    .filter((state, i, all) => state !== all[i - 1]);

async function until(isWanted: () => boolean): Promise<void> {
  while (!isWanted()) await new Promise((resolve) => setTimeout(resolve, 5));
}

beforeEach(async () => {
  catalog = openCatalog(path.join(await scratchFolder(), 'catalog.sqlite'));
  discarded = [];
  told = [];
  failsToSave = false;
  work = untilStopped;
  const store = catalog.jobs;
  queue = new JobQueue({
    store: new Proxy(store, {
      // The edge of the world: a disk on which nothing can be written any more.
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'save' && failsToSave)
          return () => {
            throw new AppError('disk-full', 'There is no room.');
          };
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }),
    work: (job, call) => work(job, call),
    discard: (places) => {
      discarded.push(...places);
      return Promise.resolve();
    },
    owner: () => Promise.resolve('this-engine'),
    freeOrphans: () => Promise.resolve(),
  });
  void queue.watch(new AbortController().signal, (job) => told.push(job));
  await Promise.resolve();
});
afterEach(async () => {
  failsToSave = false;
  await queue.close();
  catalog.close();
});

describe('JobQueue', () => {
  it('works on one job at a time, in the order in which they came', async () => {
    const running: number[] = [];
    const order: number[] = [];
    let most = 0;
    work = async ({ id }) => {
      running.push(id);
      order.push(id);
      most = Math.max(most, running.length);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running.splice(running.indexOf(id), 1);
    };
    const jobs = await Promise.all([1, 2, 3].map((n) => queue.start(request, `job ${n}`)));
    await until(() => statesOf(jobs[2]?.id ?? 0).includes('done'));
    expect(most).toBe(1);
    expect(order).toEqual(jobs.map(({ id }) => id));
    for (const { id } of jobs) expect(statesOf(id)).toEqual(['queued', 'running', 'done']);
    expect((await queue.jobs()).map(({ id }) => id)).toEqual(order.toReversed());
  });

  it('tells the last progress, and not all of it', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    work = async (_, { emit }) => {
      for (let done = 1; done <= 9; done++) for (let i = 0; i < 100; i++) emit(progress('a', done));
      emit(progress('b', 1));
      emit(progress('a', 10));
      await promise;
      emit(progress('b', 10));
    };
    const { id } = await queue.start(request, 'x');
    await until(() => told.at(-1)?.steps[0]?.done === 10);
    expect(told.length).toBeLessThan(300);
    expect(told.at(-1)?.steps.map(({ step, done }) => [step, done])).toEqual([
      ['a', 10],
      ['b', 1],
    ]);
    resolve(undefined);
    await until(() => statesOf(id).includes('done'));
    expect(told.at(-1)?.steps.map(({ done, rate }) => [done, rate])).toEqual([
      [10, null],
      [10, null],
    ]);
    expect(catalog.jobs.job(id)?.steps).toEqual(told.at(-1)?.steps);
  });

  it('says at once that a job waits for room on the disk, and that it goes on', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    work = (_, { emit }) => {
      emit(progress('a', 1));
      emit(progress('a', 1, { isPaused: true, detail: 'full' }));
      expect(told.at(-1)?.waitsForDisk).toBe(true);
      expect(catalog.jobs.jobs()[0]?.waitsForDisk).toBe(true);
      emit(progress('a', 2));
      expect(told.at(-1)?.waitsForDisk).toBe(false);
      resolve(undefined);
      return Promise.resolve();
    };
    const { id } = await queue.start(request, 'x');
    await promise;
    await until(() => statesOf(id).includes('done'));
  });

  it('takes a waiting job out of the queue and puts it at the end again', async () => {
    const first = await queue.start(request, 'first');
    const second = await queue.start(request, 'second');
    expect((await queue.pause(second.id)).state).toBe('paused');
    expect((await queue.pause(second.id)).state).toBe('paused');
    expect((await queue.resume(second.id)).state).toBe('queued');
    expect((await queue.pause(first.id)).state).toBe('paused');
    await until(() => statesOf(second.id).includes('running'));
    const third = await queue.start(request, 'third');
    expect((await queue.cancel(third.id, false)).state).toBe('cancelled');
    expect(statesOf(third.id)).toEqual(['queued', 'cancelled']);
  });

  it('leaves a job paused whose runner or connection breaks while it is being paused', async () => {
    const breaking = (error: AppError) => (_: Job, call: JobCall) =>
      untilStopped(_, call).catch(() => Promise.reject(error));
    for (const code of ['runner-crashed', 'network', 'disk-full'] as const) {
      work = breaking(new AppError(code, 'It ended.'));
      const { id } = await queue.start(request, code);
      await until(() => statesOf(id).includes('running'));
      expect(await queue.pause(id)).toMatchObject({ state: 'paused', error: null });
      expect(catalog.jobs.job(id)).toMatchObject({ state: 'paused', error: null });
    }
    // What is wrong with the work itself is told all the same.
    work = breaking(new AppError('malformed-file', 'It is not what it says.'));
    const { id } = await queue.start(request, 'bad file');
    await until(() => statesOf(id).includes('running'));
    expect(await queue.pause(id)).toMatchObject({
      state: 'failed',
      error: { code: 'malformed-file' },
    });
  });

  it('keeps the error of a job that failed until it is resumed', async () => {
    work = () =>
      Promise.reject(new AppError('network', 'The hub is gone.', { remedy: 'Try again.' }));
    const { id } = await queue.start(request, 'x');
    await until(() => statesOf(id).includes('failed'));
    expect(catalog.jobs.job(id)?.error).toEqual({
      code: 'network',
      message: 'The hub is gone.',
      remedy: 'Try again.',
      reason: null,
      facts: {},
    });
    work = () => Promise.resolve();
    expect(await queue.resume(id)).toMatchObject({ error: null, endedAt: null });
    await until(() => statesOf(id).includes('done'));
    for (const call of [queue.resume(id), queue.pause(id), queue.cancel(id, true)])
      await expect(call).rejects.toMatchObject({ code: 'invalid-input' });
    await queue.forget(id);
    await expect(queue.forget(id)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('discards only what the job has claimed, and only when it is asked to', async () => {
    const place: JobPlace = { kind: 'artifact', directory: '/models/a.partial' };
    work = (job, call) => {
      call.claim(place);
      return untilStopped(job, call);
    };
    const one = await queue.start(request, 'one');
    await queue.cancel(one.id, false);
    expect(discarded).toEqual([]);
    await queue.cancel(one.id, true);
    expect(discarded).toEqual([place]);
    const two = await queue.start(request, 'two');
    await queue.cancel(two.id, true);
    expect(discarded).toEqual([place, place]);
    const never = await queue.start(request, 'begun by nobody');
    await expect(queue.forget(never.id)).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('goes on when the catalog cannot be written, and writes the end down later', async () => {
    work = (_, { emit, note }) => {
      failsToSave = true;
      emit(progress('a', 1));
      note({ artifactIds: ['made'] });
      return Promise.resolve();
    };
    const { id } = await queue.start(request, 'x');
    await until(() => statesOf(id).includes('done'));
    expect(catalog.jobs.job(id)?.state).toBe('running');
    expect((await queue.jobs())[0]).toMatchObject({ state: 'done', artifactIds: ['made'] });
    failsToSave = false;
    await queue.close();
    expect(catalog.jobs.job(id)).toMatchObject({ state: 'done', artifactIds: ['made'] });
  });

  it('interrupts what runs and what waits when it is closed, and takes nothing new', async () => {
    const running = await queue.start(request, 'running');
    const waiting = await queue.start(request, 'waiting');
    await queue.close();
    for (const { id } of [running, waiting])
      expect(catalog.jobs.job(id)?.state).toBe('interrupted');
    expect(catalog.jobs.owners()).toEqual([]);
    await expect(queue.start(request, 'late')).rejects.toMatchObject({ code: 'engine-restarted' });
  });

  it('shows watchers what is there first, oldest first, without what has ended', async () => {
    const first = await queue.start(request, 'first');
    const second = await queue.start(request, 'second');
    const third = await queue.start(request, 'third');
    await queue.cancel(second.id, false);
    const seen: number[] = [];
    const controller = new AbortController();
    const watching = queue.watch(controller.signal, ({ id }) => seen.push(id));
    await until(() => seen.length === 2);
    expect(seen).toEqual([first.id, third.id]);
    controller.abort();
    await watching;
  });
});
