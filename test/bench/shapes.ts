/** Shapes of published models, so that memory traffic per token is what a person would see. Weights are random. */
export interface Shape {
  readonly name: string;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabularySize: number;
}

export const shapes: Readonly<Record<string, Shape>> = {
  /** SmolLM2-135M. */
  '135m': {
    name: '135m',
    hiddenSize: 576,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    intermediateSize: 1536,
    vocabularySize: 49152,
  },
  /** SmolLM2-360M. */
  '360m': {
    name: '360m',
    hiddenSize: 960,
    layers: 32,
    heads: 15,
    kvHeads: 5,
    headDim: 64,
    intermediateSize: 2560,
    vocabularySize: 49152,
  },
  /** The layers of Llama-3.2-1B with Llama 2's vocabulary: 1.04 B parameters. */
  '1b': {
    name: '1b',
    hiddenSize: 2048,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    intermediateSize: 8192,
    vocabularySize: 32000,
  },
  /** Llama-3.2-1B: 1.24 B parameters, a fifth of them in the tied head. */
  'llama-3.2-1b': {
    name: 'llama-3.2-1b',
    hiddenSize: 2048,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    intermediateSize: 8192,
    vocabularySize: 128256,
  },
};

export interface WeightSpec {
  readonly name: string;
  readonly ggufName: string;
  /** [rows, columns], or [length] for a norm. */
  readonly shape: readonly number[];
}

/** Every tensor of the shape, in file order, with its name in both formats. Embeddings are tied. */
export function weightsOf(shape: Shape): WeightSpec[] {
  const { hiddenSize: h, intermediateSize: i } = shape;
  const q = shape.heads * shape.headDim;
  const kv = shape.kvHeads * shape.headDim;
  const weights: WeightSpec[] = [
    {
      name: 'model.embed_tokens.weight',
      ggufName: 'token_embd.weight',
      shape: [shape.vocabularySize, h],
    },
  ];
  for (let layer = 0; layer < shape.layers; layer++) {
    const add = (name: string, gguf: string, dims: number[]): void => {
      weights.push({
        name: `model.layers.${layer}.${name}.weight`,
        ggufName: `blk.${layer}.${gguf}.weight`,
        shape: dims,
      });
    };
    add('input_layernorm', 'attn_norm', [h]);
    add('mlp.down_proj', 'ffn_down', [h, i]);
    add('mlp.gate_proj', 'ffn_gate', [i, h]);
    add('mlp.up_proj', 'ffn_up', [i, h]);
    add('post_attention_layernorm', 'ffn_norm', [h]);
    add('self_attn.k_proj', 'attn_k', [kv, h]);
    add('self_attn.o_proj', 'attn_output', [h, q]);
    add('self_attn.q_proj', 'attn_q', [q, h]);
    add('self_attn.v_proj', 'attn_v', [kv, h]);
  }
  weights.push({ name: 'model.norm.weight', ggufName: 'output_norm.weight', shape: [h] });
  return weights;
}

export function elementsOf(spec: WeightSpec): number {
  return spec.shape.reduce((product, size) => product * size, 1);
}

/** Normally distributed numbers to draw weights from: a pool is enough, and makes a 1 B model in seconds. */
const POOL_SIZE = (1 << 22) + 7;
/** What models are initialised with, and near what trained ones have. */
const STANDARD_DEVIATION = 0.02;

let pool: Float32Array | null = null;

function normalPool(): Float32Array {
  if (pool !== null) return pool;
  // mulberry32 and Box-Muller: the same weights on every machine.
  let state = 0x9e3779b9;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  pool = new Float32Array(POOL_SIZE);
  for (let k = 0; k < POOL_SIZE; k++)
    pool[k] =
      STANDARD_DEVIATION *
      Math.sqrt(-2 * Math.log(1 - uniform())) *
      Math.cos(2 * Math.PI * uniform());
  return pool;
}

/** The float32 weights of one tensor, the same each time; ones for norms. */
export function valuesOf(spec: WeightSpec, index: number): Float32Array {
  const count = elementsOf(spec);
  const values = new Float32Array(count);
  if (spec.shape.length === 1) return values.fill(1);
  const source = normalPool();
  let from = (index * 1_000_003) % POOL_SIZE;
  for (let done = 0; done < count;) {
    const length = Math.min(count - done, POOL_SIZE - from);
    values.set(source.subarray(from, from + length), done);
    done += length;
    from = 0;
  }
  return values;
}

/** float32 → bfloat16, rounded to nearest, ties to even. */
export function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let k = 0; k < out.length; k++) {
    const word = bits[k] ?? 0;
    out[k] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** What a reader of the bfloat16 checkpoint sees. */
export function roundToBf16(values: Float32Array): Float32Array {
  const rounded = new Uint32Array(values.length);
  const half = toBf16(values);
  for (let k = 0; k < half.length; k++) rounded[k] = (half[k] ?? 0) << 16;
  return new Float32Array(rounded.buffer);
}
