import { EMBEDDINGS, OUTPUT_LAYER } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { isFloatDtype, type FloatDtype } from '../formats/index.ts';
import { normType, textConfig, textNames } from '../models/index.ts';

function isNorm(name: string): boolean {
  return /norm\.weight$/.test(name);
}

/** @param config The parsed config.json. */
function field(config: unknown, name: string): unknown {
  return typeof config === 'object' && config !== null
    ? Object.entries(config).find(([key]) => key === name)?.[1]
    : undefined;
}

/**
 * Which of the tensors that are kept must be stored in a wider type, so that transformers and bitsandbytes can compute
 * with the folder. Transformers converts the weights of a plain checkpoint to one type as it loads them; those of a
 * quantized one it leaves as they are stored, and PyTorch multiplies no matrices of two types. Widening changes no value;
 * narrowing, which transformers does, would make the numbers of every runner worse.
 *
 * @param kept The tensors that are not quantized.
 * @param config config.json, parsed.
 * @returns the type by name, for those whose type changes; empty where all have one type, as in nearly every checkpoint
 */
export function widenedTypes(
  kept: readonly TensorInfo[],
  config: unknown,
): ReadonlyMap<string, FloatDtype> {
  const norms = normType(config);
  const names = textNames(kept);
  const modules = new Set(
    kept.flatMap(({ name }) =>
      name.endsWith('.weight') ? [name.slice(0, -'.weight'.length)] : [],
    ),
  );
  const counted = kept.filter(
    ({ name, dtype }) =>
      isFloatDtype(dtype) &&
      // Others, such as what corrects a router's scores, are added or multiplied element by element.
      /\.(?:weight|bias)$/.test(name) &&
      !(isNorm(name) && norms === 'keep') &&
      // The bias of a quantized layer is converted by bitsandbytes.
      !(name.endsWith('.bias') && !modules.has(name.slice(0, -'.bias'.length))),
  );
  // Of float16 and bfloat16 neither holds the other's values. Two types can only be brought together in the widest.
  if (new Set(counted.map(({ dtype }) => dtype)).size < 2) return new Map();
  // Embeddings that are nothing else may stay: the first norm widens what comes out of them, and all that follows.
  const isAlone =
    norms === 'widen' &&
    counted.some(({ name }) => names.plain(name) === OUTPUT_LAYER) &&
    field(textConfig(config), 'tie_word_embeddings') !== true;
  return new Map(
    counted
      .filter(
        ({ name, dtype }) => dtype !== 'F32' && !(names.plain(name) === EMBEDDINGS && isAlone),
      )
      .map(({ name }) => [name, 'F32']),
  );
}

const floatOf = new DataView(new ArrayBuffer(4));

/** The float32 of a float16's bits. Subnormal numbers are multiples of 2^-24 (IEEE 754 binary16). */
function fromFloat16(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
  // Infinity and NaN have the largest exponent of either type; the biases are 15 and 127.
  const wide = exponent === 0x1f ? 0xff : exponent + 112;
  floatOf.setUint32(0, sign | (wide << 23) | (fraction << 13));
  return floatOf.getFloat32(0);
}

/**
 * The same numbers in float32.
 *
 * @param bytes Little-endian, as safetensors stores them.
 */
export function widenToFloat32(bytes: Uint8Array, dtype: 'BF16' | 'F16'): Uint8Array {
  const halves = new Uint16Array(new Uint8Array(bytes).buffer);
  if (dtype === 'BF16')
    return new Uint8Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
  return new Uint8Array(Float32Array.from(halves, fromFloat16).buffer);
}
