import { apertus } from './families/apertus.ts';
import { arcee, nemotron } from './families/arcee.ts';
import { bitnet } from './families/bitnet.ts';
import { cohere, cohere2 } from './families/cohere.ts';
import { falconH1 } from './families/falcon-h1.ts';
import { ernie45, ernie45Moe } from './families/ernie4-5.ts';
import { deepseek2, deepseek3 } from './families/deepseek.ts';
import { exaone4 } from './families/exaone4.ts';
import type { Family } from './family.ts';
import { gemma, gemma2, gemma3 } from './families/gemma.ts';
import { gemma4 } from './families/gemma4.ts';
import { glm4 } from './families/glm4.ts';
import { dots1, glm4Moe } from './families/glm4-moe.ts';
import { gptNeox } from './families/gpt-neox.ts';
import { gpt2 } from './families/gpt2.ts';
import { hunyuanDense, hunyuanMoe } from './families/hunyuan.ts';
import { lfm2, lfm2Moe } from './families/lfm2.ts';
import { graniteMoeHybrid } from './families/granite-hybrid.ts';
import { gptOss } from './families/gpt-oss.ts';
import { granite, graniteMoe } from './families/granite.ts';
import { llama } from './families/llama.ts';
import { minimaxM2 } from './families/minimax.ts';
import { ministral3, mistral } from './families/mistral.ts';
import { mamba2 } from './families/mamba2.ts';
import { mixtral } from './families/mixtral.ts';
import { nemotronH } from './families/nemotron-h.ts';
import { olmo2, olmo3, olmoe } from './families/olmo.ts';
import { phi } from './families/phi.ts';
import { phi3 } from './families/phi3.ts';
import { phimoe } from './families/phimoe.ts';
import { qwen35, qwen35Moe, qwen3Next } from './families/qwen-delta.ts';
import { qwen2Moe, qwen3Moe, qwen3VlMoe } from './families/qwen-moe.ts';
import { qwen2, qwen2Vl, qwen3, qwen3Vl } from './families/qwen.ts';
import { seedOss } from './families/seed-oss.ts';
import { smollm3 } from './families/smollm3.ts';
import { stablelm } from './families/stablelm.ts';
import { starcoder2 } from './families/starcoder2.ts';

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
