import type { DeviceTrial } from '../contract/device.ts';
import type { GraphProbeStep } from '../../native-kernels/index.ts';

/**
 * How much of the time each step takes, first loading and comparing, then each of the runs. On a GPU loading is most of
 * it (weights are copied and shaders compiled); on the CPU weights are mapped, and a run computes more tokens than the
 * comparison. They are guesses that let a person know whether seconds or minutes are left, not measurements.
 */
const STEP_SHARES = {
  device: { first: [6, 1], run: 1 },
  processor: { first: [0.2, 1], run: 3 },
} as const;

function shareOf(on: GraphProbeStep['on'], steps: number): number {
  const { first, run } = STEP_SHARES[on];
  const begun = first.slice(0, steps).reduce((sum, share) => sum + share, 0);
  return begun + Math.max(0, steps - first.length) * run;
}

/** Turns the steps of a trial into what a person is told of it: first the device has its turn, then the CPU. */
export class TrialMeter {
  readonly #onTrial: ((trial: DeviceTrial) => void) | undefined;
  readonly #now: () => number;
  #device: DeviceTrial['device'];
  #startMs = 0;

  /** @param now milliseconds of a clock that never jumps */
  constructor(
    device: DeviceTrial['device'],
    onTrial: ((trial: DeviceTrial) => void) | undefined,
    now: () => number = () => performance.now(),
  ) {
    this.#onTrial = onTrial;
    this.#now = now;
    this.#device = device;
    this.#begin(device);
  }

  #begin(device: DeviceTrial['device']): void {
    this.#device = device;
    this.#startMs = this.#now();
    this.#onTrial?.({ device, done: 0, total: null, secondsLeft: null });
  }

  advance({ on, done, total }: GraphProbeStep): void {
    if (on === 'device' && done === total) {
      this.#begin('cpu');
      return;
    }
    const seconds = (this.#now() - this.#startMs) / 1000;
    const share = shareOf(on, done);
    const secondsLeft = (seconds / share) * (shareOf(on, total) - share);
    this.#onTrial?.({ device: this.#device, done, total, secondsLeft });
  }
}
