import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { builtProgram } from './packed.ts';

/** A CUDA device. */
export interface Gpu {
  /** Its number, as `KernelOptions.devices` takes it. */
  readonly ordinal: number;
  readonly name: string;
  readonly memoryBytes: number;
  /** e.g. `9.0`. */
  readonly computeCapability: string;
}

/** What a look at the NVIDIA driver found. */
export interface GpuProbe {
  /** Whether this build has kernels for CUDA devices. */
  readonly hasKernels: boolean;
  /** CUDA version of the driver; null without one. */
  readonly driver: string | null;
  /** Why `devices` is empty or cannot be used; null when all is well. */
  readonly reason: string | null;
  readonly devices: readonly Gpu[];
}

/** Weights a second, quantized to NF4 from memory to memory. */
export interface GpuMeasurement extends GpuProbe {
  /** Null when there was nothing to compare. */
  readonly processorRate: number | null;
  /** One for each of `devices`; 0 for one that cannot do it. */
  readonly deviceRates: readonly number[];
}

/** A driver that starts a card from its sleep takes some seconds; a hung one must not hang us. */
const PROBE_TIMEOUT_MS = 15_000;

/** The same, some seconds of work on a slow processor, and the driver's compiler where the build has no code for the card. */
const MEASURE_TIMEOUT_MS = 90_000;

/** Numbers and texts of the program are checked: the driver, whose words they are, is not ours. */
function isGpu(value: unknown): value is Gpu {
  return (
    typeof value === 'object' &&
    value !== null &&
    'ordinal' in value &&
    Number.isInteger(value.ordinal) &&
    'name' in value &&
    typeof value.name === 'string' &&
    'memoryBytes' in value &&
    Number.isSafeInteger(value.memoryBytes) &&
    'computeCapability' in value &&
    typeof value.computeCapability === 'string'
  );
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function rates(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((rate) => typeof rate === 'number') : [];
}

function measurementOf(value: unknown): GpuMeasurement {
  if (typeof value !== 'object' || value === null) throw new TypeError('no object');
  const fields: Partial<Record<keyof GpuMeasurement, unknown>> = value;
  const devices = Array.isArray(fields.devices) ? fields.devices.filter(isGpu) : [];
  return {
    hasKernels: fields.hasKernels === true,
    driver: textOrNull(fields.driver),
    reason: textOrNull(fields.reason),
    devices,
    processorRate: typeof fields.processorRate === 'number' ? fields.processorRate : null,
    deviceRates: rates(fields.deviceRates),
  };
}

function nothing(reason: string): GpuMeasurement {
  return {
    hasKernels: false,
    driver: null,
    reason,
    devices: [],
    processorRate: null,
    deviceRates: [],
  };
}

async function runProbe(args: readonly string[], timeout: number): Promise<GpuMeasurement> {
  const program = builtProgram('gpu_probe');
  if (!existsSync(program))
    return nothing('the program that looks for GPUs is missing; run: npm run setup');
  try {
    const { stdout } = await promisify(execFile)(program, [...args], { timeout });
    return measurementOf(JSON.parse(stdout));
  } catch (error) {
    const killed = error instanceof Error && 'killed' in error && error.killed === true;
    const signal = error instanceof Error && 'signal' in error ? String(error.signal) : 'no answer';
    return nothing(
      killed
        ? `the NVIDIA driver did not answer within ${timeout / 1000} s`
        : `the NVIDIA driver ended the program that asked it (${signal})`,
    );
  }
}

/** Looks for CUDA devices, in a process of its own: a broken driver costs that process and not this one. Never rejects. */
export async function probeGpus(): Promise<GpuProbe> {
  return await runProbe([], PROBE_TIMEOUT_MS);
}

/** The same, and measures how fast the processor and each device quantize. Takes some seconds. Never rejects. */
export async function measureGpus(): Promise<GpuMeasurement> {
  return await runProbe(['--measure'], MEASURE_TIMEOUT_MS);
}
