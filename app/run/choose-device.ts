import { AppError } from '../contract/error.ts';
import type { DeviceWish, RunDevice } from '../contract/device.ts';

/** Where a model is going to compute. */
export interface ChosenDevice {
  readonly device: RunDevice;
  /** Why there; null where a person chose it. */
  readonly reason: string | null;
}

/**
 * Where to compute for a wish.
 *
 * @throws AppError `runtime-unavailable` when the device that was asked for is not to be had
 */
export function chooseDevice(wish: DeviceWish): ChosenDevice {
  if (wish === 'cpu') return { device: 'cpu', reason: null };
  if (wish === 'auto') return { device: 'cpu', reason: 'This build answers on the CPU only.' };
  // Whether there is a device, and whether it can run the model, shows when it is loaded.
  if (wish === 'cuda') return { device: 'cuda', reason: null };
  throw new AppError(
    'runtime-unavailable',
    'Answering through WebGPU is not built yet in this build.',
    { remedy: 'Choose the CPU (--device cpu).' },
  );
}
