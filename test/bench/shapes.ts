/** Shapes of published models, so that memory traffic per token is what a person would see. Weights are random. */
export interface Shape {
  /** What the command line calls it. */
  readonly key: string;
  /** The published model. */
  readonly title: string;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly ropeTheta: number;
  /** Slow rotations are stretched (Llama 3.1 and later); null where positions are as in RoFormer. */
  readonly ropeScaling: Llama3Scaling | null;
}

export interface Llama3Scaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalContextLength: number;
}

/** As the config.json of every Llama-3.2 has it. */
const llama32 = {
  vocabularySize: 128256,
  contextLength: 131072,
  ropeTheta: 500000,
  ropeScaling: {
    factor: 32,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContextLength: 8192,
  },
} as const;

/** As the config.json of every SmolLM2 has it. */
const smolLm2 = {
  headDim: 64,
  vocabularySize: 49152,
  contextLength: 8192,
  ropeTheta: 100000,
  ropeScaling: null,
} as const;

/** All with tied embeddings: the head is the embedding's matrix. */
export const shapes: readonly Shape[] = [
  {
    ...smolLm2,
    key: '135m',
    title: 'SmolLM2-135M',
    hiddenSize: 576,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    intermediateSize: 1536,
  },
  {
    ...smolLm2,
    key: '360m',
    title: 'SmolLM2-360M',
    hiddenSize: 960,
    layers: 32,
    heads: 15,
    kvHeads: 5,
    intermediateSize: 2560,
  },
  {
    ...llama32,
    key: '1b',
    title: 'Llama-3.2-1B',
    hiddenSize: 2048,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    intermediateSize: 8192,
  },
  {
    ...llama32,
    key: '3b',
    title: 'Llama-3.2-3B',
    hiddenSize: 3072,
    layers: 28,
    heads: 24,
    kvHeads: 8,
    headDim: 128,
    intermediateSize: 8192,
  },
];

/** @throws Error that lists the shapes */
export function shapeNamed(key: string): Shape {
  const shape = shapes.find((candidate) => candidate.key === key);
  if (shape === undefined)
    throw new Error(`no shape ${key}; shapes: ${shapes.map((known) => known.key).join(', ')}`);
  return shape;
}

/** Name of the files that hold its weights. */
export function fileNameOf(shape: Shape): string {
  return shape.title.toLowerCase();
}

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

/** Of the whole model; the tied embedding counts once. */
export function parametersOf(shape: Shape): number {
  return weightsOf(shape).reduce((sum, spec) => sum + elementsOf(spec), 0);
}
