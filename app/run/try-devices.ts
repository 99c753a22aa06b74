import { readdir } from 'node:fs/promises';
import type { DeviceTrial } from '../contract/device.ts';
import { toAppError } from '../contract/error.ts';
import { probeGpus, probeGraph, type GraphProbe } from '../../native-kernels/index.ts';
import type { ProbedDevice } from '../../native-kernels/index.ts';
import {
  keepDeviceOutcome,
  readDeviceRecord,
  type DeviceFailure,
  type DeviceOutcome,
  type DeviceRecord,
  type TriedDevice,
} from './device-record.ts';
import { TrialMeter } from './self-test-meter.ts';

/** One model, in the forms that it is computed in, and how it is to be computed. */
export interface Candidate {
  readonly directory: string;
  readonly mode: 'fast' | 'exact';
  /** Where outcomes are kept. */
  readonly recordsDirectory: string;
  readonly contextLength: number;
  readonly threads: number;
  readonly processorGraph: string;
  /** The folder of the weights; undefined where they lie beside the graphs. */
  readonly weightsFolder: string | undefined;
  /** Builds the graph for WebGPU; returns its path. @throws AppError `unsupported-model` */
  readonly gpuGraph: (activations: 'F16' | 'F32') => Promise<string>;
  /** Describes the model to a CUDA device. @throws AppError */
  readonly cudaText: () => Promise<string>;
  /** Hears how far the trying of a device is. */
  readonly onTrial?: ((trial: DeviceTrial) => void) | undefined;
  /** Tries a graph. @default in a process of its own */
  readonly probe?: typeof probeGraph | undefined;
}

/**
 * Mean divergence from the CPU, in nats, beyond which a GPU computes something else. Measured with 16-bit activations
 * beside the CPU's 8-bit ones: 0.0008 to 0.012 from one scheme and model to another; a driver whose attention was wrong
 * for all but the first four tokens had 0.23 on the sample model.
 */
const MOST_DIVERGENCE = 0.05;

/** Whether the system shows a GPU at all. Elsewhere than on Linux only trying tells. */
export async function mayHaveGpu(): Promise<boolean> {
  // Whoever names a driver means that there is one.
  if (process.platform !== 'linux' || process.env['NIBBLE_CUDA_DRIVER'] !== undefined) return true;
  const names = await readdir('/dev').catch((): string[] => []);
  return names.some((name) => /^(?:dri|nvidiactl|dxg|kgsl.*)$/.test(name));
}

function failed(
  code: string,
  message: string,
  detail: DeviceFailure['detail'] = null,
): DeviceFailure {
  // Said within a sentence.
  return { kind: 'failed', code, message: message.replace(/\.$/, ''), detail };
}

function outcomeOf(
  { error, device, divergence }: GraphProbe,
  activations: 'F16' | 'F32',
): DeviceOutcome {
  if (error !== null) return failed(error.code, error.message, error.detail);
  if (device === null || divergence === null)
    return failed('kernel-failed', 'the GPU computed logits that are not numbers', 'wrong-logits');
  if (divergence > MOST_DIVERGENCE)
    return failed(
      'kernel-failed',
      `the GPU computed other probabilities than the CPU (divergence ${divergence.toPrecision(2)} nats)`,
      'wrong-logits',
    );
  return { kind: 'measured', activations, rates: device, divergence };
}

/** What came of a trial: of the device, and of the CPU where it was timed too. */
interface Tried {
  readonly outcome: DeviceOutcome;
  readonly processor: DeviceRecord['processor'];
}

async function tryOn(
  candidate: Candidate,
  on: ProbedDevice,
  activations: 'F16' | 'F32',
  timesProcessor: boolean,
): Promise<Tried> {
  const { contextLength, threads, processorGraph, probe = probeGraph, onTrial } = candidate;
  const meter = new TrialMeter(on.device === 'cuda' ? 'cuda' : 'webgpu', onTrial);
  const found = await probe({
    on,
    processorGraph,
    weightsFolder: candidate.weightsFolder,
    timesProcessor,
    contextLength,
    threads,
    onStep: (step) => {
      meter.advance(step);
    },
  });
  const outcome = outcomeOf(found, activations);
  return { outcome, processor: outcome.kind === 'measured' ? found.processor : null };
}

async function tryCuda(candidate: Candidate, timesProcessor: boolean): Promise<Tried> {
  const { hasKernels, devices, reason } = await probeGpus();
  const problem =
    devices.length === 0
      ? (reason ?? 'no NVIDIA device was found')
      : hasKernels
        ? reason
        : 'this build has no CUDA kernels';
  if (problem !== null) return { outcome: failed('runtime-unavailable', problem), processor: null };
  const on = {
    device: 'cuda',
    plan: await candidate.cudaText(),
    directory: candidate.directory,
  } as const;
  return await tryOn(candidate, on, 'F16', timesProcessor);
}

async function tryWebGpu(candidate: Candidate, timesProcessor: boolean): Promise<Tried> {
  const attempt = async (activations: 'F16' | 'F32'): Promise<Tried> =>
    await tryOn(
      candidate,
      { device: 'webgpu', graph: await candidate.gpuGraph(activations) },
      activations,
      timesProcessor,
    );
  // Exact answers are never computed in 16 bits.
  if (candidate.mode === 'exact') return await attempt('F32');
  const tried = await attempt('F16');
  // Without 16-bit arithmetic, or where 16 bits are too few, 32 may do. Nothing else would be better with them.
  return tried.outcome.kind === 'failed' && tried.outcome.detail !== null
    ? await attempt('F32')
    : tried;
}

async function tryDevice(
  candidate: Candidate,
  device: TriedDevice,
  timesProcessor: boolean,
): Promise<Tried> {
  try {
    return device === 'cuda'
      ? await tryCuda(candidate, timesProcessor)
      : await tryWebGpu(candidate, timesProcessor);
  } catch (error) {
    const { code, message } = toAppError(error);
    // No operator for what this file holds. Anything else is not the device's fault.
    if (code !== 'unsupported-model') throw error;
    return { outcome: failed(code, message), processor: null };
  }
}

/**
 * Tries a model on devices, one after the other and in a process of its own each, or finds what became of it before. An
 * outcome counts as `measured` only where the logits are the CPU's.
 *
 * @throws AppError when the model itself cannot be read
 */
export async function tryDevices(
  candidate: Candidate,
  devices: readonly TriedDevice[],
): Promise<DeviceRecord> {
  const { recordsDirectory, contextLength, mode } = candidate;
  // Exact answers are rarely asked for: the record is that of the others.
  const isKept = mode === 'fast';
  const known = isKept
    ? await readDeviceRecord(recordsDirectory, contextLength)
    : { processor: null, devices: {} };
  const outcomes = { ...known.devices };
  let { processor } = known;
  for (const device of devices) {
    if (outcomes[device] !== undefined) continue;
    const tried = await tryDevice(candidate, device, processor === null);
    outcomes[device] = tried.outcome;
    processor ??= tried.processor;
    if (isKept)
      await keepDeviceOutcome(
        recordsDirectory,
        contextLength,
        device,
        tried.outcome,
        tried.processor,
      );
  }
  return { processor, devices: outcomes };
}
