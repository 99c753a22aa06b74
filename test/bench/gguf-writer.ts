import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import {
  GGUF_BLOCK,
  ggufBlockBytes,
  quantizeQ4,
  quantizeQ8,
  type GgufType,
} from './gguf-blocks.ts';
import { GgufBytes, ggufMetadata, writeValue } from './gguf-metadata.ts';
import { elementsOf, fileNameOf, weightsOf, type Shape, type WeightSpec } from './shapes.ts';
import { roundToBf16, valuesOf } from './synthetic-weights.ts';

const GGUF_MAGIC = 0x46554747;
const GGUF_VERSION = 3;
export const GGUF_ALIGNMENT = 32;
export const tensorTypes = { f32: 0, q4_0: 2, q8_0: 8 } as const;

const aligned = (length: number): number => Math.ceil(length / GGUF_ALIGNMENT) * GGUF_ALIGNMENT;

export interface GgufTensor {
  readonly name: string;
  /** [rows, columns] or [length]; ggml itself counts from the fastest. */
  readonly shape: readonly number[];
  readonly format: keyof typeof tensorTypes;
  readonly bytes: number;
  readonly values: () => Float32Array;
}

/**
 * Rows of a head's query or key matrix in llama.cpp's order: it rotates neighbouring elements, where the checkpoint
 * rotates element j with element j + headDim / 2 (convert_hf_to_gguf.py, LlamaModel.permute).
 */
function interleaveRotaryHalves(
  weights: Float32Array,
  spec: WeightSpec,
  headDim: number,
): Float32Array {
  const [rows = 0, columns = 0] = spec.shape;
  const out = new Float32Array(weights.length);
  for (let row = 0; row < rows; row++) {
    const within = row % headDim;
    const source = row - within + (within % 2) * (headDim / 2) + (within >> 1);
    out.set(weights.subarray(source * columns, (source + 1) * columns), row * columns);
  }
  return out;
}

/** What each rotation's frequency is divided by (Llama 3.1's scaling); null where nothing is scaled. */
function ropeFactors({ headDim, ropeTheta, ropeScaling }: Shape): Float32Array | null {
  if (ropeScaling === null) return null;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength } = ropeScaling;
  return Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    const turns = originalContextLength / (2 * Math.PI * ropeTheta ** ((2 * pair) / headDim));
    if (turns > highFrequencyFactor) return 1;
    if (turns < lowFrequencyFactor) return factor;
    const smooth = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/**
 * The tensors of the file. The tied embedding, which is also the head, is Q8_0 in both types: on both sides the head has
 * 8 bits.
 */
export function ggufTensors(shape: Shape, type: GgufType): GgufTensor[] {
  const tensors = weightsOf(shape).map((spec, index): GgufTensor => {
    const format =
      spec.shape.length === 1 ? 'f32' : spec.ggufName === 'token_embd.weight' ? 'q8_0' : type;
    const elements = elementsOf(spec);
    const isRotated = /attn_[qk]\.weight$/.test(spec.ggufName);
    return {
      name: spec.ggufName,
      shape: spec.shape,
      format,
      bytes: format === 'f32' ? elements * 4 : (elements / GGUF_BLOCK) * ggufBlockBytes[format],
      values: () => {
        const weights = roundToBf16(valuesOf(spec, index));
        return isRotated ? interleaveRotaryHalves(weights, spec, shape.headDim) : weights;
      },
    };
  });
  const factors = ropeFactors(shape);
  if (factors === null) return tensors;
  const { length } = factors;
  return [
    ...tensors,
    {
      name: 'rope_freqs.weight',
      shape: [length],
      format: 'f32',
      bytes: length * 4,
      values: () => factors,
    },
  ];
}

function header(shape: Shape, type: GgufType, tensors: readonly GgufTensor[]): Buffer {
  const head = new GgufBytes();
  const entries = ggufMetadata(shape, type);
  head.u32(GGUF_MAGIC).u32(GGUF_VERSION).u64(tensors.length).u64(entries.length);
  for (const [key, value] of entries) writeValue(head, key, value);
  let offset = 0;
  for (const tensor of tensors) {
    head.string(tensor.name).u32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) head.u64(size);
    head.u32(tensorTypes[tensor.format]).u64(offset);
    offset += aligned(tensor.bytes);
  }
  return head.push(Buffer.alloc(aligned(head.length) - head.length)).join();
}

export function ggufPath(folder: string, shape: Shape, type: GgufType): string {
  return path.join(folder, `${fileNameOf(shape)}-${type}.gguf`);
}

/**
 * Writes a shape's weights as GGUF version 3, so that llama.cpp runs exactly the weights that Nibble runs. Writes once;
 * returns the path.
 */
export function writeGguf(folder: string, shape: Shape, type: GgufType): string {
  mkdirSync(folder, { recursive: true });
  const target = ggufPath(folder, shape, type);
  if (existsSync(target)) return target;
  const tensors = ggufTensors(shape, type);
  const partial = `${target}.partial`;
  const file = openSync(partial, 'w');
  const write = (part: Uint8Array): void => {
    for (let start = 0; start < part.length;)
      start += writeSync(file, part, start, Math.min(part.length - start, 1 << 28));
  };
  write(header(shape, type, tensors));
  for (const { format, bytes, values } of tensors) {
    const weights = values();
    write(
      format === 'f32'
        ? new Uint8Array(weights.buffer)
        : format === 'q8_0'
          ? quantizeQ8(weights)
          : quantizeQ4(weights),
    );
    write(Buffer.alloc(aligned(bytes) - bytes));
  }
  closeSync(file);
  renameSync(partial, target);
  return target;
}
