// The table of plain NEON kernels, for ARM processors without the dot product instruction (Cortex-A53 to A73).

#include "cpu/linear/linear_kernels.h"

#include "cpu/neon/linear_lanes.h"
#include "cpu/neon/linear_many.h"
#include "cpu/neon/linear_table.h"

namespace nibble::linear {
namespace {

/// Two products of magnitudes up to 128 * 127 fit 16 bits; sums of more are kept in 32.
struct Widening : RowQuads {
  /// Four neighbouring products each.
  static inline int32x4_t dot(int32x4_t sums, int8x16_t w, int8x16_t x) {
    const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    return vpadalq_s16(sums, vpaddq_s16(low, vmull_high_s8(w, x)));
  }

  static inline int32x4_t dwords(int32x4_t sums, int8x16_t w, int32x4_t four) {
    return dot(sums, w, vreinterpretq_s8_s32(four));
  }

  static inline void multiply(int32x4_t (&sums)[kRegisters], const std::int8_t* w, const int8x16_t (&x)[kTokens]) {
    NIBBLE_UNROLL for (std::size_t t = 0; t < kTokens; ++t) {
      const int32x4_t four = vreinterpretq_s32_s8(x[t]);
      NIBBLE_UNROLL for (std::size_t q = 0; q < 2; ++q) {
        int32x4_t& sum = sums[q * kTokens + t];
        sum = dwords(sum, vld1q_s8(w + 16 * q), vdupq_laneq_s32(four, 0));
        sum = dwords(sum, vld1q_s8(w + 16 * q + 32), vdupq_laneq_s32(four, 1));
        sum = dwords(sum, vld1q_s8(w + 16 * q + 64), vdupq_laneq_s32(four, 2));
        sum = dwords(sum, vld1q_s8(w + 16 * q + 96), vdupq_laneq_s32(four, 3));
      }
    }
  }
};

}  // namespace

const LinearKernels kNeonKernels = {
    neon::quantize,
    /*pack=*/nullptr,
    /*round_lanes=*/nullptr,
    lanes<Widening>,
    grouped_many<Widening>,
    neon::expand4,
    neon::expand8,
    neon::widen,
    neon::dots,
    neon::dots16,
};

}  // namespace nibble::linear
