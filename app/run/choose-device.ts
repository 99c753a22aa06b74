import { NO_GPU, type RequestedDevice, type RunDevice } from '../contract/device.ts';
import { AppError, errorCodes, type ErrorCode } from '../contract/error.ts';
import type { GraphRates } from '../../native-kernels/index.ts';
import {
  TRIED_DEVICES,
  type DeviceOutcome,
  type DeviceRecord,
  type TriedDevice,
} from './device-record.ts';
import { mayHaveGpu, tryDevices, type Candidate } from './try-devices.ts';

/** Where a model is going to compute. */
export interface ChosenDevice {
  readonly device: RunDevice;
  /** Why there; null where a person chose it. */
  readonly reason: string | null;
  /** What WebGPU computes with; of no meaning elsewhere. */
  readonly activations: 'F16' | 'F32';
}

/** What to do about a GPU that does not do it. */
export const RUN_ON_CPU = 'Choose the CPU (--device cpu).';

/** What a person waits for: a conversation of five turns, each with as many tokens to read and to write, and the loading. */
const TURNS = 5;
const TOKENS_READ = 200;
const TOKENS_WRITTEN = 200;

/** A GPU that saves less is not worth what it may do otherwise: in doubt the CPU. */
const WORTH_IT = 1.2;

/** As reasons name them. */
const DEVICE_WORDS: Readonly<Record<TriedDevice, string>> = {
  cuda: 'with CUDA',
  webgpu: 'with WebGPU',
};

type Measured = Extract<DeviceOutcome, { kind: 'measured' }> & { readonly device: TriedDevice };

function conversationMs({ loadMs, prefillRate, decodeRate }: GraphRates): number {
  const turn = TOKENS_READ / prefillRate + TOKENS_WRITTEN / decodeRate;
  return loadMs + TURNS * turn * 1000;
}

function asErrorCode(code: string): ErrorCode {
  return errorCodes.find((known) => known === code) ?? 'kernel-failed';
}

function onCpu(reason: string | null): ChosenDevice {
  return { device: 'cpu', reason, activations: 'F32' };
}

async function onWebGpu(candidate: Candidate): Promise<ChosenDevice> {
  const { webgpu } = (await tryDevices(candidate, ['webgpu'])).devices;
  if (webgpu?.kind !== 'measured')
    throw new AppError(
      asErrorCode(webgpu?.code ?? 'kernel-failed'),
      `This model cannot be computed on the GPU: ${webgpu?.message ?? 'it was not tried'}.`,
      { remedy: RUN_ON_CPU },
    );
  return { device: 'webgpu', reason: null, activations: webgpu.activations };
}

/** Why no GPU computes the model. That there is no NVIDIA card says nothing where another GPU failed. */
function failureWords({ devices }: DeviceRecord): string {
  const failures = TRIED_DEVICES.flatMap((device) => {
    const outcome = devices[device];
    return outcome?.kind === 'failed' ? [outcome] : [];
  });
  const telling = failures.filter(({ code }) => code !== 'runtime-unavailable');
  const words = (telling.length > 0 ? telling : failures.slice(-1)).map(({ message }) => message);
  return `The GPU is not used: ${words.join('; ')}.`;
}

function tokensASecond({ decodeRate }: GraphRates): string {
  return `${decodeRate.toFixed(0)} tokens/s`;
}

async function automatic(candidate: Candidate): Promise<ChosenDevice> {
  if (candidate.mode === 'exact')
    return onCpu('Exact arithmetic is the same everywhere only on the CPU.');
  if (candidate.probe === undefined && !(await mayHaveGpu())) return onCpu(NO_GPU);
  const record = await tryDevices(candidate, TRIED_DEVICES);
  const { processor, devices } = record;
  const measured = TRIED_DEVICES.flatMap((device): Measured[] => {
    const outcome = devices[device];
    return outcome?.kind === 'measured' ? [{ ...outcome, device }] : [];
  }).sort((a, b) => conversationMs(a.rates) - conversationMs(b.rates));
  const [best] = measured;
  if (best === undefined || processor === null) return onCpu(failureWords(record));
  const rates = [
    ...measured.map((each) => `${tokensASecond(each.rates)} ${DEVICE_WORDS[each.device]}`),
    `${tokensASecond(processor)} on the CPU`,
  ].join(', ');
  return conversationMs(processor) / conversationMs(best.rates) >= WORTH_IT
    ? { device: best.device, reason: `Measured faster: ${rates}.`, activations: best.activations }
    : onCpu(
        `Measured as fast or faster, loading included: ${rates}; loaded in ${(best.rates.loadMs / 1000).toFixed(1)} s ${DEVICE_WORDS[best.device]}.`,
      );
}

/**
 * Where to compute for a wish. WebGPU, and whatever `auto` finds, answers only after its logits were compared with the
 * CPU's on this computer; `cuda` is taken at its word.
 *
 * @throws AppError when the device that was asked for is not to be had: `runtime-unavailable`, `kernel-failed`,
 *   `out-of-memory`, `unsupported-model`
 */
export async function chooseDevice(
  wish: RequestedDevice,
  candidate: Candidate,
): Promise<ChosenDevice> {
  switch (wish) {
    case 'cpu':
      return onCpu(null);
    case 'webgpu':
      return await onWebGpu(candidate);
    case 'cuda':
      // Whether there is a device, and whether it can run the model, shows when it is loaded.
      return { device: 'cuda', reason: null, activations: 'F16' };
    case 'auto':
      return await automatic(candidate);
  }
}
