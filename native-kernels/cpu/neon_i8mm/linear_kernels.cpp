// The table for ARM processors with the int8 matrix instruction (FEAT_I8MM: Apple M2, Neoverse V1, Cortex-X2 and
// later). It helps where many tokens meet; a few are multiplied as on processors without it.

#include "cpu/linear/linear_kernels.h"

#include "cpu/neon/linear_lanes.h"
#include "cpu/neon/linear_many.h"
#include "cpu/neon/linear_table.h"

namespace nibble::linear {
namespace {

/// Registers hold 2 rows x 2 tokens: register 2 p + u has rows 2 p and 2 p + 1 of tokens 2 u and 2 u + 1, a row's two
/// tokens side by side. Eight columns of a row are followed by those of the next.
struct MatrixProduct {
  static inline int32x4_t dot(int32x4_t sums, int8x16_t w, int8x16_t x) { return vdotq_s32(sums, w, x); }

  static inline int8x16_t first_octets(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
  }
  static inline int8x16_t second_octets(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
  }

  static inline void interleave(const int8x16_t (&rows)[kRows], std::int8_t* out) {
    NIBBLE_UNROLL for (std::size_t p = 0; p < 4; ++p) {
      vst1q_s8(out + 16 * p, first_octets(rows[2 * p], rows[2 * p + 1]));
      vst1q_s8(out + 16 * p + 64, second_octets(rows[2 * p], rows[2 * p + 1]));
    }
  }

  static inline void multiply(int32x4_t (&sums)[kRegisters], const std::int8_t* w, const int8x16_t (&x)[kTokens]) {
    const int8x16_t first[2] = {first_octets(x[0], x[1]), first_octets(x[2], x[3])};
    const int8x16_t second[2] = {second_octets(x[0], x[1]), second_octets(x[2], x[3])};
    NIBBLE_UNROLL for (std::size_t p = 0; p < 4; ++p) {
      const int8x16_t a = vld1q_s8(w + 16 * p);
      const int8x16_t b = vld1q_s8(w + 16 * p + 64);
      NIBBLE_UNROLL for (std::size_t u = 0; u < 2; ++u) {
        sums[2 * p + u] = vmmlaq_s32(vmmlaq_s32(sums[2 * p + u], a, first[u]), b, second[u]);
      }
    }
  }

  static inline float32x4_t rows(std::size_t i, const Eight& eight) {
    const float32x4_t quad = i < 4 ? eight.low : eight.high;
    return i / 2 % 2 == 0 ? vzip1q_f32(quad, quad) : vzip2q_f32(quad, quad);
  }
  static inline float32x4_t tokens(std::size_t i, float32x4_t four) {
    const float32x2_t pair = i % 2 == 0 ? vget_low_f32(four) : vget_high_f32(four);
    return vcombine_f32(pair, pair);
  }
  static inline void untangle(const float32x4_t (&totals)[kRegisters], float32x4_t (&quads)[2][kTokens]) {
    NIBBLE_UNROLL for (std::size_t q = 0; q < 2; ++q) {
      NIBBLE_UNROLL for (std::size_t u = 0; u < 2; ++u) {
        quads[q][2 * u] = vuzp1q_f32(totals[4 * q + u], totals[4 * q + 2 + u]);
        quads[q][2 * u + 1] = vuzp2q_f32(totals[4 * q + u], totals[4 * q + 2 + u]);
      }
    }
  }
};

}  // namespace

const LinearKernels kNeonI8mmKernels = {
    neon::quantize,
    /*pack=*/nullptr,
    /*round_lanes=*/nullptr,
    lanes<MatrixProduct>,
    grouped_many<MatrixProduct>,
    neon::expand4,
    neon::expand8,
    neon::widen,
    neon::dots,
    neon::dots16,
};

}  // namespace nibble::linear
