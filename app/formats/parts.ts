import type { KernelOptions } from '../../native-kernels/index.ts';
import type { CheckpointReader } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';

/** How stored parts are read back. */

/** A part of an artifact, checked to have the bytes that its matrix needs. @throws AppError `malformed-file` */
export function partOf(artifact: CheckpointReader, name: string, byteLength: number): TensorInfo {
  const part = artifact.tensors.find((tensor) => tensor.name === name);
  if (part?.byteLength === byteLength) return part;
  throw new AppError(
    'malformed-file',
    part === undefined
      ? `The artifact in ${artifact.directory} has no tensor ${name}.`
      : `${name} has ${part.byteLength} bytes instead of ${byteLength}.`,
    { remedy: 'Run `nibble verify` on the artifact, or make it again.' },
  );
}

export const floatsOf = (bytes: Uint8Array): Float32Array =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

export const signedOf = (bytes: Uint8Array): Int8Array =>
  new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function kernelOptions(signal: AbortSignal | undefined): KernelOptions {
  return signal === undefined ? {} : { signal };
}
