import os from 'node:os';
import { probeGpus, processorFeatures, runtimeVersion } from '../../native-kernels/index.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { Doctor } from '../contract/inspection.ts';
import { freeBytes } from '../disk/index.ts';
import { toolVersion, type EngineContext } from './context.ts';
import { sizeOf } from './home/home.ts';

/** What this computer can do, and what is wrong with it. */
export async function doctor(context: EngineContext): Promise<Doctor> {
  const problems: string[] = [...context.problems];
  let isa = 'unavailable';
  let features: string[] = [];
  try {
    ({ isa, features } = processorFeatures());
  } catch (error) {
    problems.push(toAppError(error).message);
  }
  let onnxruntime = 'unavailable';
  let providers: string[] = [];
  try {
    ({ onnxruntime, providers } = runtimeVersion());
  } catch (error) {
    problems.push(toAppError(error).message);
  }
  if (isa === 'reference')
    problems.push(
      'This processor has no vector instructions that Nibble knows: everything works, slowly.',
    );
  const { devices, driver, reason } = await probeGpus();
  let free: number | null = null;
  try {
    free = await freeBytes(context.home.directory);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    problems.push(`The free space of ${context.home.directory} is unknown: ${error.message}`);
  }
  return {
    versions: { nibble: toolVersion(), node: process.versions.node, onnxruntime },
    platform: `${os.platform()} ${os.arch()} ${os.release()}`,
    processor: {
      model: os.cpus()[0]?.model.trim() ?? 'unknown',
      cores: os.availableParallelism(),
      isa,
      features,
    },
    memory: { totalBytes: os.totalmem(), freeBytes: os.freemem() },
    gpus: devices.map(({ name, memoryBytes, computeCapability }) => ({
      name,
      memoryBytes,
      computeCapability,
      driver,
    })),
    gpuNote:
      reason === null ? null : `${devices.length === 0 ? 'No GPU' : 'Not in use'}: ${reason}.`,
    providers,
    home: {
      directory: context.home.directory,
      writable: true,
      freeBytes: free,
      usedBytes: await sizeOf(context.home.directory),
    },
    endpoint: context.hub.endpoint,
    hasToken: context.hub.hasToken,
    problems,
  };
}
