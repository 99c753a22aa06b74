import { exaone4 } from './exaone4.ts';
import { sevenLinearLayers, type Family } from './family.ts';
import { gemma, gemma2, gemma3 } from './gemma.ts';
import { granite } from './granite.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { mixtral } from './mixtral.ts';
import { olmo2, olmo3, olmoe } from './olmo.ts';
import { phi3 } from './phi3.ts';
import { qwen2Moe, qwen3Moe } from './qwen-moe.ts';
import { qwen2, qwen3 } from './qwen.ts';
import { seedOss } from './seed-oss.ts';
import { smollm3 } from './smollm3.ts';

/** Families that can be quantized, but for which there are not all operators yet. */
function quantizedOnly(
  modelType: string,
  className: string,
  own: Partial<Pick<Family, 'isLinear' | 'normType'>> = {},
): Family {
  return {
    classes: { [modelType]: className },
    isLinear: sevenLinearLayers,
    normType: null,
    read: null,
    ...own,
  };
}

/** Every family that Nibble knows. A new one is a file beside this one, and a line here. */
export const families: readonly Family[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  qwen2Moe,
  qwen3Moe,
  mixtral,
  gemma,
  gemma2,
  gemma3,
  granite,
  smollm3,
  olmo2,
  olmo3,
  olmoe,
  exaone4,
  seedOss,
  phi3,
  quantizedOnly('stablelm', 'StableLmForCausalLM'),
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
