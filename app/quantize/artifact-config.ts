import { AppError, assertNever } from '../contract/error.ts';
import { schemes } from '../contract/scheme.ts';
import { pythonDtype } from './output-tensors.ts';
import type { QuantizationPlan } from './plan.ts';
import { PythonFloat, pythonJson } from './python-json.ts';
import type { PythonJson } from './python-json.ts';

/** LLM.int8: activations of at least this magnitude are multiplied in 16 bit (Dettmers et al. 2022). */
const INT8_THRESHOLD = 6;

/**
 * The modules that transformers must leave alone; null lets it find the output layer by itself, which it stops doing
 * as soon as there is a list.
 */
function skipModules(plan: QuantizationPlan): readonly string[] | null {
  return plan.skippedModules.length === 0 ? null : ['lm_head', ...plan.skippedModules];
}

function computeDtype(plan: QuantizationPlan): string {
  for (const tensor of plan.tensors)
    if (tensor.treatment === 'quantized') return pythonDtype(tensor.dtype);
  return 'bfloat16';
}

/** `quantization_config` of the artifact, with every key that transformers writes; null when nothing is quantized. */
export function quantizationConfig(plan: QuantizationPlan): PythonJson {
  const { storage } = schemes[plan.scheme];
  switch (storage.kind) {
    case 'kept':
      return null;
    case '4bit':
    case 'int8-rows': {
      const isFourBit = storage.kind === '4bit';
      return {
        _load_in_4bit: isFourBit,
        _load_in_8bit: !isFourBit,
        bnb_4bit_compute_dtype: isFourBit ? computeDtype(plan) : 'float32',
        bnb_4bit_quant_storage: 'uint8',
        bnb_4bit_quant_type: isFourBit ? storage.type : 'fp4',
        bnb_4bit_use_double_quant: isFourBit && storage.doubleQuant,
        llm_int8_enable_fp32_cpu_offload: false,
        llm_int8_has_fp16_weight: false,
        llm_int8_skip_modules: skipModules(plan),
        llm_int8_threshold: new PythonFloat(INT8_THRESHOLD),
        load_in_4bit: isFourBit,
        load_in_8bit: !isFourBit,
        quant_method: 'bitsandbytes',
      };
    }
    case 'affine':
      return {
        quant_method: 'nibble',
        scheme: plan.scheme,
        bits: storage.bits,
        block_size: plan.blockSize,
        skip_modules: skipModules(plan),
      };
    default:
      return assertNever(storage);
  }
}

/**
 * config.json of the artifact: the checkpoint's own text with `quantization_config` added at its end.
 *
 * The text is not parsed and written anew: JavaScript would turn `10000.0` into `10000`, and transformers tells
 * integers from floats.
 *
 * @param configText A JSON object without `quantization_config` (planning refuses others).
 */
export function artifactConfigText(configText: string, plan: QuantizationPlan): string {
  const added = quantizationConfig(plan);
  if (added === null) return configText;
  const text = configText.trimEnd();
  const body = text.slice(0, -1).trimEnd();
  if (!text.endsWith('}') || body.endsWith('{'))
    throw new AppError('internal', 'config.json is not an object with keys.');
  return `${body},\n  "quantization_config": ${pythonJson(added, 2, 1)}\n}\n`;
}
