import type { Decoder } from '../models/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import type { DeviceTrial, DeviceWish, RunDevice } from '../contract/device.ts';
import { AppError, because, toAppError } from '../contract/error.ts';
import type { CacheType } from '../contract/sampling.ts';
import { defaultThreads, mapWeightsAhead, Model } from '../../native-kernels/index.ts';
import { chooseDevice, RUN_ON_CPU, type ChosenDevice } from './choose-device.ts';
import { keepDeviceOutcome, type TriedDevice } from './device-record.ts';
import { ensureGraph, type ReadyModel } from './graph/ensure-graph.ts';
import type { Candidate } from './try-devices.ts';
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
  readonly device?: DeviceWish | undefined;
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
 * Tokens of a context on a GPU where nobody chose another: its whole cache is allocated at once, and a model made for
 * 131,072 tokens would ask for gigabytes that a talk never needs.
 */
const GPU_CONTEXT_LENGTH = 8192;

/**
 * The context to open: as long as was asked for, up to what the model's scaling reaches; where nobody asked, what it was
 * made for.
 */
function chooseContextLength(
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

async function openOnCpu(
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

/** Opens it on the CPU, and has its weights mapped while the graph is built. */
async function openAhead(options: LoadOptions): Promise<OpenedModel> {
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

async function openOnCuda(options: LoadOptions, ready: ReadyModel): Promise<OpenedModel> {
  const { directory, mode, cacheType, profile } = options;
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
  const contextLength = chooseContextLength(ready.decoder, options);
  const model = await Model.openOnCuda({ plan: ready.cudaText(), directory, contextLength });
  return {
    model,
    ready,
    contextLength,
    device: 'cuda',
    deviceReason: null,
    explain: (error) => Promise.resolve(toAppError(error)),
  };
}

/** What a GPU has no choice of. */
function cpuOnly({ profile, cacheType }: LoadOptions): string | null {
  if (profile === true) return 'Only the CPU can tell where the time goes.';
  if (cacheType !== undefined) return 'Only on the CPU the type of the cache can be chosen.';
  return null;
}

/** What only tells that a device cannot do it; `runtime-unavailable`: its driver is gone since it was tried. */
function isOfDevice({ code }: AppError): boolean {
  return code === 'kernel-failed' || code === 'out-of-memory' || code === 'runtime-unavailable';
}

/** Opens what was tried: a failure from now on is kept, so that the next load does not meet it again. */
async function openTried(
  options: LoadOptions,
  ready: ReadyModel,
  candidate: Candidate,
  { reason, activations }: ChosenDevice,
  device: TriedDevice,
): Promise<OpenedModel> {
  const { directory, mode, contextLength, threads } = candidate;
  const explain = async (error: unknown): Promise<AppError> => {
    const known = toAppError(error);
    if (!isOfDevice(known)) return known;
    const { code, message } = known;
    const outcome = { kind: 'failed', code, message, detail: null } as const;
    await keepDeviceOutcome(candidate.recordsDirectory, contextLength, device, outcome);
    return new AppError(code, message, {
      remedy:
        options.device === 'auto' ? 'Load the model again: it answers elsewhere then.' : RUN_ON_CPU,
      cause: error,
    });
  };
  try {
    const model =
      device === 'cuda'
        ? await Model.openOnCuda({ plan: candidate.cudaText(), directory, contextLength })
        : await Model.open({
            graphPath: await candidate.gpuGraph(activations),
            weightsFolder: ready.weightsFolder,
            contextLength,
            mode,
            threads,
            device,
          });
    return { model, ready, contextLength, device, deviceReason: reason, explain };
  } catch (error) {
    throw await explain(error);
  }
}

/** The graph for WebGPU, built once for the same activations: trying it and opening it are two uses of one file. */
function gpuGraphOf(
  directory: string,
  mode: 'fast' | 'exact',
  contextLength: number,
  recordsDirectory: string,
): Candidate['gpuGraph'] {
  let built: { readonly activations: 'F16' | 'F32'; readonly graphPath: string } | null = null;
  return async (activations) => {
    if (built?.activations !== activations) {
      const tables = mode === 'exact' ? 'table' : 'levels';
      const standard = { activations, tables, contextLength } as const;
      const { graphPath } = await ensureGraph(
        directory,
        mode,
        () => standard,
        undefined,
        recordsDirectory,
      );
      built = { activations, graphPath };
    }
    return built.graphPath;
  };
}

/**
 * Opens a model where it was wished for. With `auto`, a GPU that fails while it is opened is no error: the CPU takes
 * over, and the reason says so.
 *
 * @throws AppError, or an error with one of its codes from the kernels
 */
export async function openModel(options: LoadOptions): Promise<OpenedModel> {
  const { directory, recordsDirectory = directory, mode, device: wish = 'cpu' } = options;
  if (wish === 'cpu') return openAhead(options);
  const ready = await ensureGraph(directory, mode, undefined, undefined, recordsDirectory);
  if (wish === 'cuda') return openOnCuda(options, ready);
  const why = cpuOnly(options);
  if (why !== null && wish === 'auto') return openOnCpu(options, ready, why);
  if (why !== null) throw new AppError('invalid-input', why, { remedy: RUN_ON_CPU });
  const contextLength = Math.min(
    chooseContextLength(ready.decoder, options),
    options.contextLength ?? GPU_CONTEXT_LENGTH,
  );
  const candidate: Candidate = {
    directory,
    recordsDirectory,
    mode,
    contextLength,
    threads: options.threads ?? defaultThreads(),
    processorGraph: ready.graphPath,
    weightsFolder: ready.weightsFolder,
    gpuGraph: gpuGraphOf(directory, mode, contextLength, recordsDirectory),
    cudaText: ready.cudaText,
    onTrial: options.onTrial,
  };
  const chosen = await chooseDevice(wish, candidate);
  if (chosen.device === 'cpu') return openOnCpu(options, ready, chosen.reason);
  try {
    return await openTried(options, ready, candidate, chosen, chosen.device);
  } catch (error) {
    const known = toAppError(error);
    if (wish !== 'auto' || !isOfDevice(known)) throw known;
    return openOnCpu(options, ready, `The GPU is not used: ${known.message}.`);
  }
}
