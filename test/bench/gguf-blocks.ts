/** ggml's blocks of quantized weights, as ggml-common.h lays them out and the reference code of ggml-quants.c fills them. */
export type GgufType = 'q4_0' | 'q8_0';

/** Weights that share a scale in Q4_0 and Q8_0. */
export const GGUF_BLOCK = 32;

/** Bytes of a block: a float16 scale and the codes. */
export const ggufBlockBytes: Readonly<Record<GgufType, number>> = { q4_0: 18, q8_0: 34 };

const half = new Float16Array(1);
const halfBits = new Uint16Array(half.buffer);
function halfOf(value: number): number {
  half[0] = value;
  return halfBits[0] ?? 0;
}

/** Q8_0: 32 weights as float16 scale and 32 int8 codes; d = absmax / 127, codes half away from zero. */
export function quantizeQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / GGUF_BLOCK;
  const out = new Uint8Array(blocks * ggufBlockBytes.q8_0);
  const view = new DataView(out.buffer);
  for (let b = 0; b < blocks; b++) {
    let absmax = 0;
    for (let k = 0; k < GGUF_BLOCK; k++)
      absmax = Math.max(absmax, Math.abs(values[b * GGUF_BLOCK + k] ?? 0));
    const d = absmax / 127;
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    view.setUint16(b * 34, halfOf(d), true);
    for (let k = 0; k < GGUF_BLOCK; k++) {
      const scaled = Math.fround((values[b * GGUF_BLOCK + k] ?? 0) * inverse);
      view.setInt8(b * 34 + 2 + k, Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5));
    }
  }
  return out;
}

/** Q4_0: 32 weights as float16 scale (value of largest magnitude over -8) and nibbles j | j + 16. */
export function quantizeQ4(values: Float32Array): Uint8Array {
  const blocks = values.length / GGUF_BLOCK;
  const out = new Uint8Array(blocks * ggufBlockBytes.q4_0);
  const view = new DataView(out.buffer);
  for (let b = 0; b < blocks; b++) {
    let extreme = 0;
    for (let k = 0; k < GGUF_BLOCK; k++) {
      const value = values[b * GGUF_BLOCK + k] ?? 0;
      if (Math.abs(value) > Math.abs(extreme)) extreme = value;
    }
    const d = extreme / -8;
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    view.setUint16(b * 18, halfOf(d), true);
    const code = (k: number): number =>
      Math.min(15, Math.trunc(Math.fround((values[b * GGUF_BLOCK + k] ?? 0) * inverse) + 8.5));
    for (let k = 0; k < GGUF_BLOCK / 2; k++) out[b * 18 + 2 + k] = code(k) | (code(k + 16) << 4);
  }
  return out;
}

/** What ggml multiplies with: float32(scale) times the code. */
export function dequantizeGguf(type: GgufType, bytes: Uint8Array): Float32Array {
  const size = ggufBlockBytes[type];
  const blocks = bytes.length / size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Float32Array(blocks * GGUF_BLOCK);
  for (let b = 0; b < blocks; b++) {
    const d = view.getFloat16(b * size, true);
    for (let k = 0; k < GGUF_BLOCK; k++) {
      const nibbles = bytes[b * size + 2 + (k % 16)] ?? 0;
      const code =
        type === 'q8_0'
          ? view.getInt8(b * size + 2 + k)
          : (k < GGUF_BLOCK / 2 ? nibbles & 15 : nibbles >> 4) - 8;
      out[b * GGUF_BLOCK + k] = d * code;
    }
  }
  return out;
}
