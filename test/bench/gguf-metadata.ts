import type { GgufType } from './gguf-blocks.ts';
import type { Shape } from './shapes.ts';

const valueTypes = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 } as const;
/** general.file_type ids. */
const fileTypes = { q4_0: 2, q8_0: 7 } as const;
/** Kinds of a SentencePiece vocabulary's tokens. */
const tokenKinds = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

/** Grows a file's header, little-endian. */
export class GgufBytes {
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

export type Value =
  | { readonly kind: 'uint32' | 'float32'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'floats' | 'ints'; readonly value: readonly number[] };

/** One entry of the header: key, type, value. */
export function writeValue(bytes: GgufBytes, key: string, value: Value): void {
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

/** What llama.cpp must know of the model, besides its tensors. */
export function ggufMetadata(shape: Shape, type: GgufType): [string, Value][] {
  const { tokens, kinds } = vocabulary(shape.vocabularySize);
  const uint32 = (value: number): Value => ({ kind: 'uint32', value });
  return [
    ['general.architecture', { kind: 'string', value: 'llama' }],
    ['general.name', { kind: 'string', value: `synthetic ${shape.title}` }],
    ['general.file_type', uint32(fileTypes[type])],
    ['general.quantization_version', uint32(2)],
    ['llama.vocab_size', uint32(shape.vocabularySize)],
    ['llama.context_length', uint32(shape.contextLength)],
    ['llama.embedding_length', uint32(shape.hiddenSize)],
    ['llama.block_count', uint32(shape.layers)],
    ['llama.feed_forward_length', uint32(shape.intermediateSize)],
    ['llama.attention.head_count', uint32(shape.heads)],
    ['llama.attention.head_count_kv', uint32(shape.kvHeads)],
    ['llama.rope.dimension_count', uint32(shape.headDim)],
    ['llama.rope.freq_base', { kind: 'float32', value: shape.ropeTheta }],
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
