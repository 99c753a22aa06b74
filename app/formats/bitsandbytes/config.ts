import type { ConfigFacts } from '../format.ts';
import { PythonFloat, type PythonJson } from '../python-json.ts';

/** LLM.int8: activations of at least this magnitude are multiplied in 16 bit (Dettmers et al. 2022). */
const INT8_THRESHOLD = 6;

/**
 * `quantization_config` as transformers writes it for bitsandbytes, with every key.
 *
 * @param fourBit Null for LLM.int8.
 */
export function bitsandbytesConfig(
  { computeDtype, skipModules }: ConfigFacts,
  fourBit: { readonly type: string; readonly doubleQuant: boolean } | null,
): PythonJson {
  const isFourBit = fourBit !== null;
  return {
    _load_in_4bit: isFourBit,
    _load_in_8bit: !isFourBit,
    bnb_4bit_compute_dtype: isFourBit ? computeDtype : 'float32',
    bnb_4bit_quant_storage: 'uint8',
    bnb_4bit_quant_type: fourBit?.type ?? 'fp4',
    bnb_4bit_use_double_quant: fourBit?.doubleQuant ?? false,
    llm_int8_enable_fp32_cpu_offload: false,
    llm_int8_has_fp16_weight: false,
    llm_int8_skip_modules: skipModules,
    llm_int8_threshold: new PythonFloat(INT8_THRESHOLD),
    load_in_4bit: isFourBit,
    load_in_8bit: !isFourBit,
    quant_method: 'bitsandbytes',
  };
}
