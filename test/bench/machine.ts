import os from 'node:os';
import { processorFeatures, runtimeVersion } from '../../native-kernels/index.ts';
import { rivalVersions } from './rivals.ts';
import type { MachineResult } from './results.ts';

/** This machine, as the page names it. */
export function describeMachine(threads: number): MachineResult['machine'] {
  return {
    processor: os.cpus()[0]?.model.trim() ?? 'unknown processor',
    threads,
    memoryBytes: os.totalmem(),
    platform: `${process.platform} ${process.arch}`,
    instructionSet: processorFeatures().isa,
  };
}

/** Processor and threads in a file's name: `intel-xeon-processor-2.50ghz-2-threads`. */
export function machineFileName({ processor, threads }: MachineResult['machine']): string {
  const words = processor
    .toLowerCase()
    .replaceAll(/\((?:r|tm|c)\)/g, '')
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return `${words}-${threads}-threads`;
}

/** Everything whose version could change a number. */
export function describeVersions(rivals: string): Record<string, string> {
  return {
    node: process.version,
    'ONNX Runtime in Nibble': runtimeVersion().onnxruntime,
    ...rivalVersions(rivals),
  };
}
