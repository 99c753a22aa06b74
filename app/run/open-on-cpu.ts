import type { Decoder } from '../models/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import type { DeviceTrial, RequestedDevice, RunDevice } from '../contract/device.ts';
import { AppError, because, toAppError } from '../contract/error.ts';
import type { CacheType } from '../contract/sampling.ts';
import { mapWeightsAhead, Model } from '../../native-kernels/index.ts';
import { ensureGraph, type ReadyModel } from './graph/ensure-graph.ts';
import { rangesToMap } from './weight-ranges.ts';

/** As the runner's `load`. */
export interface LoadOptions {
  readonly directory: string;
  readonly recordsDirectory?: string | undefined;
  readonly contextLength?: number | undefined;
  readonly maxContextLength?: number | undefined;
  readonly mode: 'fast' | 'exact';
  readonly cacheType?: CacheType | undefined;
  readonly threads?: number | undefined;
  /** @default 'cpu' */
  readonly device?: RequestedDevice | undefined;
  readonly profile?: boolean | undefined;
  /** Hears how far the trying of devices is. */
  readonly onTrial?: ((trial: DeviceTrial) => void) | undefined;
  /** Called once while another thread opens the model on the CPU: this one is free. */
  readonly onOpening?: (() => void) | undefined;
}

/** A model in memory, wherever that is. */
export interface OpenedModel {
  readonly model: Model;
  readonly ready: ReadyModel;
  readonly contextLength: number;
  readonly device: RunDevice;
  /** Why there; null where a person chose it. */
  readonly deviceReason: string | null;
  /** What to throw for an error of the model: where the device failed, that is kept for the next load and said. */
  readonly explain: (error: unknown) => Promise<AppError>;
}

/**
 * The context to open: as long as was asked for, up to what the model's scaling reaches; where nobody asked, what it was
 * made for.
 */
export function chooseContextLength(
  config: Decoder,
  { contextLength: wanted, maxContextLength }: LoadOptions,
): number {
  const limit = config.longestContext;
  if (wanted !== undefined && wanted > limit)
    throw new AppError(
      'invalid-input',
      `A context of ${wanted} tokens was asked for, but the model was made for ${limit}.`,
      because(
        'context-too-long',
        { asked: wanted, limit },
        { remedy: `Choose a context of at most ${limit} tokens.` },
      ),
    );
  if (wanted !== undefined) return wanted;
  return maxContextLength === undefined ? config.contextLength : Math.min(limit, maxContextLength);
}

/** Opens it on the CPU. @param reason Why there; null where a person chose it. */
export async function openOnCpu(
  options: LoadOptions,
  ready: ReadyModel,
  reason: string | null,
): Promise<OpenedModel> {
  const contextLength = chooseContextLength(ready.decoder, options);
  const opening = Model.open({
    graphPath: ready.graphPath,
    weightsFolder: ready.weightsFolder,
    contextLength,
    mode: options.mode,
    // Exact arithmetic over keys and values rounded to 16 bit would not be.
    cacheType: options.cacheType ?? (options.mode === 'exact' ? 'f32' : 'f16'),
    profile: options.profile ?? false,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  options.onOpening?.();
  const model = await opening;
  return {
    model,
    ready,
    contextLength,
    device: 'cpu',
    deviceReason: reason,
    explain: (error) => Promise.resolve(toAppError(error)),
  };
}

/**
 * Opens it on the CPU, and has its weights mapped while the graph is built.
 *
 * @throws AppError, or an error with one of its codes from the kernels
 */
export async function openAhead(options: LoadOptions): Promise<OpenedModel> {
  const { directory, mode } = options;
  let release = (): void => undefined;
  const mapAhead = (tensors: readonly TensorInfo[]): void => {
    const ranges = rangesToMap(directory, tensors);
    if (ranges.length > 0) release = mapWeightsAhead(ranges);
  };
  try {
    const ready = await ensureGraph(directory, mode, undefined, mapAhead, options.recordsDirectory);
    return await openOnCpu(options, ready, null);
  } finally {
    release();
  }
}
