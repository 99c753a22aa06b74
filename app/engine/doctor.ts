import { execFile } from 'node:child_process';
import os from 'node:os';
import { promisify } from 'node:util';
import { processorFeatures, runtimeVersion } from '../../native-kernels/index.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { Doctor } from '../contract/inspection.ts';
import { freeBytes } from '../disk/index.ts';
import { toolVersion, type EngineContext } from './context.ts';
import { sizeOf } from './home.ts';

/** A healthy driver answers in well under a second; a hung one must not hang us. */
const PROBE_TIMEOUT_MS = 5_000;

/** Asks NVIDIA's own tool, in a process of its own: a broken driver then costs that process and not this one. */
async function probeGpus(): Promise<{ gpus: Doctor['gpus']; note: string | null }> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'],
      { timeout: PROBE_TIMEOUT_MS },
    );
    const gpus = stdout
      .split('\n')
      .map((line) => line.split(','))
      .filter((fields) => fields.length === 2)
      .map(([name, mebibytes]) => {
        const bytes = Number(mebibytes) * 2 ** 20;
        return { name: (name ?? '').trim(), memoryBytes: Number.isFinite(bytes) ? bytes : null };
      });
    return {
      gpus,
      note: gpus.length > 0 ? null : 'The NVIDIA driver answers but reports no GPU.',
    };
  } catch (error) {
    const missing = toAppError(error).code === 'not-found';
    return {
      gpus: [],
      note: missing
        ? 'No GPU: no NVIDIA driver is installed (nvidia-smi was not found).'
        : `No GPU: the NVIDIA driver did not answer (${toAppError(error).message.split('\n')[0] ?? ''}).`,
    };
  }
}

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
  const { gpus, note } = await probeGpus();
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
    gpus,
    gpuNote: note,
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
