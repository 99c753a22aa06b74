import { mkdirSync, openSync, closeSync, writeSync, writeFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { elementsOf, fileNameOf, weightsOf, type Shape } from './shapes.ts';
import { toBf16, valuesOf } from './synthetic-weights.ts';

/** In the words of config.json. */
function ropeScalingOf({ ropeScaling }: Shape): Record<string, unknown> | null {
  if (ropeScaling === null) return null;
  return {
    rope_type: 'llama3',
    factor: ropeScaling.factor,
    low_freq_factor: ropeScaling.lowFrequencyFactor,
    high_freq_factor: ropeScaling.highFrequencyFactor,
    original_max_position_embeddings: ropeScaling.originalContextLength,
  };
}

/** Writes a bfloat16 Llama checkpoint of this shape with random weights, once; returns its folder. */
export function writeSyntheticCheckpoint(folder: string, shape: Shape): string {
  const directory = path.join(folder, fileNameOf(shape));
  const done = path.join(directory, 'config.json');
  if (existsSync(done)) return directory;
  mkdirSync(directory, { recursive: true });
  const specs = weightsOf(shape);
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const spec of specs) {
    const bytes = elementsOf(spec) * 2;
    header[spec.name] = {
      dtype: 'BF16',
      shape: spec.shape,
      data_offsets: [offset, offset + bytes],
    };
    offset += bytes;
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - (text.length % 8)) % 8);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path.join(directory, 'model.safetensors'), 'w');
  writeSync(file, prefix);
  writeSync(file, text);
  for (const [index, spec] of specs.entries()) {
    const values = toBf16(valuesOf(spec, index));
    const bytes = new Uint8Array(values.buffer);
    for (let start = 0; start < bytes.length;)
      start += writeSync(file, bytes, start, Math.min(bytes.length - start, 1 << 28));
  }
  closeSync(file);
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.intermediateSize,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.headDim,
    vocab_size: shape.vocabularySize,
    max_position_embeddings: shape.contextLength,
    rms_norm_eps: 1e-5,
    rope_theta: shape.ropeTheta,
    rope_scaling: ropeScalingOf(shape),
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: 2,
    torch_dtype: 'bfloat16',
  };
  // Written last: its presence says that the weights are whole.
  writeFileSync(done, JSON.stringify(config, null, 2));
  return directory;
}
