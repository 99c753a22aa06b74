import { readdir } from 'node:fs/promises';
import { NO_GPU, type DeviceWish, type RunDevice } from '../contract/device.ts';
import { AppError, errorCodes, type ErrorCode } from '../contract/error.ts';
import { probeGraph, type GraphRates } from '../../native-kernels/index.ts';
import { readDeviceRecord, writeDeviceRecord, type DeviceOutcome } from './device-record.ts';

/** Where a model is going to compute. */
export interface ChosenDevice {
  readonly device: RunDevice;
  /** Why there; null where a person chose it. */
  readonly reason: string | null;
  /** What a GPU computes with; of no meaning on the CPU. */
  readonly activations: 'F16' | 'F32';
}

/** The graphs of one model and what they are to be computed with. */
export interface Candidate {
  readonly directory: string;
  readonly mode: 'fast' | 'exact';
  readonly contextLength: number;
  readonly threads: number;
  /** Builds the graph for the CPU, or the one for a GPU; returns its path. */
  readonly graph: (activations: 'F16' | 'F32' | null) => Promise<string>;
  /** Tries a graph. @default in a process of its own, through WebGPU */
  readonly probe?: typeof probeGraph | undefined;
}

/** What to do about a GPU that does not do it. */
export const RUN_ON_CPU = 'Choose the CPU (--device cpu).';

/**
 * Mean divergence from the CPU, in nats, beyond which a GPU computes something else. Measured with 16-bit activations
 * beside the CPU's 8-bit ones: 0.0008 to 0.012 from one scheme and model to another; a driver whose attention was wrong
 * for all but the first four tokens had 0.23 on the sample model.
 */
const MOST_DIVERGENCE = 0.05;

/** What a person waits for: a conversation of five turns, each with as many tokens to read and to write, and the loading. */
const TURNS = 5;
const TOKENS_READ = 200;
const TOKENS_WRITTEN = 200;

/** A GPU that saves less is not worth what it may do otherwise: in doubt the CPU. */
const WORTH_IT = 1.2;

function conversationMs({ loadMs, prefillRate, decodeRate }: GraphRates): number {
  const turn = TOKENS_READ / prefillRate + TOKENS_WRITTEN / decodeRate;
  return loadMs + TURNS * turn * 1000;
}

/** Whether the system shows a GPU at all. Elsewhere than on Linux only trying tells. */
async function mayHaveGpu(): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const names = await readdir('/dev').catch((): string[] => []);
  return names.some((name) => /^(?:dri|nvidiactl|dxg|kgsl.*)$/.test(name));
}

async function tryGraph(
  candidate: Candidate,
  activations: 'F16' | 'F32',
  processorGraph: string,
): Promise<DeviceOutcome> {
  const { contextLength, threads, probe = probeGraph } = candidate;
  const found = await probe({
    deviceGraph: await candidate.graph(activations),
    processorGraph,
    device: 'webgpu',
    contextLength,
    threads,
  });
  const { error, processor, device, divergence } = found;
  if (error !== null) return { kind: 'failed', ...error };
  if (processor === null || device === null || divergence === null)
    return {
      kind: 'failed',
      code: 'kernel-failed',
      message: 'the GPU computed logits that are not numbers',
    };
  if (divergence > MOST_DIVERGENCE)
    return {
      kind: 'failed',
      code: 'kernel-failed',
      message: `the GPU computed other probabilities than the CPU (divergence ${divergence.toPrecision(2)} nats)`,
    };
  return { kind: 'measured', activations, processor, device, divergence };
}

/** Tries a model on the GPU, or finds what became of it before. */
async function outcomeOf(candidate: Candidate): Promise<DeviceOutcome> {
  const { directory, contextLength, mode } = candidate;
  const processorGraph = await candidate.graph(null);
  // Exact answers are rarely asked for: the record is that of the others.
  if (mode === 'exact') return await tryGraph(candidate, 'F32', processorGraph);
  const known = await readDeviceRecord(directory, contextLength);
  if (known !== null) return known;
  let outcome = await tryGraph(candidate, 'F16', processorGraph);
  // Without 16-bit arithmetic, or where 16 bits are too few, 32 may do. Nothing else would be better with them.
  if (outcome.kind === 'failed' && /f16|not numbers|probabilities/.test(outcome.message))
    outcome = await tryGraph(candidate, 'F32', processorGraph);
  await writeDeviceRecord(directory, contextLength, outcome);
  return outcome;
}

function asErrorCode(code: string): ErrorCode {
  return errorCodes.find((known) => known === code) ?? 'kernel-failed';
}

function onCpu(reason: string | null): ChosenDevice {
  return { device: 'cpu', reason, activations: 'F32' };
}

async function onWebGpu(candidate: Candidate): Promise<ChosenDevice> {
  const outcome = await outcomeOf(candidate);
  if (outcome.kind === 'failed')
    throw new AppError(
      asErrorCode(outcome.code),
      `This model cannot be computed on the GPU: ${outcome.message}.`,
      { remedy: RUN_ON_CPU },
    );
  return { device: 'webgpu', reason: null, activations: outcome.activations };
}

async function automatic(candidate: Candidate): Promise<ChosenDevice> {
  if (candidate.mode === 'exact')
    return onCpu('Exact arithmetic is the same everywhere only on the CPU.');
  if (candidate.probe === undefined && !(await mayHaveGpu())) return onCpu(NO_GPU);
  let outcome: DeviceOutcome;
  try {
    outcome = await outcomeOf(candidate);
  } catch (error) {
    // No operator for what this file holds.
    if (error instanceof AppError && error.code === 'unsupported-model')
      return onCpu(error.message);
    throw error;
  }
  if (outcome.kind === 'failed') return onCpu(`The GPU is not used: ${outcome.message}.`);
  const { processor, device, activations } = outcome;
  const gain = conversationMs(processor) / conversationMs(device);
  const rates = `${device.decodeRate.toFixed(0)} tokens/s on the GPU, ${processor.decodeRate.toFixed(0)} on the CPU`;
  return gain >= WORTH_IT
    ? { device: 'webgpu', reason: `Measured faster: ${rates}.`, activations }
    : onCpu(
        `Measured as fast or faster, loading included: ${rates}; loaded in ${(device.loadMs / 1000).toFixed(1)} s there.`,
      );
}

/**
 * Where to compute for a wish. Whatever wish leads to a GPU: a model answers there only after its answers were compared
 * with the CPU's, on this computer.
 *
 * @throws AppError when the device that was asked for is not to be had: `runtime-unavailable`, `kernel-failed`,
 *   `out-of-memory`, `unsupported-model`
 */
export async function chooseDevice(wish: DeviceWish, candidate: Candidate): Promise<ChosenDevice> {
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
