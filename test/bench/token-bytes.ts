import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  openCheckpoint,
  parseSafetensorsHeader,
  RUNTIME_WEIGHTS_FILES,
  WEIGHTS_FILE,
} from '../../app/checkpoint/index.ts';
import { ggufBlockBytes, type GgufType } from './gguf-blocks.ts';
import { ggufTensors } from './gguf-writer.ts';
import { MATMUL_SCALE_BITS, type MatMulBits } from './onnx-blocks.ts';
import { elementsOf, weightsOf, type Shape } from './shapes.ts';

/** Bytes of memory that decoding one token must read, by what they are. */
export interface TokenBytes {
  /** Quantized weights of the layers. */
  readonly codes: number;
  /** What their scales cost: absmax, nested absmax, row scales. */
  readonly scales: number;
  /** The output layer with its scales. */
  readonly head: number;
  readonly norms: number;
  /** One row of the embedding. */
  readonly embedding: number;
}

/** Bytes of keys and values that one token reads when it stands behind `context` others. */
export function cacheBytes(
  { layers, kvHeads, headDim }: Shape,
  context: number,
  elementBytes: number,
): number {
  return 2 * layers * kvHeads * headDim * elementBytes * context;
}

export function totalBytes({ codes, scales, head, norms, embedding }: TokenBytes): number {
  return codes + scales + head + norms + embedding;
}

const EMBEDDING = 'model.embed_tokens.weight';

/** Of an artifact of Nibble, from the tensors that its files hold. */
export async function artifactTokenBytes(directory: string): Promise<TokenBytes> {
  const checkpoint = await openCheckpoint(directory);
  await checkpoint.close();
  const sums = { codes: 0, scales: 0, head: 0, norms: 0, embedding: 0 };
  let embeddingBytes = 0;
  for (const { name, byteLength, shape } of checkpoint.tensors) {
    if (name === EMBEDDING) {
      embeddingBytes = byteLength;
      sums.embedding = byteLength / (shape[0] ?? 1);
    } else if (name.endsWith('norm.weight')) sums.norms += byteLength;
    else if (name.endsWith('.weight')) sums.codes += byteLength;
    else sums.scales += byteLength;
  }
  sums.head = runtimeBytes(directory) ?? embeddingBytes;
  return sums;
}

/** What lies in the copy of the head; null where the artifact has none, and runs the embedding itself. */
function runtimeBytes(directory: string): number | null {
  for (const name of RUNTIME_WEIGHTS_FILES) {
    const file = path.join(directory, name);
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size === undefined) continue;
    const { tensors } = parseSafetensorsHeader(readFileSync(file), size, name);
    return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
  return null;
}

/** Of a GGUF file. */
export function ggufTokenBytes(shape: Shape, type: GgufType): TokenBytes {
  const sums = { codes: 0, scales: 0, head: 0, norms: 0, embedding: 0 };
  for (const { name, format, bytes, shape: dimensions } of ggufTensors(shape, type)) {
    if (name === 'token_embd.weight') {
      sums.head = bytes;
      sums.embedding = bytes / (dimensions[0] ?? 1);
    } else if (format === 'f32') sums.norms += bytes;
    else {
      // Two bytes of every block are its float16 scale.
      const scaleShare = 2 / ggufBlockBytes[format];
      sums.scales += bytes * scaleShare;
      sums.codes += bytes * (1 - scaleShare);
    }
  }
  return sums;
}

/** Bytes of the files of an artifact that hold weights. */
export function artifactFileBytes(directory: string): number {
  return [WEIGHTS_FILE, ...RUNTIME_WEIGHTS_FILES].reduce(
    (sum, name) =>
      sum + (statSync(path.join(directory, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** Of a graph of MatMulNBits. */
export function onnxTokenBytes(shape: Shape, bits: MatMulBits): TokenBytes {
  const sums = { codes: 0, scales: 0, head: 0, norms: 0, embedding: 0 };
  for (const spec of weightsOf(shape)) {
    const elements = elementsOf(spec);
    if (spec.name === EMBEDDING) {
      sums.head = (elements * (8 + MATMUL_SCALE_BITS)) / 8;
      // Float16.
      sums.embedding = 2 * shape.hiddenSize;
    } else if (spec.shape.length === 1) sums.norms += elements * 4;
    else {
      sums.codes += (elements * bits) / 8;
      sums.scales += (elements * MATMUL_SCALE_BITS) / 8;
    }
  }
  return sums;
}
