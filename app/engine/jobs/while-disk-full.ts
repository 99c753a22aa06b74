import type { Progress } from '../../contract/progress.ts';
import { writeWithReservedSpace } from '../../disk/index.ts';
import type { EngineContext } from '../context.ts';

/** What is shown of work that waits for room before it has said anything. */
const NOTHING_YET: Progress = {
  step: 'disk',
  phase: 'list',
  isPaused: true,
  subject: 'disk',
  artifact: null,
  format: null,
  detail: null,
  unit: 'items',
  done: 0,
  total: null,
  rate: null,
  secondsLeft: null,
};

interface Call {
  readonly signal: AbortSignal;
  readonly emit: (progress: Progress) => void;
}

/**
 * Does work that goes on where it stopped when it is done again: whatever of it finds the disk full, also the catalog,
 * it pauses and goes on when there is room. Only work that is refused before it began (`not-enough-space`) fails; a later step
 * that is refused pauses too, since what came before it would have to be asked for again.
 *
 * @param hasBegun Whether an earlier run has done part of it.
 */
export function whileDiskFull<C extends Call, T>(
  { home, onDiskFull }: Pick<EngineContext, 'home' | 'onDiskFull'>,
  call: C,
  work: (call: C) => Promise<T>,
  hasBegun = false,
): Promise<T> {
  let last = NOTHING_YET;
  let began = hasBegun;
  const watched: C = {
    ...call,
    emit: (progress: Progress) => {
      last = progress;
      began = true;
      call.emit(progress);
    },
  };
  return writeWithReservedSpace(() => work(watched), {
    directory: home.directory,
    onDiskFull,
    signal: call.signal,
    waitsWhenRefused: () => began,
    onPause: (detail) => {
      call.emit({ ...last, isPaused: true, detail, rate: null, secondsLeft: null });
    },
  });
}
