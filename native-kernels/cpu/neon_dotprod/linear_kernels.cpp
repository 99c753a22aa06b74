// The table for ARM processors with the dot product instruction (FEAT_DotProd: most since 2018).

#include "cpu/linear/linear_kernels.h"

#include "cpu/neon/linear_lanes.h"
#include "cpu/neon/linear_many.h"
#include "cpu/neon/linear_table.h"

namespace nibble::linear {
namespace {

struct DotProduct : RowQuads {
  static inline int32x4_t dot(int32x4_t sums, int8x16_t w, int8x16_t x) { return vdotq_s32(sums, w, x); }

  static inline void multiply(int32x4_t (&sums)[kRegisters], const std::int8_t* w, const int8x16_t (&x)[kTokens]) {
    NIBBLE_UNROLL for (std::size_t q = 0; q < 2; ++q) {
      const int8x16_t columns[4] = {vld1q_s8(w + 16 * q), vld1q_s8(w + 16 * q + 32), vld1q_s8(w + 16 * q + 64),
                                    vld1q_s8(w + 16 * q + 96)};
      NIBBLE_UNROLL for (std::size_t t = 0; t < kTokens; ++t) {
        int32x4_t& sum = sums[q * kTokens + t];
        sum = vdotq_laneq_s32(sum, columns[0], x[t], 0);
        sum = vdotq_laneq_s32(sum, columns[1], x[t], 1);
        sum = vdotq_laneq_s32(sum, columns[2], x[t], 2);
        sum = vdotq_laneq_s32(sum, columns[3], x[t], 3);
      }
    }
  }
};

}  // namespace

const LinearKernels kNeonDotprodKernels = {
    neon::quantize,
    /*pack=*/nullptr,
    /*round_lanes=*/nullptr,
    lanes<DotProduct>,
    grouped_many<DotProduct>,
    neon::expand4,
    neon::expand8,
    neon::widen,
    neon::dots,
    neon::dots16,
};

}  // namespace nibble::linear
