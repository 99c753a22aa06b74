import type { RequestedDevice } from '../contract/device.ts';
import { AppError, toAppError } from '../contract/error.ts';
import { defaultThreads, Model } from '../../native-kernels/index.ts';
import { chooseDevice, RUN_ON_CPU, type ChosenDevice } from './choose-device.ts';
import { keepDeviceOutcome, type TriedDevice } from './device-record.ts';
import { ensureGraph, type ReadyModel } from './graph/ensure-graph.ts';
import {
  chooseContextLength,
  openOnCpu,
  type LoadOptions,
  type OpenedModel,
} from './open-on-cpu.ts';
import type { Candidate } from './try-devices.ts';

/**
 * Tokens of a context on a GPU where nobody chose another: its whole cache is allocated at once, and a model made for
 * 131,072 tokens would ask for gigabytes that a talk never needs.
 */
const GPU_CONTEXT_LENGTH = 8192;

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
  const model = await Model.openOnCuda({ plan: await ready.cudaText(), directory, contextLength });
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
        ? await Model.openOnCuda({ plan: await candidate.cudaText(), directory, contextLength })
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
 * Opens a model on the GPU that was wished for. With `auto`, a GPU that fails while it is opened is no error: the CPU takes
 * over, and the reason says so.
 *
 * @throws AppError, or an error with one of its codes from the kernels
 */
export async function openOnGpu(
  options: LoadOptions,
  wish: Exclude<RequestedDevice, 'cpu'>,
): Promise<OpenedModel> {
  const { directory, recordsDirectory = directory, mode } = options;
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
