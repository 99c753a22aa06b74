import { describe, expect, it } from 'vitest';
import { AppError } from '../../../app/contract/error.ts';
import { backoffMs, parseRetryAfter, TransientError, withRetries } from '../../../app/hub/retry.ts';

const POLICY = { retries: 3, baseMs: 1, maxMs: 4 };

function failing(
  times: number,
  error: Error,
): { attempt: () => Promise<string>; count: () => number } {
  let count = 0;
  return {
    attempt: () => (count++ < times ? Promise.reject(error) : Promise.resolve('done')),
    count: () => count,
  };
}

describe('a retry', () => {
  it('waits longer each time, up to a limit, and never all clients at once', () => {
    const policy = { retries: 9, baseMs: 100, maxMs: 500 };
    const waits = (random: number): (number | null)[] =>
      [0, 1, 2, 3, 9].map((retry) => backoffMs(retry, policy, null, () => random));
    expect(waits(1)).toEqual([100, 200, 400, 500, 500]);
    expect(waits(0)).toEqual([50, 100, 200, 250, 250]);
  });

  it('obeys the server, unless it asks for too much', () => {
    expect(backoffMs(0, POLICY, 2_000, () => 1)).toBe(2_000);
    expect(backoffMs(0, POLICY, 3_600_000)).toBeNull();
  });

  it('understands both forms of Retry-After and ignores nonsense', () => {
    const now = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');
    expect(parseRetryAfter('120')).toBe(120_000);
    expect(parseRetryAfter('Wed, 21 Oct 2026 07:28:30 GMT', now)).toBe(30_000);
    expect(parseRetryAfter('Wed, 21 Oct 2020 07:28:30 GMT', now)).toBe(0);
    expect(parseRetryAfter('soon')).toBeNull();
    expect(parseRetryAfter(null)).toBeNull();
  });

  it('is made for failures that pass, a limited number of times', async () => {
    const error = new TransientError('network', 'gone');
    const passing = failing(3, error);
    expect(await withRetries(passing.attempt, { policy: POLICY })).toBe('done');
    const lasting = failing(9, error);
    await expect(withRetries(lasting.attempt, { policy: POLICY })).rejects.toBe(error);
    expect(lasting.count()).toBe(4);
    const final = failing(9, new AppError('not-found', 'no'));
    await expect(withRetries(final.attempt, { policy: POLICY })).rejects.toThrow('no');
    expect(final.count()).toBe(1);
  });

  it('starts counting again after progress', async () => {
    let count = 0;
    const result = await withRetries(
      (progressed) => {
        if (++count % 3 === 0) progressed();
        return count < 12
          ? Promise.reject(new TransientError('network', 'cut'))
          : Promise.resolve(count);
      },
      { policy: POLICY },
    );
    expect(result).toBe(12);
  });

  it('ends when it is cancelled in a wait', async () => {
    const policy = { retries: 3, baseMs: 60_000, maxMs: 60_000 };
    const { attempt } = failing(9, new TransientError('network', 'gone'));
    await expect(
      withRetries(attempt, { policy, signal: AbortSignal.timeout(20) }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});
