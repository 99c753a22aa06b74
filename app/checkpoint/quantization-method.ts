import type { TensorInfo } from '../contract/checkpoint.ts';

/** What tells of a tensor how it is stored. */
export type StoredTensor = Pick<TensorInfo, 'name' | 'dtype'>;

/** What the method may be called: it is printed, and part of an error. */
const MAX_NAME_LENGTH = 64;

/** How config.json names its quantization: today, and in the first files of compressed-tensors. */
const CONFIG_KEYS = ['quantization_config', 'compression_config'] as const;

/** Endings of tensor names that only one method has, the most telling first. */
const NAME_ENDINGS: readonly (readonly [method: string, ending: RegExp])[] = [
  ['bitsandbytes', /\.weight\.(?:quant_state\.bitsandbytes__(?:nf4|fp4)|absmax|quant_map)$|\.SCB$/],
  ['gptq', /\.g_idx$/],
  ['awq or gptq', /\.(?:qweight|qzeros)$/],
  ['compressed-tensors', /\.weight_packed$/],
  ['mxfp4', /_blocks$/],
  ['nibble', /\.weight\.scales$/],
];

/** Endings of the weights that a plain checkpoint keeps in floating point. */
const MATRIX = /(?:_proj|\.(?:fc\d|dense|c_attn|c_fc|c_proj|qkv|w[123]))\.weight$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function methodOf(quantization: Record<string, unknown>): string {
  // Older files of AutoGPTQ, compressed-tensors and torchao leave the method out.
  const named =
    quantization['quant_method'] ?? quantization['quantization_method'] ?? quantization['format'];
  return typeof named === 'string' && named !== '' ? named.slice(0, MAX_NAME_LENGTH) : 'unknown';
}

/**
 * By what method a checkpoint's weights are quantized, as its config.json says it, or as names and types of its tensors
 * show; null for plain weights.
 *
 * @param config The parsed config.json.
 */
export function quantizationMethod(
  config: unknown,
  tensors: readonly StoredTensor[],
): string | null {
  if (isRecord(config))
    for (const key of CONFIG_KEYS) {
      const quantization = config[key];
      if (isRecord(quantization)) return methodOf(quantization);
      if (quantization !== undefined && quantization !== null) return 'unknown';
    }
  for (const [method, ending] of NAME_ENDINGS)
    if (tensors.some(({ name }) => ending.test(name))) return method;
  const types = new Set(tensors.filter(({ name }) => MATRIX.test(name)).map(({ dtype }) => dtype));
  if (types.has('F8_E4M3') || types.has('F8_E5M2')) return 'fp8';
  return types.has('I8') || types.has('U8') ? 'int8' : null;
}
