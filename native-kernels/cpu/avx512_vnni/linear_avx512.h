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

#include "cpu/linear/linear_kernels.h"
#include "cpu/linear/linear_scalars.h"
#include "cpu/linear/linear_strips.h"

namespace nibble::linear {

static inline __mmask16 first_lanes16(std::size_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << count) - 1);
}

static inline __mmask64 first_lanes64(std::size_t count) {
  return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

/// The 16 values of nested codes as the straight pieces of their map give them.
class NestedValues {
 public:
  explicit NestedValues(const NestedCurve& curve)
      : base_(by_leading_zeros(curve.base)), slope_(by_leading_zeros(curve.slope)) {}

  __m512 operator()(__m128i codes) const {
    const __m512i d = _mm512_sub_epi32(_mm512_cvtepu8_epi32(codes), _mm512_set1_epi32(127));
    const __m512i zeros = _mm512_lzcnt_epi32(_mm512_abs_epi32(d));
    const __m512i base = _mm512_castps_si512(_mm512_permutexvar_ps(zeros, base_));
    // base ^ (d & sign bit)
    const __m512i signed_base =
        _mm512_ternarylogic_epi32(base, d, _mm512_set1_epi32(static_cast<int>(0x80000000u)), 0x78);
    return _mm512_fmadd_ps(_mm512_permutexvar_ps(zeros, slope_), _mm512_cvtepi32_ps(d),
                           _mm512_castsi512_ps(signed_base));
  }

 private:
  /// Piece e, whose numbers have 31 - e leading zeros, at 15 - e: what a permutation takes of those leading zeros. The
  /// 32 of d = 0 become 0, where a zero lies.
  static __m512 by_leading_zeros(const float* pieces) {
    const __m512i backwards = _mm512_set_epi32(0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm512_maskz_permutexvar_ps(0xff00, backwards, _mm512_castps256_ps512(_mm256_loadu_ps(pieces)));
  }

  __m512 base_;
  __m512 slope_;
};

/// Runs of blocks that share one nested absmax (256 blocks): value(i, lanes) * absmax + offset, times the factor.
template <class Value>
static inline void scale_nested(const BlockScales& s, std::size_t first, std::size_t count, const Value& value,
                                float* out) {
  const __m512 offset = _mm512_set1_ps(s.nested_offset * s.factor);
  for (std::size_t i = 0; i < count;) {
    const std::size_t nested = (first + i) / 256;
    const std::size_t end = smaller(count, (nested + 1) * 256 - first);
    const __m512 scale = _mm512_set1_ps(load_unaligned(s.nested_absmax, nested) * s.factor);
    for (; i + 16 <= end; i += 16) {
      _mm512_storeu_ps(out + i, _mm512_fmadd_ps(value(i, 0xffff), scale, offset));
    }
    if (i < end) {
      const __mmask16 lanes = first_lanes16(end - i);
      _mm512_mask_storeu_ps(out + i, lanes, _mm512_fmadd_ps(value(i, lanes), scale, offset));
    }
    i = end;
  }
}

/// The scales of `count` blocks from `first` on, times the factor.
static inline void load_block_scales(const BlockScales& s, std::size_t first, std::size_t count, float* out) {
  if (s.values != nullptr) {
    const __m512 factor = _mm512_set1_ps(s.factor);
    const auto* values = reinterpret_cast<const unsigned char*>(s.values) + first * sizeof(float);
    for (std::size_t i = 0; i < count; i += 16) {
      const __mmask16 lanes = first_lanes16(count - i);
      const __m512 v = _mm512_maskz_loadu_ps(lanes, values + i * sizeof(float));
      _mm512_mask_storeu_ps(out + i, lanes, _mm512_mul_ps(v, factor));
    }
    return;
  }
  if (s.exponents) return load_exponents(s, first, count, out);
  const std::uint8_t* codes = s.codes + first;
  if (s.curve != nullptr) {
    const NestedValues values(*s.curve);
    scale_nested(
        s, first, count, [&](std::size_t i, __mmask16 lanes) { return values(_mm_maskz_loadu_epi8(lanes, codes + i)); },
        out);
    return;
  }
  // One by one: gathers are slow on many processors since their microcode was mended against side channels.
  for (std::size_t i = 0; i < count; ++i) out[i] = load_unaligned(s.nested_map, codes[i]);
  scale_nested(
      s, first, count, [&](std::size_t i, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, out + i); }, out);
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
