#pragma once

// Shared by the AVX2 and AVX-VNNI kernels; everything is static (see cpu/linear_scalars.h).

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "cpu/linear/linear_kernels.h"
#include "cpu/linear/linear_scalars.h"
#include "cpu/linear/linear_strips.h"

namespace nibble::linear {

/// 64 columns of one row as signed bytes: 4-bit the 32 even ones and the 32 odd ones, 8-bit the first and second 32.
struct Half {
  __m256i a;
  __m256i b;
};

static inline __m256i load32(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

/// @param p 32 bytes (4-bit) or 64 bytes (8-bit)
template <int kBits>
static inline Half decode_half(const std::uint8_t* p, __m256i table) {
  if constexpr (kBits == 4) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i bytes = load32(p);
    return {_mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask)),
            _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, mask))};
  } else {
    return {load32(p), load32(p + 32)};
  }
}

/// As above for a row's last `left` bytes; what lies behind counts as code 0 and meets zero activations.
template <int kBits>
static inline Half decode_tail(const std::uint8_t* p, std::size_t left, __m256i table) {
  std::uint8_t bytes[64] = {};
  std::memcpy(bytes, p, left);
  return decode_half<kBits>(bytes, table);
}

static inline __m256i signed_table(const std::int8_t* map) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(map)));
}

/// Where a half's activations lie in a token's codes: `first` for a, first + kSecond<bits> for b.
template <int kBits>
static inline std::size_t half_offset(std::size_t half) {
  return kBits == 4 ? half / 2 * 128 + half % 2 * 32 : half * 64;
}
template <int kBits>
static constexpr std::size_t kSecond = kBits == 4 ? 64 : 32;

static inline float sum_of(__m256 v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

static inline std::int32_t sum_of(__m256i v) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

/// The 8 values of nested codes as the straight pieces of their map give them.
class NestedValues {
 public:
  explicit NestedValues(const NestedCurve& curve) : base_(by_exponent(curve.base)), slope_(by_exponent(curve.slope)) {}

  /// @param codes [8]
  __m256 operator()(const std::uint8_t* codes) const {
    const __m256 sign_bit = _mm256_set1_ps(-0.0f);
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes));
    const __m256 d = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(127)));
    // The half takes d = 0 to the exponent -1, whose three last bits are those of 7; no other exponent changes.
    const __m256 magnitude = _mm256_add_ps(_mm256_andnot_ps(sign_bit, d), _mm256_set1_ps(0.5f));
    const __m256i exponent = _mm256_srli_epi32(_mm256_castps_si256(magnitude), 23);
    const __m256 base = _mm256_xor_ps(_mm256_permutevar8x32_ps(base_, exponent), _mm256_and_ps(d, sign_bit));
    return _mm256_fmadd_ps(_mm256_permutevar8x32_ps(slope_, exponent), d, base);
  }

 private:
  /// Piece e at (127 + e) mod 8: the last bits of its numbers' exponents.
  static __m256 by_exponent(const float* pieces) {
    return _mm256_permutevar8x32_ps(_mm256_loadu_ps(pieces), _mm256_set_epi32(0, 7, 6, 5, 4, 3, 2, 1));
  }

  __m256 base_;
  __m256 slope_;
};

/// The scales of `count` blocks from `first` on, times the factor.
static inline void load_block_scales(const BlockScales& s, std::size_t first, std::size_t count, float* out) {
  if (s.values != nullptr) {
    const __m256 factor = _mm256_set1_ps(s.factor);
    const auto* values = reinterpret_cast<const unsigned char*>(s.values) + first * sizeof(float);
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
      const __m256 v = _mm256_castsi256_ps(load32(values + i * sizeof(float)));
      _mm256_storeu_ps(out + i, _mm256_mul_ps(v, factor));
    }
    for (; i < count; ++i) out[i] = load_unaligned(s.values, first + i) * s.factor;
    return;
  }
  if (s.exponents) return load_exponents(s, first, count, out);
  const std::uint8_t* codes = s.codes + first;
  std::size_t i = 0;
  if (s.curve != nullptr) {
    const NestedValues values(*s.curve);
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(out + i, values(codes + i));
  }
  // One by one: gathers are no faster, and much slower where a processor guards them.
  for (; i < count; ++i) out[i] = load_unaligned(s.nested_map, codes[i]);
  // Runs that share one nested absmax (256 blocks) are scaled together.
  const __m256 offset = _mm256_set1_ps(s.nested_offset * s.factor);
  for (i = 0; i < count;) {
    const std::size_t nested = (first + i) / 256;
    const std::size_t end = smaller(count, (nested + 1) * 256 - first);
    const float absmax = load_unaligned(s.nested_absmax, nested) * s.factor;
    const __m256 scale = _mm256_set1_ps(absmax);
    for (; i + 8 <= end; i += 8) _mm256_storeu_ps(out + i, _mm256_fmadd_ps(_mm256_loadu_ps(out + i), scale, offset));
    for (; i < end; ++i) out[i] = out[i] * absmax + s.nested_offset * s.factor;
  }
}

/// See spread_block_scales.
static inline void load_group_scales(const GroupedWeights& w, const ScaleCursor& cursor, std::size_t scale_stride,
                                     float* scales, float* zeros, float* scratch) {
  spread_block_scales(w, cursor, scale_stride, scales, zeros, scratch, load_block_scales);
}

}  // namespace nibble::linear
