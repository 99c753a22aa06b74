#pragma once

// Shared by the AVX-512 kernels. Everything is static: a function with external linkage compiled with these flags could
// be chosen by the linker for the portable path.

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own intrinsics read a deliberately undefined register, and its warning points here once they are inlined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "cpu/linear_kernels.h"
#include "cpu/linear_scalars.h"
#include "cpu/linear_strips.h"

namespace nibble::linear {

static inline __mmask16 first_lanes16(std::size_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << count) - 1);
}

static inline __mmask64 first_lanes64(std::size_t count) {
  return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

/// Scales times the factor of `count` blocks from `first` on, from what their codes stand for.
/// @param raw [count]
/// @param out [count], may be raw
static inline void scale_nested(const BlockScales& s, std::size_t first, std::size_t count, const float* raw,
                                float* out) {
  const __m512 factor = _mm512_set1_ps(s.factor);
  const __m512 offset = _mm512_set1_ps(s.nested_offset);
  // Runs that share one nested absmax (256 blocks) are scaled together.
  for (std::size_t i = 0; i < count;) {
    const std::size_t nested = (first + i) / 256;
    const std::size_t end = smaller(count, (nested + 1) * 256 - first);
    const __m512 scale = _mm512_set1_ps(load_unaligned(s.nested_absmax, nested));
    for (; i + 16 <= end; i += 16) {
      const __m512 absmax = _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(raw + i), scale), offset);
      _mm512_storeu_ps(out + i, _mm512_mul_ps(absmax, factor));
    }
    if (i < end) {
      const __mmask16 lanes = first_lanes16(end - i);
      const __m512 absmax = _mm512_add_ps(_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, raw + i), scale), offset);
      _mm512_mask_storeu_ps(out + i, lanes, _mm512_mul_ps(absmax, factor));
    }
    i = end;
  }
}

/// The scales of `count` blocks from `first` on, times the factor.
static inline void load_block_scales(const BlockScales& s, std::size_t first, std::size_t count, float* out) {
  const __m512 factor = _mm512_set1_ps(s.factor);
  if (s.values != nullptr) {
    const auto* values = reinterpret_cast<const unsigned char*>(s.values) + first * sizeof(float);
    for (std::size_t i = 0; i < count; i += 16) {
      const __mmask16 lanes = first_lanes16(count - i);
      const __m512 v = _mm512_maskz_loadu_ps(lanes, values + i * sizeof(float));
      _mm512_mask_storeu_ps(out + i, lanes, _mm512_mul_ps(v, factor));
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) out[i] = load_unaligned(s.nested_map, s.codes[first + i]);
  scale_nested(s, first, count, out, out);
}

/// See spread_block_scales.
static inline void load_group_scales(const GroupedWeights& w, const ScaleCursor& cursor, std::size_t scale_stride,
                                     float* scales, float* zeros, float* scratch) {
  spread_block_scales(w, cursor, scale_stride, scales, zeros, scratch, load_block_scales);
}

/// Splits 64 bytes into their high and low nibbles, looked up as unsigned bytes (integer + 128).
struct NibblePair {
  __m512i high;
  __m512i low;
};
static inline NibblePair look_up(__m512i bytes, __m512i table) {
  const __m512i mask = _mm512_set1_epi8(15);
  return {_mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask)),
          _mm512_shuffle_epi8(table, _mm512_and_si512(bytes, mask))};
}
static inline __m512i unsigned_table(const std::int8_t* map) {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(map));
  return _mm512_broadcast_i32x4(_mm_xor_si128(table, _mm_set1_epi8(static_cast<char>(0x80))));
}

}  // namespace nibble::linear
