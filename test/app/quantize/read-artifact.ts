// Reads an artifact back for tests, with the product's parser, which has tests of its own.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseSafetensorsHeader } from '../../../app/checkpoint/index.ts';

export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

export function sha256Of(...parts: Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Every tensor of model.safetensors, by name, in the order of the file. */
export async function readArtifact(
  directory: string,
): Promise<{ bytes: Buffer; tensors: Map<string, StoredTensor> }> {
  const bytes = await readFile(path.join(directory, 'model.safetensors'));
  const header = parseSafetensorsHeader(bytes, bytes.byteLength, 'model.safetensors');
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, byteOffset, byteLength } of header.tensors)
    tensors.set(name, {
      dtype,
      shape,
      bytes: bytes.subarray(byteOffset, byteOffset + byteLength),
    });
  return { bytes, tensors };
}

/** A tensor that must be there. */
export function stored(tensors: ReadonlyMap<string, StoredTensor>, name: string): StoredTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`There is no tensor ${name}.`);
  return tensor;
}
