import { expect, it, vi } from 'vitest';
import { inLanes } from '../../../app/quantize/in-lanes.ts';
import { WAIT_MS } from '../../fixtures/wait.ts';

it('begins items in their order, no more than so many at a time, and waits for all', async () => {
  const begun: number[] = [];
  const ends = [0, 1, 2, 3, 4].map(() => Promise.withResolvers<undefined>());
  let ended = 0;
  const stop = vi.fn();
  const made = inLanes(
    [0, 1, 2, 3, 4],
    2,
    async (item) => {
      begun.push(item);
      await ends[item]?.promise;
      ended++;
    },
    stop,
  );
  // Each line ends an item; the next one begins then and not before.
  for (const [item, next] of [
    [1, [0, 1, 2]],
    [2, [0, 1, 2, 3]],
    [0, [0, 1, 2, 3, 4]],
  ] as const) {
    expect(begun).toHaveLength(next.length - 1);
    ends[item]?.resolve(undefined);
    await vi.waitUntil(() => begun.length === next.length, { timeout: WAIT_MS });
    expect(begun).toEqual(next);
  }
  for (const item of [3, 4]) ends[item]?.resolve(undefined);
  await made;
  expect(ended).toBe(5);
  expect(stop).not.toHaveBeenCalled();
});

it('begins nothing after a failure, stops what runs, waits for it, and throws what failed first', async () => {
  const stopped = Promise.withResolvers<undefined>();
  const cleaned = Promise.withResolvers<undefined>();
  const begun: string[] = [];
  let ended = false;
  const work = async (item: string): Promise<void> => {
    begun.push(item);
    if (item === 'bad') throw new Error('first');
    await stopped.promise;
    await cleaned.promise;
    ended = true;
    throw new Error('second');
  };
  let isSettled = false;
  const made = inLanes(['slow', 'bad', 'never'], 2, work, () => stopped.resolve(undefined));
  void made.catch(() => undefined).then(() => (isSettled = true));
  await stopped.promise;
  expect(isSettled).toBe(false);
  cleaned.resolve(undefined);
  await expect(made).rejects.toThrow('first');
  expect(ended).toBe(true);
  expect(begun).toEqual(['slow', 'bad']);
});
