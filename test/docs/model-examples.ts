/** What the page 'Models' says of each model type that nothing in the code says: its name and repositories of it. */
export interface ModelExamples {
  /** As its makers call it. */
  readonly name: string;
  /** On the Hugging Face hub. */
  readonly repositories: readonly string[];
  /** The first version of Nibble that runs it. */
  readonly since: string;
  /** The folder of its golden model, where that is of a model that sees besides. @default the model type */
  readonly golden?: string;
}

const FIRST = '0.1.0';

function of(name: string, ...repositories: readonly string[]): ModelExamples {
  return { name, repositories, since: FIRST };
}

/** By `model_type` of the text model. */
export const modelExamples: Readonly<Record<string, ModelExamples>> = {
  llama: of(
    'Llama, SmolLM2, TinyLlama',
    'meta-llama/Llama-3.2-1B-Instruct',
    'HuggingFaceTB/SmolLM2-360M-Instruct',
  ),
  mistral: of(
    'Mistral',
    'mistralai/Mistral-7B-Instruct-v0.3',
    'mistralai/Mistral-Nemo-Instruct-2407',
  ),
  ministral3: of('Ministral 3, Devstral Small 2', 'mistralai/Ministral-3-3B-Instruct-2512'),
  qwen2: of(
    'Qwen 2 and 2.5, DeepSeek R1 Distill',
    'Qwen/Qwen2.5-1.5B-Instruct',
    'Qwen/Qwen2.5-Coder-7B-Instruct',
  ),
  qwen3: of('Qwen 3', 'Qwen/Qwen3-4B-Instruct-2507'),
  qwen2_5_vl_text: { ...of('Qwen 2.5 VL', 'Qwen/Qwen2.5-VL-7B-Instruct'), golden: 'qwen2_5_vl' },
  qwen3_vl_text: { ...of('Qwen 3 VL', 'Qwen/Qwen3-VL-4B-Instruct'), golden: 'qwen3_vl' },
  qwen2_moe: of('Qwen 1.5 and 2 MoE', 'Qwen/Qwen1.5-MoE-A2.7B-Chat'),
  qwen3_moe: of(
    'Qwen 3 MoE',
    'Qwen/Qwen3-30B-A3B-Instruct-2507',
    'Qwen/Qwen3-Coder-30B-A3B-Instruct',
  ),
  qwen3_vl_moe_text: {
    ...of('Qwen 3 VL MoE', 'Qwen/Qwen3-VL-30B-A3B-Instruct'),
    golden: 'qwen3_vl_moe',
  },
  qwen3_5_text: of('Qwen 3.5 and 3.6', 'Qwen/Qwen3.5-2B', 'Qwen/Qwen3.6-27B'),
  qwen3_5_moe_text: of('Qwen 3.5 and 3.6 MoE', 'Qwen/Qwen3.6-35B-A3B'),
  qwen3_next: of('Qwen 3 Next', 'Qwen/Qwen3-Coder-Next', 'Qwen/Qwen3-Next-80B-A3B-Instruct'),
  lfm2: of('LFM 2', 'LiquidAI/LFM2-1.2B'),
  lfm2_moe: of('LFM 2 MoE', 'LiquidAI/LFM2-8B-A1B'),
  mamba2: of('Mamba 2', 'mistralai/Mamba-Codestral-7B-v0.1'),
  nemotron_h: of('Nemotron H, Nemotron 3', 'nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16'),
  falcon_h1: of('Falcon H1', 'tiiuae/Falcon-H1-1.5B-Instruct'),
  granitemoehybrid: of('Granite 4 H', 'ibm-granite/granite-4.0-h-tiny'),
  mixtral: of('Mixtral', 'mistralai/Mixtral-8x7B-Instruct-v0.1'),
  gemma: of('Gemma 1, CodeGemma', 'google/gemma-2b-it'),
  gemma2: of('Gemma 2', 'google/gemma-2-2b-it'),
  gemma3_text: of('Gemma 3', 'google/gemma-3-270m-it', 'google/gemma-3-4b-it'),
  gemma3n_text: of('Gemma 3n', 'google/gemma-3n-E2B-it', 'google/gemma-3n-E4B-it'),
  gemma4_text: of('Gemma 4', 'google/gemma-4-E2B-it', 'google/gemma-4-26B-A4B-it'),
  gemma4_unified_text: of('Gemma 4, unified', 'google/gemma-4-12B-it'),
  gpt_oss: of('gpt-oss', 'openai/gpt-oss-20b'),
  deepseek_v2: of('DeepSeek V2', 'deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct'),
  deepseek_v3: of('DeepSeek V3 and R1', 'deepseek-ai/DeepSeek-V3'),
  granite: of('Granite 3', 'ibm-granite/granite-3.3-2b-instruct'),
  granitemoe: of('Granite 3 MoE', 'ibm-granite/granite-3.1-1b-a400m-instruct'),
  smollm3: of('SmolLM3', 'HuggingFaceTB/SmolLM3-3B'),
  olmo2: of('OLMo 2', 'allenai/OLMo-2-0425-1B-Instruct'),
  olmo3: of('OLMo 3', 'allenai/Olmo-3-7B-Instruct'),
  olmoe: of('OLMoE', 'allenai/OLMoE-1B-7B-0924-Instruct'),
  exaone4: of('EXAONE 4', 'LGAI-EXAONE/EXAONE-4.0-1.2B'),
  seed_oss: of('Seed-OSS', 'ByteDance-Seed/Seed-OSS-36B-Instruct'),
  phi3: of('Phi 3, 3.5 and 4', 'microsoft/Phi-4-mini-instruct', 'microsoft/phi-4'),
  phimoe: of('Phi 3.5 MoE', 'microsoft/Phi-3.5-MoE-instruct'),
  glm4_moe: of('GLM 4.5', 'zai-org/GLM-4.5-Air'),
  llama4_text: of('Llama 4', 'meta-llama/Llama-4-Scout-17B-16E-Instruct'),
  glm4_moe_lite: of('GLM 4.7 Flash', 'zai-org/GLM-4.7-Flash'),
  dots1: of('dots.llm1', 'rednote-hilab/dots.llm1.inst'),
  minimax_m2: of('MiniMax M2', 'MiniMaxAI/MiniMax-M2'),
  cohere: of('Command R', 'CohereLabs/c4ai-command-r-v01'),
  cohere2: of('Command R7B and A', 'CohereLabs/c4ai-command-r7b-12-2024'),
  glm4: of('GLM 4', 'zai-org/GLM-4-9B-0414'),
  ernie4_5: of('ERNIE 4.5', 'baidu/ERNIE-4.5-0.3B-PT'),
  ernie4_5_moe: of('ERNIE 4.5 MoE', 'baidu/ERNIE-4.5-21B-A3B-PT'),
  stablelm: of('StableLM 2', 'stabilityai/stablelm-2-1_6b-chat'),
  starcoder2: of('StarCoder 2', 'bigcode/starcoder2-3b'),
  arcee: of('AFM', 'arcee-ai/AFM-4.5B'),
  nemotron: of('Nemotron 4, Minitron', 'nvidia/Minitron-4B-Base'),
  phi: of('Phi 1 and 2', 'microsoft/phi-2'),
  hunyuan_v1_dense: of('Hunyuan', 'tencent/Hunyuan-1.8B-Instruct'),
  hunyuan_v1_moe: of('Hunyuan MoE', 'tencent/Hunyuan-A13B-Instruct'),
  apertus: of('Apertus', 'swiss-ai/Apertus-8B-Instruct-2509'),
  gpt_neox: of('GPT-NeoX, Pythia', 'EleutherAI/pythia-410m'),
  gpt2: of('GPT-2', 'openai-community/gpt2'),
  bitnet: of('BitNet b1.58, 16-bit weights', 'microsoft/bitnet-b1.58-2B-4T-bf16'),
};
