import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { elementsOf, roundToBf16, valuesOf, weightsOf, type Shape } from './shapes.ts';

/**
 * Writes a shape's weights as GGUF version 3 (ggml's format: ggml-common.h and ggml-quants.c define the blocks), so that
 * llama.cpp runs exactly the weights that Nibble runs.
 */

export type GgufType = 'q4_0' | 'q8_0';

const GGUF_MAGIC = 0x46554747;
const GGUF_VERSION = 3;
const ALIGNMENT = 32;
/** Weights that share a scale in Q4_0 and Q8_0. */
const BLOCK = 32;
const tensorTypes = { f32: 0, q4_0: 2, q8_0: 8 } as const;
/** general.file_type ids. */
const fileTypes = { q4_0: 2, q8_0: 7 } as const;
const valueTypes = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 } as const;
/** Kinds of a SentencePiece vocabulary's tokens. */
const tokenKinds = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

const half = new Float16Array(1);
const halfBits = new Uint16Array(half.buffer);
function halfOf(value: number): number {
  half[0] = value;
  return halfBits[0] ?? 0;
}

/** Q8_0: 32 weights as float16 scale and 32 int8 codes; d = absmax / 127, codes half away from zero. */
export function quantizeQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / BLOCK;
  const out = new Uint8Array(blocks * 34);
  const view = new DataView(out.buffer);
  for (let b = 0; b < blocks; b++) {
    let absmax = 0;
    for (let k = 0; k < BLOCK; k++) absmax = Math.max(absmax, Math.abs(values[b * BLOCK + k] ?? 0));
    const d = absmax / 127;
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    view.setUint16(b * 34, halfOf(d), true);
    for (let k = 0; k < BLOCK; k++) {
      const scaled = Math.fround((values[b * BLOCK + k] ?? 0) * inverse);
      view.setInt8(b * 34 + 2 + k, Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5));
    }
  }
  return out;
}

/** Q4_0: 32 weights as float16 scale (value of largest magnitude over -8) and nibbles j | j + 16. */
export function quantizeQ4(values: Float32Array): Uint8Array {
  const blocks = values.length / BLOCK;
  const out = new Uint8Array(blocks * 18);
  const view = new DataView(out.buffer);
  for (let b = 0; b < blocks; b++) {
    let extreme = 0;
    for (let k = 0; k < BLOCK; k++) {
      const value = values[b * BLOCK + k] ?? 0;
      if (Math.abs(value) > Math.abs(extreme)) extreme = value;
    }
    const d = extreme / -8;
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    view.setUint16(b * 18, halfOf(d), true);
    const code = (k: number): number =>
      Math.min(15, Math.trunc(Math.fround((values[b * BLOCK + k] ?? 0) * inverse) + 8.5));
    for (let k = 0; k < BLOCK / 2; k++) out[b * 18 + 2 + k] = code(k) | (code(k + 16) << 4);
  }
  return out;
}

