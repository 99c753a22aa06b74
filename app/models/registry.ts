import { AppError } from '../contract/error.ts';
import { llama } from './families/dense/llama.ts';
import type { Family } from './family.ts';

/** A model type that a family reads. */
export interface KnownModel {
  readonly modelType: string;
  /** Its class in transformers (`architectures[0]`); null for text models that are only found within another model (wrappers.ts). */
  readonly className: string | null;
  /** Families are read from the disk when they are needed: a runner needs one, and waits for each file. */
  readonly load: () => Promise<Family>;
}

/**
 * Every model type that Nibble knows. A new one is a file in `families`, or a part of one, and a line here. Llama's file is read
 * always: it brings what nearly all of them share.
 */
const models: readonly KnownModel[] = [
  { modelType: 'llama', className: 'LlamaForCausalLM', load: () => Promise.resolve(llama) },
  {
    modelType: 'mistral',
    className: 'MistralForCausalLM',
    load: async () => (await import('./families/dense/mistral.ts')).mistral,
  },
  {
    modelType: 'ministral3',
    className: 'Ministral3ForCausalLM',
    load: async () => (await import('./families/dense/mistral.ts')).ministral3,
  },
  {
    modelType: 'qwen2',
    className: 'Qwen2ForCausalLM',
    load: async () => (await import('./families/dense/qwen.ts')).qwen2,
  },
  {
    modelType: 'qwen3',
    className: 'Qwen3ForCausalLM',
    load: async () => (await import('./families/dense/qwen.ts')).qwen3,
  },
  {
    modelType: 'qwen2_5_vl_text',
    className: null,
    load: async () => (await import('./families/dense/qwen.ts')).qwen2Vl,
  },
  {
    modelType: 'qwen3_vl_text',
    className: null,
    load: async () => (await import('./families/dense/qwen.ts')).qwen3Vl,
  },
  {
    modelType: 'qwen2_moe',
    className: 'Qwen2MoeForCausalLM',
    load: async () => (await import('./families/mixtures/qwen-moe.ts')).qwen2Moe,
  },
  {
    modelType: 'qwen3_moe',
    className: 'Qwen3MoeForCausalLM',
    load: async () => (await import('./families/mixtures/qwen-moe.ts')).qwen3Moe,
  },
  {
    modelType: 'qwen3_vl_moe_text',
    className: null,
    load: async () => (await import('./families/mixtures/qwen-moe.ts')).qwen3VlMoe,
  },
  {
    modelType: 'qwen3_5_text',
    className: 'Qwen3_5ForCausalLM',
    load: async () => (await import('./families/hybrids/qwen-delta.ts')).qwen35,
  },
  {
    modelType: 'qwen3_5_moe_text',
    className: 'Qwen3_5MoeForCausalLM',
    load: async () => (await import('./families/hybrids/qwen-delta.ts')).qwen35Moe,
  },
  {
    modelType: 'qwen3_next',
    className: 'Qwen3NextForCausalLM',
    load: async () => (await import('./families/hybrids/qwen-delta.ts')).qwen3Next,
  },
  {
    modelType: 'lfm2',
    className: 'Lfm2ForCausalLM',
    load: async () => (await import('./families/hybrids/lfm2.ts')).lfm2,
  },
  {
    modelType: 'lfm2_moe',
    className: 'Lfm2MoeForCausalLM',
    load: async () => (await import('./families/hybrids/lfm2.ts')).lfm2Moe,
  },
  {
    modelType: 'mamba2',
    className: 'Mamba2ForCausalLM',
    load: async () => (await import('./families/hybrids/mamba2.ts')).mamba2,
  },
  {
    modelType: 'nemotron_h',
    className: 'NemotronHForCausalLM',
    load: async () => (await import('./families/hybrids/nemotron-h.ts')).nemotronH,
  },
  {
    modelType: 'falcon_h1',
    className: 'FalconH1ForCausalLM',
    load: async () => (await import('./families/hybrids/falcon-h1.ts')).falconH1,
  },
  {
    modelType: 'granitemoehybrid',
    className: 'GraniteMoeHybridForCausalLM',
    load: async () => (await import('./families/hybrids/granite-hybrid.ts')).graniteMoeHybrid,
  },
  {
    modelType: 'mixtral',
    className: 'MixtralForCausalLM',
    load: async () => (await import('./families/mixtures/mixtral.ts')).mixtral,
  },
  {
    modelType: 'gemma',
    className: 'GemmaForCausalLM',
    load: async () => (await import('./families/gemma/gemma.ts')).gemma,
  },
  {
    modelType: 'gemma2',
    className: 'Gemma2ForCausalLM',
    load: async () => (await import('./families/gemma/gemma.ts')).gemma2,
  },
  {
    modelType: 'gemma3_text',
    className: 'Gemma3ForCausalLM',
    load: async () => (await import('./families/gemma/gemma.ts')).gemma3,
  },
  {
    modelType: 'gemma3n_text',
    className: 'Gemma3nForCausalLM',
    load: async () => (await import('./families/gemma/gemma3n.ts')).gemma3n,
  },
  {
    modelType: 'gemma4_text',
    className: 'Gemma4ForCausalLM',
    load: async () => (await import('./families/gemma/gemma4.ts')).gemma4,
  },
  {
    modelType: 'gemma4_unified_text',
    className: 'Gemma4UnifiedForCausalLM',
    load: async () => (await import('./families/gemma/gemma4.ts')).gemma4Unified,
  },
  {
    modelType: 'gpt_oss',
    className: 'GptOssForCausalLM',
    load: async () => (await import('./families/mixtures/gpt-oss.ts')).gptOss,
  },
  {
    modelType: 'deepseek_v2',
    className: 'DeepseekV2ForCausalLM',
    load: async () => (await import('./families/mixtures/deepseek.ts')).deepseek2,
  },
  {
    modelType: 'deepseek_v3',
    className: 'DeepseekV3ForCausalLM',
    load: async () => (await import('./families/mixtures/deepseek.ts')).deepseek3,
  },
  {
    modelType: 'granite',
    className: 'GraniteForCausalLM',
    load: async () => (await import('./families/dense/granite.ts')).granite,
  },
  {
    modelType: 'granitemoe',
    className: 'GraniteMoeForCausalLM',
    load: async () => (await import('./families/dense/granite.ts')).graniteMoe,
  },
  {
    modelType: 'smollm3',
    className: 'SmolLM3ForCausalLM',
    load: async () => (await import('./families/dense/smollm3.ts')).smollm3,
  },
  {
    modelType: 'olmo2',
    className: 'Olmo2ForCausalLM',
    load: async () => (await import('./families/dense/olmo.ts')).olmo2,
  },
  {
    modelType: 'olmo3',
    className: 'Olmo3ForCausalLM',
    load: async () => (await import('./families/dense/olmo.ts')).olmo3,
  },
  {
    modelType: 'olmoe',
    className: 'OlmoeForCausalLM',
    load: async () => (await import('./families/dense/olmo.ts')).olmoe,
  },
  {
    modelType: 'exaone4',
    className: 'Exaone4ForCausalLM',
    load: async () => (await import('./families/dense/exaone4.ts')).exaone4,
  },
  {
    modelType: 'seed_oss',
    className: 'SeedOssForCausalLM',
    load: async () => (await import('./families/dense/seed-oss.ts')).seedOss,
  },
  {
    modelType: 'phi3',
    className: 'Phi3ForCausalLM',
    load: async () => (await import('./families/dense/phi3.ts')).phi3,
  },
  {
    modelType: 'phimoe',
    className: 'PhimoeForCausalLM',
    load: async () => (await import('./families/mixtures/phimoe.ts')).phimoe,
  },
  {
    modelType: 'llama4_text',
    className: 'Llama4ForCausalLM',
    load: async () => (await import('./families/mixtures/llama4.ts')).llama4,
  },
  {
    modelType: 'glm4_moe',
    className: 'Glm4MoeForCausalLM',
    load: async () => (await import('./families/mixtures/glm4-moe.ts')).glm4Moe,
  },
  {
    modelType: 'glm4_moe_lite',
    className: 'Glm4MoeLiteForCausalLM',
    load: async () => (await import('./families/mixtures/deepseek.ts')).glm4MoeLite,
  },
  {
    modelType: 'dots1',
    className: 'Dots1ForCausalLM',
    load: async () => (await import('./families/mixtures/glm4-moe.ts')).dots1,
  },
  {
    modelType: 'minimax_m2',
    className: 'MiniMaxM2ForCausalLM',
    load: async () => (await import('./families/mixtures/minimax.ts')).minimaxM2,
  },
  {
    modelType: 'cohere',
    className: 'CohereForCausalLM',
    load: async () => (await import('./families/dense/cohere.ts')).cohere,
  },
  {
    modelType: 'cohere2',
    className: 'Cohere2ForCausalLM',
    load: async () => (await import('./families/dense/cohere.ts')).cohere2,
  },
  {
    modelType: 'glm4',
    className: 'Glm4ForCausalLM',
    load: async () => (await import('./families/dense/glm4.ts')).glm4,
  },
  {
    modelType: 'ernie4_5',
    className: 'Ernie4_5ForCausalLM',
    load: async () => (await import('./families/dense/ernie4-5.ts')).ernie45,
  },
  {
    modelType: 'ernie4_5_moe',
    className: 'Ernie4_5_MoeForCausalLM',
    load: async () => (await import('./families/dense/ernie4-5.ts')).ernie45Moe,
  },
  {
    modelType: 'stablelm',
    className: 'StableLmForCausalLM',
    load: async () => (await import('./families/dense/stablelm.ts')).stablelm,
  },
  {
    modelType: 'starcoder2',
    className: 'Starcoder2ForCausalLM',
    load: async () => (await import('./families/dense/starcoder2.ts')).starcoder2,
  },
  {
    modelType: 'arcee',
    className: 'ArceeForCausalLM',
    load: async () => (await import('./families/dense/arcee.ts')).arcee,
  },
  {
    modelType: 'nemotron',
    className: 'NemotronForCausalLM',
    load: async () => (await import('./families/dense/arcee.ts')).nemotron,
  },
  {
    modelType: 'phi',
    className: 'PhiForCausalLM',
    load: async () => (await import('./families/dense/phi.ts')).phi,
  },
  {
    modelType: 'hunyuan_v1_dense',
    className: 'HunYuanDenseV1ForCausalLM',
    load: async () => (await import('./families/dense/hunyuan.ts')).hunyuanDense,
  },
  {
    modelType: 'hunyuan_v1_moe',
    className: 'HunYuanMoEV1ForCausalLM',
    load: async () => (await import('./families/dense/hunyuan.ts')).hunyuanMoe,
  },
  {
    modelType: 'apertus',
    className: 'ApertusForCausalLM',
    load: async () => (await import('./families/dense/apertus.ts')).apertus,
  },
  {
    modelType: 'gpt_neox',
    className: 'GPTNeoXForCausalLM',
    load: async () => (await import('./families/dense/gpt-neox.ts')).gptNeox,
  },
  {
    modelType: 'gpt2',
    className: 'GPT2LMHeadModel',
    load: async () => (await import('./families/dense/gpt2.ts')).gpt2,
  },
  {
    modelType: 'bitnet',
    className: 'BitNetForCausalLM',
    load: async () => (await import('./families/dense/bitnet.ts')).bitnet,
  },
];

/** All of them by `model_type`. */
export const listedModels: ReadonlyMap<string, KnownModel> = new Map(
  models.map((model) => [model.modelType, model]),
);

const loaded = new Map<string, Family>();

/** Makes `familyOf` answer for a model type; one that is not listed is left to it. */
export async function loadFamily(modelType: string): Promise<void> {
  const listed = listedModels.get(modelType);
  if (listed !== undefined && !loaded.has(modelType)) loaded.set(modelType, await listed.load());
}

/** Makes `familyOf` answer for all that are listed. */
export async function loadFamilies(): Promise<void> {
  await Promise.all(Array.from(listedModels.keys(), loadFamily));
}

/**
 * The family of a type of text models, of those that stand alone and those within others.
 *
 * @throws AppError `internal` where it was not loaded
 */
export function familyOf(modelType: string): Family {
  const family = loaded.get(modelType);
  if (family === undefined) throw new AppError('internal', `${modelType} was not loaded.`);
  return family;
}
