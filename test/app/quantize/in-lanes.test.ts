import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { inLanes } from '../../../app/quantize/in-lanes.ts';

it('begins items in their order, no more than so many at a time, and waits for all', async () => {
  const begun: number[] = [];
  let [running, most, ended] = [0, 0, 0];
  const stop = vi.fn();
  await inLanes(
    [5, 1, 4, 0, 2],
    2,
    async (ms) => {
      begun.push(ms);
      most = Math.max(most, ++running);
      await sleep(ms);
      running--;
      ended++;
    },
    stop,
  );
  expect(begun).toEqual([5, 1, 4, 0, 2]);
  expect([most, ended]).toEqual([2, 5]);
  expect(stop).not.toHaveBeenCalled();
});

it('begins nothing after a failure, stops what runs, waits for it, and throws what failed first', async () => {
  const stop = new AbortController();
  const begun: string[] = [];
  let ended = false;
  const work = async (item: string): Promise<void> => {
    begun.push(item);
    if (item === 'bad') throw new Error('first');
    await sleep(60_000, undefined, { signal: stop.signal }).catch(() => undefined);
    await sleep(5);
    ended = true;
    throw new Error('second');
  };
  const made = inLanes(['slow', 'bad', 'never'], 2, work, () => stop.abort());
  await expect(made).rejects.toThrow('first');
  expect(ended).toBe(true);
  expect(begun).toEqual(['slow', 'bad']);
});
