#pragma once

// Shared by the kernels of the ARM sets. Everything is static (see cpu/linear_scalars.h): these headers are compiled
// with and without the dot product and matrix instructions.

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "cpu/linear/linear_kernels.h"
#include "cpu/linear/linear_scalars.h"
#include "cpu/linear/linear_strips.h"

namespace nibble::linear {

/// Vectors of 16 bytes in 64 columns.
inline constexpr std::size_t kHalfVectors = 4;

/// 64 columns of one row as signed bytes: 4-bit the 32 even ones, then the 32 odd ones; 8-bit as they lie.
struct Half {
  int8x16_t v[kHalfVectors];
};

template <int kBits>
static constexpr std::size_t kHalfBytes = kBits == 4 ? 32 : 64;

/// @param p kHalfBytes bytes
template <int kBits>
static inline Half decode_half(const std::uint8_t* p, int8x16_t table) {
  if constexpr (kBits == 4) {
    const uint8x16_t mask = vdupq_n_u8(15);
    const uint8x16_t first = vld1q_u8(p);
    const uint8x16_t second = vld1q_u8(p + 16);
    return {{vqtbl1q_s8(table, vshrq_n_u8(first, 4)), vqtbl1q_s8(table, vshrq_n_u8(second, 4)),
             vqtbl1q_s8(table, vandq_u8(first, mask)), vqtbl1q_s8(table, vandq_u8(second, mask))}};
  } else {
    const auto* codes = reinterpret_cast<const std::int8_t*>(p);
    return {{vld1q_s8(codes), vld1q_s8(codes + 16), vld1q_s8(codes + 32), vld1q_s8(codes + 48)}};
  }
}

/// As above for a row's last `left` bytes; what lies behind counts as code 0 and meets zero activations.
template <int kBits>
static inline Half decode_tail(const std::uint8_t* p, std::size_t left, int8x16_t table) {
  std::uint8_t bytes[64] = {};
  std::memcpy(bytes, p, left);
  return decode_half<kBits>(bytes, table);
}

/// Where the activations that meet vector `i` of a half lie in a token's codes.
template <int kBits>
static inline std::size_t vector_offset(std::size_t half, std::size_t i) {
  return kBits == 4 ? half / 2 * 128 + half % 2 * 32 + i / 2 * 64 + i % 2 * 16 : half * 64 + i * 16;
}

/// Which of a half's groups vector `i` belongs to when groups have 32 columns.
template <int kBits>
static constexpr std::size_t group_of_vector(std::size_t i) {
  return kBits == 4 ? i % 2 : i / 2;
}

static inline void prefetch(const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#else
  (void)p;
#endif
}

/// The scales of `count` blocks from `first` on, times the factor.
static inline void load_block_scales(const BlockScales& s, std::size_t first, std::size_t count, float* out) {
  if (s.values != nullptr) {
    for (std::size_t i = 0; i < count; ++i) out[i] = load_unaligned(s.values, first + i) * s.factor;
    return;
  }
  if (s.exponents) return load_exponents(s, first, count, out);
  // Runs that share one nested absmax (256 blocks) are decoded together.
  for (std::size_t i = 0; i < count;) {
    const std::size_t nested = (first + i) / 256;
    const std::size_t end = smaller(count, (nested + 1) * 256 - first);
    const float scale = load_unaligned(s.nested_absmax, nested);
    for (; i < end; ++i) {
      const float product = load_unaligned(s.nested_map, s.codes[first + i]) * scale;
      out[i] = (product + s.nested_offset) * s.factor;
    }
  }
}

/// See spread_block_scales.
static inline void load_group_scales(const GroupedWeights& w, const ScaleCursor& cursor, std::size_t scale_stride,
                                     float* scales, float* zeros, float* scratch) {
  spread_block_scales(w, cursor, scale_stride, scales, zeros, scratch, load_block_scales);
}

}  // namespace nibble::linear
