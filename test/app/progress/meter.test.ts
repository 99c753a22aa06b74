import { describe, expect, it } from 'vitest';
import type { Progress } from '../../../app/contract/progress.ts';
import { ProgressMeter } from '../../../app/progress/index.ts';

/** A meter on a clock that only moves when it is told to. */
function meterOf(total: number | null): {
  meter: ProgressMeter;
  seen: Progress[];
  wait: (ms: number) => void;
} {
  const seen: Progress[] = [];
  let nowMs = 0;
  const meter = new ProgressMeter({
    step: 's',
    phase: 'download',
    unit: 'bytes',
    total,
    onProgress: (progress) => seen.push(progress),
    now: () => nowMs,
  });
  return {
    meter,
    seen,
    wait: (ms) => {
      nowMs += ms;
    },
  };
}

describe('a progress meter', () => {
  it('says no more than ten things a second', () => {
    const { meter, seen, wait } = meterOf(1000);
    for (let i = 0; i < 1000; i++) {
      meter.advance(1);
      wait(1);
    }
    expect(seen.length).toBe(10);
    meter.finish();
    expect(seen.at(-1)).toMatchObject({ done: 1000, total: 1000, secondsLeft: 0 });
  });

  it('holds the figure while work is done again', () => {
    const { meter, seen, wait } = meterOf(100);
    const step = (): void => {
      wait(100);
      meter.advance(20);
    };
    step();
    step();
    meter.retract(40);
    step();
    step();
    step();
    expect(seen.map(({ done }) => done)).toEqual([20, 40, 40, 40, 60]);
  });

  it('reckons the rate from the last seconds and from new work only', () => {
    const { meter, seen, wait } = meterOf(10_000);
    meter.skip(5_000);
    expect(seen.at(-1)).toMatchObject({ done: 5_000, rate: null, secondsLeft: null });
    for (let i = 0; i < 200; i++) {
      wait(100);
      meter.advance(i < 100 ? 1 : 20);
    }
    // 20 every 100 ms, long after the slow time is forgotten.
    expect(seen.at(-1)?.rate).toBeCloseTo(200, 5);
    expect(seen.at(-1)?.secondsLeft).toBeCloseTo((10_000 - 7_100) / 200, 5);
  });

  it('says a pause at once and does not count it towards the rate', () => {
    const { meter, seen, wait } = meterOf(1_000);
    for (let i = 0; i < 20; i++) {
      wait(100);
      meter.advance(10);
    }
    meter.pause('no room');
    expect(seen.at(-1)).toMatchObject({
      phase: 'download',
      isPaused: true,
      detail: 'no room',
      rate: null,
    });
    wait(3_600_000);
    meter.advance(10);
    expect(seen.at(-1)).toMatchObject({ phase: 'download', isPaused: false, detail: null });
    for (let i = 0; i < 20; i++) {
      wait(100);
      meter.advance(10);
    }
    expect(seen.at(-1)?.rate).toBeCloseTo(100, 5);
  });

  it('works without a total, which it then learns', () => {
    const { meter, seen, wait } = meterOf(null);
    meter.advance(5, 'first');
    expect(seen.at(-1)).toMatchObject({ done: 5, total: null, detail: 'first' });
    wait(100);
    meter.setTotal(10);
    expect(seen.at(-1)).toMatchObject({ total: 10 });
    wait(100);
    meter.set(7);
    expect(meter.done).toBe(7);
    const open = meterOf(null);
    open.meter.advance(3);
    open.meter.finish();
    expect(open.seen.at(-1)).toMatchObject({ done: 3, total: 3 });
  });

  it('never shows more than the total', () => {
    const { meter, seen } = meterOf(10);
    meter.advance(12);
    expect(seen.at(-1)).toMatchObject({ done: 10 });
  });
});
