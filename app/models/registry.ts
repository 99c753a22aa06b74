import { apertus } from './families/dense/apertus.ts';
import { arcee, nemotron } from './families/dense/arcee.ts';
import { bitnet } from './families/dense/bitnet.ts';
import { cohere, cohere2 } from './families/dense/cohere.ts';
import { falconH1 } from './families/hybrids/falcon-h1.ts';
import { ernie45, ernie45Moe } from './families/dense/ernie4-5.ts';
import { deepseek2, deepseek3 } from './families/mixtures/deepseek.ts';
import { exaone4 } from './families/dense/exaone4.ts';
import type { Family } from './family.ts';
import { gemma, gemma2, gemma3 } from './families/gemma/gemma.ts';
import { gemma4 } from './families/gemma/gemma4.ts';
import { glm4 } from './families/dense/glm4.ts';
import { dots1, glm4Moe } from './families/mixtures/glm4-moe.ts';
import { gptNeox } from './families/dense/gpt-neox.ts';
import { gpt2 } from './families/dense/gpt2.ts';
import { hunyuanDense, hunyuanMoe } from './families/dense/hunyuan.ts';
import { lfm2, lfm2Moe } from './families/hybrids/lfm2.ts';
import { graniteMoeHybrid } from './families/hybrids/granite-hybrid.ts';
import { gptOss } from './families/mixtures/gpt-oss.ts';
import { granite, graniteMoe } from './families/dense/granite.ts';
import { llama } from './families/dense/llama.ts';
import { minimaxM2 } from './families/mixtures/minimax.ts';
import { ministral3, mistral } from './families/dense/mistral.ts';
import { mamba2 } from './families/hybrids/mamba2.ts';
import { mixtral } from './families/mixtures/mixtral.ts';
import { nemotronH } from './families/hybrids/nemotron-h.ts';
import { olmo2, olmo3, olmoe } from './families/dense/olmo.ts';
import { phi } from './families/dense/phi.ts';
import { phi3 } from './families/dense/phi3.ts';
import { phimoe } from './families/mixtures/phimoe.ts';
import { qwen35, qwen35Moe, qwen3Next } from './families/hybrids/qwen-delta.ts';
import { qwen2Moe, qwen3Moe, qwen3VlMoe } from './families/mixtures/qwen-moe.ts';
import { qwen2, qwen2Vl, qwen3, qwen3Vl } from './families/dense/qwen.ts';
import { seedOss } from './families/dense/seed-oss.ts';
import { smollm3 } from './families/dense/smollm3.ts';
import { stablelm } from './families/dense/stablelm.ts';
import { starcoder2 } from './families/dense/starcoder2.ts';

/** Every family that Nibble knows. A new one is a file in `families`, and a line here. */
export const families: readonly Family[] = [
  llama,
  mistral,
  ministral3,
  qwen2,
  qwen3,
  qwen2Vl,
  qwen3Vl,
  qwen2Moe,
  qwen3Moe,
  qwen3VlMoe,
  qwen35,
  qwen35Moe,
  qwen3Next,
  lfm2,
  lfm2Moe,
  mamba2,
  nemotronH,
  falconH1,
  graniteMoeHybrid,
  mixtral,
  gemma,
  gemma2,
  gemma3,
  gemma4,
  gptOss,
  deepseek2,
  deepseek3,
  granite,
  graniteMoe,
  smollm3,
  olmo2,
  olmo3,
  olmoe,
  exaone4,
  seedOss,
  phi3,
  phimoe,
  glm4Moe,
  dots1,
  minimaxM2,
  cohere,
  cohere2,
  glm4,
  ernie45,
  ernie45Moe,
  stablelm,
  starcoder2,
  arcee,
  nemotron,
  phi,
  hunyuanDense,
  hunyuanMoe,
  apertus,
  gptNeox,
  gpt2,
  bitnet,
];

/** A model type with its class and family. */
export interface KnownModel {
  readonly modelType: string;
  readonly className: string;
  readonly family: Family;
}

/** All of them by `model_type`. */
export const knownModels: ReadonlyMap<string, KnownModel> = new Map(
  families.flatMap((family) =>
    Object.entries(family.classes).map(([modelType, className]): [string, KnownModel] => [
      modelType,
      { modelType, className, family },
    ]),
  ),
);