class Bytes {
  readonly #parts: Buffer[] = [];
  length = 0;
  push(part: Buffer): this {
    this.#parts.push(part);
    this.length += part.length;
    return this;
  }
  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32LE(value);
    return this.push(part);
  }
  u64(value: number): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64LE(BigInt(value));
    return this.push(part);
  }
  f32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeFloatLE(value);
    return this.push(part);
  }
  string(text: string): this {
    const part = Buffer.from(text, 'utf8');
    return this.u64(part.length).push(part);
  }
  join(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

type Value =
  | { readonly kind: 'uint32' | 'float32'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'floats' | 'ints'; readonly value: readonly number[] };

function writeValue(bytes: Bytes, key: string, value: Value): void {
  bytes.string(key);
  switch (value.kind) {
    case 'uint32':
      bytes.u32(valueTypes.uint32).u32(value.value);
      break;
    case 'float32':
      bytes.u32(valueTypes.float32).f32(value.value);
      break;
    case 'string':
      bytes.u32(valueTypes.string).string(value.value);
      break;
    case 'strings':
      bytes.u32(valueTypes.array).u32(valueTypes.string).u64(value.value.length);
      for (const text of value.value) bytes.string(text);
      break;
    case 'floats':
      bytes.u32(valueTypes.array).u32(valueTypes.float32).u64(value.value.length);
      for (const number of value.value) bytes.f32(number);
      break;
    case 'ints':
      bytes.u32(valueTypes.array).u32(valueTypes.int32).u64(value.value.length);
      for (const number of value.value) bytes.u32(number);
      break;
  }
}

/** A vocabulary that means nothing but that llama.cpp accepts: specials, the 256 bytes, then made-up words. */
function vocabulary(size: number): { tokens: string[]; kinds: number[] } {
  const tokens = ['<unk>', '<s>', '</s>'];
  const kinds: number[] = [tokenKinds.unknown, tokenKinds.control, tokenKinds.control];
  for (let byte = 0; byte < 256; byte++) {
    tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    kinds.push(tokenKinds.byte);
  }
  while (tokens.length < size) {
    tokens.push(`▁w${tokens.length}`);
    kinds.push(tokenKinds.normal);
  }
  return { tokens, kinds };
}

function metadata(shape: Shape, type: GgufType): [string, Value][] {
  const { tokens, kinds } = vocabulary(shape.vocabularySize);
  const uint32 = (value: number): Value => ({ kind: 'uint32', value });
  return [
    ['general.architecture', { kind: 'string', value: 'llama' }],
    ['general.name', { kind: 'string', value: `synthetic-${shape.name}` }],
    ['general.file_type', uint32(fileTypes[type])],
    ['general.quantization_version', uint32(2)],
    ['llama.vocab_size', uint32(shape.vocabularySize)],
    ['llama.context_length', uint32(8192)],
    ['llama.embedding_length', uint32(shape.hiddenSize)],
    ['llama.block_count', uint32(shape.layers)],
    ['llama.feed_forward_length', uint32(shape.intermediateSize)],
    ['llama.attention.head_count', uint32(shape.heads)],
    ['llama.attention.head_count_kv', uint32(shape.kvHeads)],
    ['llama.rope.dimension_count', uint32(shape.headDim)],
    ['llama.rope.freq_base', { kind: 'float32', value: 500000 }],
    ['llama.attention.layer_norm_rms_epsilon', { kind: 'float32', value: 1e-5 }],
    ['tokenizer.ggml.model', { kind: 'string', value: 'llama' }],
    ['tokenizer.ggml.tokens', { kind: 'strings', value: tokens }],
    ['tokenizer.ggml.scores', { kind: 'floats', value: tokens.map((_, id) => -id) }],
    ['tokenizer.ggml.token_type', { kind: 'ints', value: kinds }],
    ['tokenizer.ggml.bos_token_id', uint32(1)],
    ['tokenizer.ggml.eos_token_id', uint32(2)],
    ['tokenizer.ggml.unknown_token_id', uint32(0)],
  ];
}

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

/**
 * Writes the file once; returns its path. The tied embedding, which is also the head, is Q8_0 in both types, as llama.cpp
 * keeps it in at least that precision too.
 */
export function writeGguf(folder: string, shape: Shape, type: GgufType): string {
  mkdirSync(folder, { recursive: true });
  const target = path.join(folder, `synthetic-${shape.name}-${type}.gguf`);
  if (existsSync(target)) return target;
  const specs = weightsOf(shape).map((spec, index) => {
    const format: keyof typeof tensorTypes =
      spec.shape.length === 1 ? 'f32' : spec.ggufName === 'token_embd.weight' ? 'q8_0' : type;
    const elements = elementsOf(spec);
    const bytes =
      format === 'f32' ? elements * 4 : (elements / BLOCK) * (format === 'q8_0' ? 34 : 18);
    return { spec, index, format, bytes };
  });
  const head = new Bytes();
  const values = metadata(shape, type);
  head.u32(GGUF_MAGIC).u32(GGUF_VERSION).u64(specs.length).u64(values.length);
  for (const [key, value] of values) writeValue(head, key, value);
  let offset = 0;
  for (const { spec, format, bytes } of specs) {
    head.string(spec.ggufName).u32(spec.shape.length);
    // ggml counts dimensions from the fastest.
    for (const size of [...spec.shape].reverse()) head.u64(size);
    head.u32(tensorTypes[format]).u64(offset);
    offset += aligned(bytes);
  }
  head.push(Buffer.alloc(aligned(head.length) - head.length));
  const partial = `${target}.partial`;
  const file = openSync(partial, 'w');
  const write = (part: Uint8Array): void => {
    for (let start = 0; start < part.length;)
      start += writeSync(file, part, start, Math.min(part.length - start, 1 << 28));
  };
  write(head.join());
  for (const { spec, index, format, bytes } of specs) {
    const weights = roundToBf16(valuesOf(spec, index));
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
