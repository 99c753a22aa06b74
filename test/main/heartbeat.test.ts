import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchHeartbeats } from '../../main/processes/heartbeat.ts';

const LIMIT_MS = 30_000;
const BEAT_MS = 1_000;

describe('watching over a process', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const watched = (): { beat: () => void; silent: ReturnType<typeof vi.fn>; end: () => void } => {
    let beat = (): void => undefined;
    const silent = vi.fn();
    const end = watchHeartbeats(
      { onMessage: (listener) => (beat = () => listener({ kind: 'alive' })) },
      LIMIT_MS,
      silent,
    );
    return { beat: () => beat(), silent, end };
  };

  it('tells once that nothing came for the whole limit, and not a beat before', () => {
    const { beat, silent } = watched();
    vi.advanceTimersByTime(LIMIT_MS - BEAT_MS);
    beat();
    vi.advanceTimersByTime(LIMIT_MS - BEAT_MS);
    expect(silent).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2 * LIMIT_MS);
    expect(silent).toHaveBeenCalledOnce();
  });

  it('does not count time in which the computer slept or the watcher itself had no turn', () => {
    const { silent } = watched();
    // A sleeping computer turns no timers: when it wakes, the clock alone has gone on.
    vi.setSystemTime(Date.now() + 8 * 60 * 60 * 1000);
    vi.advanceTimersToNextTimer();
    expect(silent).not.toHaveBeenCalled();
  });

  it('ends with its process', () => {
    const { silent, end } = watched();
    end();
    vi.advanceTimersByTime(2 * LIMIT_MS);
    expect(silent).not.toHaveBeenCalled();
  });
});
