import { readFileSync } from 'node:fs';
import { processorFeatures } from '../../native-kernels/index.ts';
import type { FloatType, InstructionSet, Source } from '../../native-kernels/index.ts';

/** Instruction sets whose quantizers differ and that run here, the defining one first. */
export function quantizerIsas(): InstructionSet[] {
  return processorFeatures().available.filter((isa) => !/vnni|neon-/.test(isa));
}

/** A seeded generator of numbers in [0, 1): xorshift, good enough to fill tensors. */
export function uniformFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Normal values of standard deviation 1. */
export function gaussianFrom(uniform: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * Weights as a checkpoint holds them, in a type; bf16 rounds ties to even.
 *
 * The bytes begin at an odd address, as they may in a mapped file.
 */
export function sourceOf(weights: Float32Array, type: FloatType): Source {
  const bytes = new Uint8Array(1 + weights.length * (type === 'f32' ? 4 : 2)).subarray(1);
  if (type === 'f32') bytes.set(new Uint8Array(weights.buffer, weights.byteOffset, bytes.length));
  if (type === 'f16') bytes.set(new Uint8Array(Float16Array.from(weights).buffer));
  if (type === 'bf16') {
    const words = new Uint32Array(weights.buffer, weights.byteOffset, weights.length);
    const halves = Uint16Array.from(words, (word) => {
      const isFinite = (word & 0x7f800000) !== 0x7f800000;
      return isFinite ? (word + 0x7fff + ((word >>> 16) & 1)) >>> 16 : (word >>> 16) | 0x40;
    });
    bytes.set(new Uint8Array(halves.buffer));
  }
  return { bytes, type };
}

/** The float32 values of a source. */
export function weightsOf(source: Source): Float32Array {
  const copy = source.bytes.slice().buffer;
  if (source.type === 'f32') return new Float32Array(copy);
  if (source.type === 'f16') return Float32Array.from(new Float16Array(copy));
  return new Float32Array(Uint32Array.from(new Uint16Array(copy), (half) => half << 16).buffer);
}

/** The bytes of a typed array, for comparisons to the bit. */
export function bytesOf(array: ArrayBufferView): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** Tensors that bitsandbytes itself wrote on a CPU. */
export function goldenTensors(): (name: string) => Buffer {
  const url = new URL('../fixtures/golden/bitsandbytes.safetensors', import.meta.url);
  const file = readFileSync(url);
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<
    string,
    { data_offsets: [number, number] } | undefined
  >;
  return (name) => {
    const entry = header[name];
    if (entry === undefined) throw new Error(`no golden tensor ${name}`);
    const [start, end] = entry.data_offsets;
    return file.subarray(headerEnd + start, headerEnd + end);
  };
}
