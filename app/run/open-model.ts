import type { RunDevice } from '../contract/device.ts';
import { AppError } from '../contract/error.ts';
import { Model } from '../../native-kernels/index.ts';
import type { ReadyModel } from './graph/ensure-graph.ts';
import type { LoadOptions } from './load-model.ts';

function openOnCuda(
  { directory, mode, cacheType, profile }: LoadOptions,
  plan: string,
  contextLength: number,
): Promise<Model> {
  const refused =
    mode === 'exact'
      ? 'Exact arithmetic'
      : cacheType !== undefined && cacheType !== 'f16'
        ? `A context in ${cacheType}`
        : profile === true
          ? 'A profile'
          : null;
  if (refused !== null)
    throw new AppError('invalid-input', `${refused} is not to be had on a CUDA device.`, {
      remedy: 'Choose the CPU (--device cpu), or do without.',
    });
  return Model.openOnCuda({ plan, directory, contextLength });
}

/**
 * Opens a prepared folder on a device.
 *
 * @throws AppError `invalid-input` for options that the device does not have, or an error of the kernels
 */
export async function openModel(
  options: LoadOptions,
  { graphPath, plan }: ReadyModel,
  contextLength: number,
  device: RunDevice,
): Promise<Model> {
  if (device === 'cuda') return openOnCuda(options, plan(), contextLength);
  const { mode, threads } = options;
  return Model.open({
    graphPath,
    contextLength,
    mode,
    // Exact arithmetic over keys and values rounded to 16 bit would not be.
    cacheType: options.cacheType ?? (mode === 'exact' ? 'f32' : 'f16'),
    profile: options.profile ?? false,
    ...(threads === undefined ? {} : { threads }),
  });
}
