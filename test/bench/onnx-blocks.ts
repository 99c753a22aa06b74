import { quantizeQ4, quantizeQ8 } from './gguf-blocks.ts';

/** MatMulNBits of ONNX Runtime: unsigned codes around the middle of their range, one float32 scale per block. */
export type MatMulBits = 4 | 8;

/** As many weights share a scale as in Q4_0 and Q8_0: the most accurate size that ONNX Runtime's own tools offer. */
export const MATMUL_BLOCK = 32;

/** Scales are of the activations' type, float32 on a processor. */
export const MATMUL_SCALE_BITS = 32 / MATMUL_BLOCK;

/**
 * Codes and scales of a matrix whose rows are whole blocks. The same rule as Q4_0 and Q8_0 finds them, so that both
 * rivals lose the same; in a byte the first of two 4-bit codes lies in the low half.
 */
export function packMatMulNBits(
  weights: Float32Array,
  bits: MatMulBits,
): { codes: Uint8Array; scales: Float32Array } {
  const blocks = weights.length / MATMUL_BLOCK;
  const packed = bits === 4 ? quantizeQ4(weights) : quantizeQ8(weights);
  const view = new DataView(packed.buffer);
  const size = packed.length / blocks;
  const codes = new Uint8Array((weights.length * bits) / 8);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const from = block * size;
    const to = (block * MATMUL_BLOCK * bits) / 8;
    scales[block] = view.getFloat16(from, true);
    if (bits === 8)
      for (let i = 0; i < MATMUL_BLOCK; i++) codes[to + i] = view.getInt8(from + 2 + i) + 128;
    else
      for (let i = 0; i < MATMUL_BLOCK; i += 2) {
        // Q4_0 lays code i beside code i + 16.
        const half = i < 16 ? 0 : 4;
        const at = from + 2 + (i % 16);
        const low = ((packed[at] ?? 0) >> half) & 15;
        const high = ((packed[at + 1] ?? 0) >> half) & 15;
        codes[to + i / 2] = low | (high << 4);
      }
  }
  return { codes, scales };
}
