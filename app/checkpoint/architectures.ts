import { z } from 'zod';
import { AppError } from '../contract/error.ts';

/** The seven linear layers that most decoders share. */
const sevenLinearLayers = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
] as const;

interface Architecture {
  /** The class that transformers gives as `architectures[0]`. */
  readonly className: string;
  /** Linear layers within `model.layers.N`: what bitsandbytes replaces, and the only tensors that are quantized. */
  readonly linearLayers: readonly string[];
  /** Whether app/run has a graph for it. */
  readonly runnable: boolean;
}

/**
 * The architectures that Nibble knows, by `model_type`: the one place that says which tensors are linear layers.
 *
 * Only decoders whose linear layers are plain `torch.nn.Linear` named under `model.layers.N` belong here. GPT-2 does
 * not: its Conv1D stores weights transposed, so the bytes of its tensors are not what bitsandbytes quantizes.
 */
export const architectures: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['llama', { className: 'LlamaForCausalLM', linearLayers: sevenLinearLayers, runnable: true }],
  ['mistral', { className: 'MistralForCausalLM', linearLayers: sevenLinearLayers, runnable: true }],
  ['qwen2', { className: 'Qwen2ForCausalLM', linearLayers: sevenLinearLayers, runnable: true }],
  ['qwen3', { className: 'Qwen3ForCausalLM', linearLayers: sevenLinearLayers, runnable: true }],
  ['gemma', { className: 'GemmaForCausalLM', linearLayers: sevenLinearLayers, runnable: false }],
  ['gemma2', { className: 'Gemma2ForCausalLM', linearLayers: sevenLinearLayers, runnable: false }],
  [
    'gemma3_text',
    { className: 'Gemma3ForCausalLM', linearLayers: sevenLinearLayers, runnable: false },
  ],
  [
    'granite',
    { className: 'GraniteForCausalLM', linearLayers: sevenLinearLayers, runnable: false },
  ],
  ['olmo2', { className: 'Olmo2ForCausalLM', linearLayers: sevenLinearLayers, runnable: false }],
  [
    'smollm3',
    { className: 'SmolLM3ForCausalLM', linearLayers: sevenLinearLayers, runnable: false },
  ],
  [
    'stablelm',
    { className: 'StableLmForCausalLM', linearLayers: sevenLinearLayers, runnable: false },
  ],
  [
    'phi3',
    {
      className: 'Phi3ForCausalLM',
      linearLayers: ['self_attn.qkv_proj', 'self_attn.o_proj', 'mlp.gate_up_proj', 'mlp.down_proj'],
      runnable: false,
    },
  ],
]);

/** What config.json says of a model before anyone asks whether it can be run. Numbers are null where it does not say. */
export interface ArchitectureDescription {
  readonly modelType: string;
  /** `architectures[0]`, or the class that belongs to the model type. */
  readonly className: string;
  readonly quantizable: boolean;
  readonly runnable: boolean;
  /** Why it is not quantizable; null when it is. */
  readonly obstacle: string | null;
  readonly layers: number | null;
  readonly hiddenSize: number | null;
  readonly vocabularySize: number | null;
  readonly contextLength: number | null;
}

const count = z.int().positive().optional().catch(undefined);

/** Only what is needed to name a model: anything else in the file may be wrong without harm here. */
const outlineSchema = z.looseObject({
  model_type: z.string().max(128),
  architectures: z.array(z.string().max(256)).max(16).nullish(),
  num_hidden_layers: count,
  hidden_size: count,
  vocab_size: count,
  max_position_embeddings: count,
  quantization_config: z.unknown().optional(),
});

function listOf(which: 'quantizable' | 'runnable'): string {
  return [...architectures.values()]
    .filter((architecture) => which === 'quantizable' || architecture.runnable)
    .map((architecture) => architecture.className)
    .join(', ');
}

/** An error for a model that Nibble does not know, with the list of those it does. */
export function unsupportedModel(what: string, which: 'quantizable' | 'runnable'): AppError {
  return new AppError('unsupported-model', what, {
    remedy: `Choose a model of one of these architectures: ${listOf(which)}.`,
  });
}

/**
 * Names a model and says what Nibble can do with it. Never refuses a model: callers that need one do.
 *
 * @param config The parsed config.json.
 * @throws AppError `malformed-file` when there is no model_type
 */
export function describeArchitecture(config: unknown): ArchitectureDescription {
  const parsed = outlineSchema.safeParse(config);
  if (!parsed.success)
    throw new AppError('malformed-file', 'config.json does not name a model_type.', {
      remedy: 'Nibble reads checkpoints in the layout of transformers: choose another repository.',
      cause: parsed.error,
    });
  const outline = parsed.data;
  const known = architectures.get(outline.model_type);
  const className = outline.architectures?.[0] ?? known?.className ?? outline.model_type;
  const obstacle = obstacleTo(outline.model_type, className, outline['quantization_config']);
  return {
    modelType: outline.model_type,
    className,
    quantizable: obstacle === null,
    runnable: known?.runnable === true && known.className === className,
    obstacle,
    layers: outline.num_hidden_layers ?? null,
    hiddenSize: outline.hidden_size ?? null,
    vocabularySize: outline.vocab_size ?? null,
    contextLength: outline.max_position_embeddings ?? null,
  };
}

function obstacleTo(modelType: string, className: string, quantization: unknown): string | null {
  const known = architectures.get(modelType);
  if (known === undefined || known.className !== className)
    return `${className} (model_type ${modelType}) is not an architecture that Nibble can quantize.`;
  if (quantization === undefined || quantization === null) return null;
  const method =
    typeof quantization === 'object' && 'quant_method' in quantization
      ? String(quantization.quant_method).slice(0, 64)
      : 'an unknown method';
  return `This checkpoint is already quantized (${method}).`;
}

/**
 * The test for linear layers of a model: given a tensor's name, whether it is the weight of one.
 *
 * @throws AppError `unsupported-model` for an architecture that is not known, or one that is already quantized
 */
export function linearWeightTest(config: unknown): (tensorName: string) => boolean {
  const description = describeArchitecture(config);
  if (description.obstacle !== null) {
    const known = architectures.get(description.modelType);
    if (known?.className !== description.className)
      throw unsupportedModel(description.obstacle, 'quantizable');
    throw new AppError('unsupported-model', description.obstacle, {
      remedy:
        'Choose the original, unquantized repository: quantizing twice would only add errors.',
    });
  }
  const layers = new Set(architectures.get(description.modelType)?.linearLayers);
  return (tensorName) => {
    const match = /^model\.layers\.\d+\.(.+)\.weight$/.exec(tensorName);
    return match?.[1] !== undefined && layers.has(match[1]);
  };
}
