import { AppError } from '../contract/error.ts';
import type { DeviceWish, RunDevice } from '../contract/device.ts';

/** Where a model is going to compute. */
export interface ChosenDevice {
  readonly device: RunDevice;
  /** Why there; null where a person chose it. */
  readonly reason: string | null;
}

const names: Readonly<Record<Exclude<RunDevice, 'cpu'>, string>> = {
  webgpu: 'WebGPU',
  cuda: 'CUDA',
};

/**
 * Where to compute for a wish.
 *
 * @throws AppError `runtime-unavailable` when the device that was asked for is not to be had
 */
export function chooseDevice(wish: DeviceWish): ChosenDevice {
  if (wish === 'cpu') return { device: 'cpu', reason: null };
  if (wish === 'auto') return { device: 'cpu', reason: 'This build answers on the CPU only.' };
  throw new AppError(
    'runtime-unavailable',
    `Answering through ${names[wish]} is not built yet in this build.`,
    { remedy: 'Choose the CPU (--device cpu).' },
  );
}
